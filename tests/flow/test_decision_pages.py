"""What the pages tell a clinician after a decision, about a button that was pressed twice, and about a recalled version."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.outputs.feedback import list_feedback
from gateway.pages import visible, wording
from tests.contract.recall_world import begin
from tests.flow.delivery_world import CREATE_ONLY, ChartEhr, World, drive
from tests.flow.test_clinician_page import launched, page
from writeback import tables
from writeback.capabilities import Capabilities

FORM = 'action="/app/outputs/{id}/{word}"'


async def pressed(world: World, id: str, word: str, person: dict[str, str], **fields: str) -> tuple[int, str]:
    answer = await world.client.post(
        f"/app/outputs/{id}/{word}", data={"reason": "Read against the chart.", **fields}, headers=person
    )
    return answer.status_code, answer.headers.get("location", "")


@pytest.mark.parametrize(("word", "done"), [("confirm", "confirmed"), ("reject", "rejected")])
def test_a_button_that_is_pressed_twice_leads_to_the_same_page(word: str, done: str, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person = await launched(world)
        id = (await world.submit(await world.key("outputs.write")))["id"]
        there = (303, f"/app?launch=l1&done={done}#o{id}")
        assert [await pressed(world, id, word, person) for _ in range(2)] == [there, there]
        other = "reject" if word == "confirm" else "confirm"
        assert (await pressed(world, id, other, person))[0] == 409
        assert (await pressed(world, id, word, await world.clinician(fhir_user="Practitioner/d2")))[0] == 409
        assert len(await world.gateway.run(lambda c, now: list_feedback(c, now, {}))) == 1

    drive(act, tmp_path, policy="confirm")


def test_who_confirms_what_this_ehr_takes_in_no_form_is_told_that_nothing_is_written(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person = await launched(world)
        id = (await world.submit(await world.key("outputs.write")))["id"]
        status, there = await pressed(world, id, "confirm", person)
        assert (status, await world.state(id)) == (303, "not_writable")
        text = await page(world, person, there.partition("#")[0])
        assert "nothing of it is written to the chart" in text
        assert "It is being written" not in text
        assert "Reason given" not in text  # what stands there is the EHR's reason and not the clinician's

    drive(act, tmp_path, policy="confirm", ehr=ChartEhr(capabilities=Capabilities()))


def test_an_amendment_that_is_sent_twice_is_one(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        await world.settle()
        body = {"status": "corrected", "reason": "The lactate was another patient's."}
        person = await world.clinician()
        sent = [world.client.post(f"/api/outputs/{id}/amend", json=body, headers=person) for _ in range(3)]
        answers = await asyncio.gather(*sent)
        assert [answer.status_code for answer in answers] == [202] * 3
        await world.settle()
        (risk,) = world.ehr.all("RiskAssessment")
        assert [each["text"] for each in risk["note"]].count(body["reason"]) == 1
        assert (risk["meta"]["versionId"], len(world.ehr.all("Provenance"))) == ("2", 2)
        other = {**body, "reason": "And the potassium."}
        await world.client.post(f"/api/outputs/{id}/amend", json=other, headers=person)
        await world.settle()
        assert world.ehr.all("RiskAssessment")[0]["meta"]["versionId"] == "3"

    drive(act, tmp_path)


def test_what_waits_for_a_decision_is_on_the_page_however_much_is_newer(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key = await world.key("outputs.write")
        waits = (await world.submit(key, version="1.0.0"))["id"]
        for n in range(60):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600 - n))
            await world.submit(key, version="2.0.0", as_of=stamp)
        text = await page(world, await launched(world))
        assert FORM.format(id=waits, word="confirm") in text
        assert text.index(f'id="o{waits}"') == text.index('id="o')

    drive(act, tmp_path, policy="confirm")


def test_an_output_of_a_recalled_version_says_so_and_offers_no_decision(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        await world.settle()
        person = await launched(world)
        assert "was recalled" not in await page(world, person)
        await begin(world)
        await world.settle()
        assert await world.state(id) == "delivered"  # this EHR takes no update: a person has to take it back there
        for path in ("/app?launch=l1", f"/outputs/{id}", "/app/models/echo/1.0.0"):
            text = await page(world, person, path)
            assert "was recalled" in text
            assert "Wrong weights." in text
            assert FORM.format(id=id, word="amend") not in text
        assert "recalled" in await page(world, await world.staff(), "/models")

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_what_was_withdrawn_before_it_was_written_is_not_said_to_have_stood_in_the_chart(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        await begin(world)
        await world.settle()
        text = await page(world, await launched(world))
        assert "It was withdrawn before anything was written." in text
        assert "withdrawn from the chart" not in text

    drive(act, tmp_path, policy="confirm")


def test_a_card_says_what_time_its_output_is_of(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        await world.submit(await world.key("outputs.write"), as_of=at)
        assert f"{at[:10]} {at[11:16]} UTC" in await page(world, await launched(world))

    drive(act, tmp_path)


def test_who_decides_on_a_page_that_is_too_old_is_told_what_has_become_of_it(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key, person = await world.key("outputs.write"), await launched(world)
        first, second = [(await world.submit(key, version=version))["id"] for version in ("1.0.0", "2.0.0")]
        await pressed(world, first, "reject", person)
        await world.gateway.run(lambda c, now: c.execute(update(tables.outputs).values(valid_until=now - 1)))
        for id, said in ((first, "it is declined"), (second, "it has waited longer than it is valid")):
            body = {"reason": "Read against the chart."}
            answer = await world.client.post(f"/api/outputs/{id}/confirm", json=body, headers=person)
            assert (answer.status_code, said in answer.text) == (409, True)

    drive(act, tmp_path, policy="confirm")


def test_a_change_that_the_chart_did_not_take_says_why(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        await world.settle()
        person = await launched(world)
        body = {"status": "amended", "reason": "New culture."}  # nobody has accepted it yet
        assert (await world.client.post(f"/api/outputs/{id}/amend", json=body, headers=person)).status_code == 202
        await world.settle()
        assert wording.CAUSES["status_moved"] in await page(world, person)

    drive(act, tmp_path)


@pytest.mark.parametrize(("status", "state"), [("entered-in-error", "retracted"), ("corrected", "delivered")])
def test_what_the_ehr_has_deleted_is_withdrawn_by_who_asks_for_it_and_not_amended(
    status: str, state: str, tmp_path: Path
) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        await world.settle()
        world.ehr.kept = {name: each for name, each in world.ehr.kept.items() if not name.startswith("RiskAssessment")}
        person = await launched(world)
        body = {"status": status, "reason": "Of another patient."}
        assert (await world.client.post(f"/api/outputs/{id}/amend", json=body, headers=person)).status_code == 202
        await world.settle()
        assert await world.state(id) == state
        assert wording.CAUSES["gone"] in await page(world, person)

    drive(act, tmp_path)


def test_what_would_read_in_another_order_than_it_is_written_is_refused_and_shown_as_it_is(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        said = "take 1 \u202e0 mg\u202c daily"
        key = await world.key("outputs.write")
        answer = await world.client.post("/api/outputs", json=world.body(explanation=said), headers=key)
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["explanation"])
        text = await page(world, await launched(world))
        assert "\u202e" not in text
        assert visible(said) == "take 1 ⟦U+202E⟧0 mg\u202c daily"

    drive(act, tmp_path, policy="confirm")
