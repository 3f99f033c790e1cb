"""Who may decide about an output, and what a decision does to the EHR's copy (product.md §6, "Who may do what")."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.outputs.feedback import list_feedback
from gateway.people import sessions
from tests.flow.delivery_world import CREATE_ONLY, ChartEhr, World, drive
from writeback import tables
from writeback.errors import AnswerLost
from writeback.ledger import outputs
from writeback.speaking.answers import Answer

REASON = {"reason": "Read against the chart."}


async def delivered(world: World) -> str:
    id = (await world.submit(await world.key("outputs.write")))["id"]
    await world.settle()
    assert await world.state(id) == "delivered"
    return str(id)


async def amend(world: World, id: str, status: str, headers: dict[str, str] | None = None) -> int:
    body = {"status": status, "reason": "The lactate was another patient's."}
    headers = headers or await world.clinician()
    answer = await world.client.post(f"/api/outputs/{id}/amend", json=body, headers=headers)
    return answer.status_code


async def strangers(world: World) -> list[tuple[dict[str, str], int]]:
    """Everybody who may not decide about an output of Patient/p1 at ``spec``, and how they are told."""
    person = await world.clinician()
    return [
        ({"origin": person["origin"]}, 401),
        ({**await world.key("outputs.write", "deliveries.manage", "recall")}, 403),
        ({**await world.key("outputs.write"), "origin": person["origin"]}, 403),
        (await world.staff(), 403),
        (await world.clinician(patient="p2"), 403),
        (await world.clinician(ehr="other"), 403),
        (await world.clinician(fhir_user="Patient/p1"), 403),
        (await world.clinician(fhir_user="RelatedPerson/r1"), 403),
        (await world.clinician(fhir_user=None), 403),
        ({**person, "origin": "https://evil.example"}, 403),
        ({"cookie": person["cookie"]}, 403),
        ({**person, "sec-fetch-site": "cross-site"}, 403),
    ]


@pytest.mark.parametrize("decision", ["confirm", "reject"])
def test_only_a_practitioner_launched_with_the_patient_decides(decision: str, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        for headers, status in await strangers(world):
            answer = await world.client.post(f"/api/outputs/{id}/{decision}", json=REASON, headers=headers)
            assert answer.status_code == status
            assert await world.state(id) == "awaiting_confirmation"
        answer = await world.client.post(f"/api/outputs/{id}/{decision}", json=REASON, headers=await world.clinician())
        assert answer.status_code == 200
        assert answer.json()["decided_by"] == "Practitioner/d1"
        again = await world.client.post(f"/api/outputs/{id}/{decision}", json=REASON, headers=await world.clinician())
        assert again.status_code == 409

    drive(act, tmp_path, policy="confirm")


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 4001}, {"reason": 1}, {"reason": "x", "by": "me"}]
)
def test_a_decision_without_a_reason_is_none(body: dict[str, Any], tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        answer = await world.client.post(f"/api/outputs/{id}/confirm", json=body, headers=await world.clinician())
        assert answer.status_code == 422
        assert await world.state(id) == "awaiting_confirmation"

    drive(act, tmp_path, policy="confirm")


def test_what_is_confirmed_is_written_final_by_the_launch_with_its_verifier(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        assert world.ehr.writes == []
        await world.client.post(f"/api/outputs/{id}/confirm", json=REASON, headers=await world.clinician())
        await world.settle()
        assert [each["status"] for each in world.ehr.all("RiskAssessment")] == ["final"]
        agents = world.ehr.all("Provenance")[0]["agent"]
        roles = {agent["type"]["coding"][0]["code"]: agent["who"].get("reference") for agent in agents}
        assert roles["verifier"] == "Practitioner/d1"
        assert "launch:l1" in world.senders.spoke

    drive(act, tmp_path, policy="confirm")


def test_what_is_rejected_is_never_written(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        await world.client.post(f"/api/outputs/{id}/reject", json=REASON, headers=await world.clinician())
        await world.settle()
        assert (await world.state(id), world.ehr.writes) == ("declined", [])

    drive(act, tmp_path, policy="confirm")


def test_two_decisions_at_once_are_one(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        person = await world.clinician()
        answers = await asyncio.gather(
            *(
                world.client.post(f"/api/outputs/{id}/{word}", json=REASON, headers=person)
                for word in ("confirm", "reject") * 4
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7

    drive(act, tmp_path, policy="confirm")


def test_what_a_newer_confirmed_output_has_overtaken_is_not_confirmed(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key, person = await world.key("outputs.write"), await world.clinician()
        stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago)) for ago in (120, 60)]
        old, new = [(await world.submit(key, as_of=stamp))["id"] for stamp in stamps]
        for id, status in ((new, 200), (old, 409)):
            answer = await world.client.post(f"/api/outputs/{id}/confirm", json=REASON, headers=person)
            assert answer.status_code == status
        await world.settle()
        assert [await world.state(id) for id in (old, new)] == ["superseded", "delivered"]

    drive(act, tmp_path, policy="confirm")


def test_a_shadow_output_is_recorded_as_it_would_have_been_sent_and_never_sent(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        shown = await world.submit(await world.key("outputs.write"))
        await world.settle()
        assert (shown["state"], shown["deliveries"]) == ("shadow", [])
        assert shown["withheld"] == ["DocumentReference", "Device", "RiskAssessment", "Provenance"]
        assert world.ehr.writes == []
        kept = await world.gateway.run(lambda c, now: outputs.find_withheld(c, now, shown["id"]))
        assert [each["status"] for each in kept if each["resourceType"] == "RiskAssessment"] == ["preliminary"]
        page = await world.client.get(f"/outputs/{shown['id']}", headers=await world.staff())
        assert "would have been sent" in page.text
        assert await amend(world, shown["id"], "final") == 409
        answer = await world.client.post(
            f"/api/outputs/{shown['id']}/confirm", json=REASON, headers=await world.clinician()
        )
        assert answer.status_code == 409

    drive(act, tmp_path, policy="shadow")


def test_only_a_practitioner_amends(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await delivered(world)
        for headers, status in await strangers(world):
            assert await amend(world, id, "final", headers) == status
        assert (await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries.c.role)).all())).count(
            ("edit",)
        ) == 0

    drive(act, tmp_path)


@pytest.mark.parametrize(
    ("steps", "status", "state", "refused"),
    [
        (["final"], "final", "delivered", 0), (["final", "amended"], "amended", "delivered", 0),
        (["final", "corrected", "amended"], "amended", "delivered", 0), (["cancelled"], "cancelled", "retracted", 0),
        (["final", "entered-in-error"], "entered-in-error", "retracted", 0), (["entered-in-error"], "entered-in-error", "retracted", 0),
        (["amended"], "preliminary", "delivered", 1), (["final", "cancelled"], "final", "delivered", 1),
        (["final", "final"], "final", "delivered", 0),
    ],
)  # fmt: skip
def test_the_ehrs_copy_takes_the_steps_of_the_table_and_no_other(
    steps: list[str], status: str, state: str, refused: int, tmp_path: Path
) -> None:
    async def act(world: World) -> None:
        id = await delivered(world)
        before = world.ehr.all("RiskAssessment")[0]
        for step in steps:
            assert await amend(world, id, step) == 202
            await world.settle()
        kept = world.ehr.all("RiskAssessment")[0]
        assert (kept["status"], await world.state(id)) == (status, state)
        unreviewed = "not clinician-confirmed" in str(kept["note"])
        assert unreviewed == (steps[0] != "final")
        same = {name: value for name, value in kept.items() if name not in ("status", "note", "meta")}
        assert same == {name: value for name, value in before.items() if name not in ("status", "note", "meta")}
        assert kept["meta"]["security"] == before["meta"]["security"]
        shown = await world.gateway.run(lambda c, now: outputs.show_output(c, now, id))
        assert shown is not None
        assert [part["state"] for part in shown["edits"]].count("rejected") == refused

    drive(act, tmp_path)


def test_an_accepted_output_has_its_verifier_in_a_provenance_of_its_own(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await delivered(world)
        assert await amend(world, id, "final") == 202
        await world.settle()
        trail = next(each for each in world.ehr.all("Provenance") if each["activity"]["coding"][0]["code"] == "UPDATE")
        assert trail["agent"][0]["type"]["coding"][0]["code"] == "verifier"
        assert trail["agent"][0]["who"] == {"reference": "Practitioner/d1"}
        place = trail["target"][0]["reference"]
        assert place.endswith("/_history/2")
        assert trail["entity"][0]["what"]["reference"] == place.replace("/_history/2", "/_history/1")
        assert world.ehr.all("RiskAssessment")[0]["note"][-1]["authorReference"] == {"reference": "Practitioner/d1"}
        shown = await world.gateway.run(lambda c, now: outputs.show_output(c, now, id))
        assert shown is not None
        assert shown["decided_by"] == "Practitioner/d1"

    drive(act, tmp_path)


def test_a_lost_answer_and_a_stale_version_add_no_second_note(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await delivered(world)
        faults = {"stale": 2, "lost": 1}

        def stale(method: str, path: str) -> Answer | None:
            if method == "PUT" and path.startswith("RiskAssessment") and faults["stale"]:
                faults["stale"] -= 1
                return Answer(status=(409, 412)[faults["stale"]])
            return None

        def lost(method: str, path: str) -> None:
            if method == "PUT" and path.startswith("RiskAssessment") and faults["lost"]:
                faults["lost"] -= 1
                raise AnswerLost("cut")

        world.ehr.fault, world.ehr.after = stale, lost
        assert await amend(world, id, "final") == 202
        await world.settle()
        kept = world.ehr.kept[f"RiskAssessment/{world.ehr.all('RiskAssessment')[0]['id']}"]
        assert len(kept) == 2
        assert [note["text"][:8] for note in kept[-1]["note"]].count("Accepted") == 1

    drive(act, tmp_path)


def test_where_the_ehr_takes_no_update_the_clinician_is_told_so(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await delivered(world)
        assert await amend(world, id, "final") == 409

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_a_session_that_has_ended_decides_nothing(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        made = sessions.of_launch(
            now=time.time() - 9 * 3600, launch_id="l1", ehr="spec", patient="p1", fhir_user="Practitioner/d1"
        )
        answer = await world.client.post(f"/api/outputs/{id}/confirm", json=REASON, headers=await world.session(made))
        assert answer.status_code == 401

    drive(act, tmp_path, policy="confirm")


def test_every_decision_and_amendment_is_feedback_that_can_be_exported(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        headers = await world.key("outputs.write")
        for decision in ("confirm", "reject"):
            id = (await world.submit(headers))["id"]
            said = {"reason": f"{decision}: as I see it"}
            assert (
                await world.client.post(f"/api/outputs/{id}/{decision}", json=said, headers=await world.clinician())
            ).status_code == 200
            await world.settle()
        found = await world.gateway.run(lambda c, now: list_feedback(c, now, {}))
        assert [(each["action"], each["feedback"], each["user"]) for each in found] == [
            ("confirmed", "confirm: as I see it", "Practitioner/d1"), ("rejected", "reject: as I see it", "Practitioner/d1"),
        ]  # fmt: skip
        assert {each["location"] for each in found} == {"spec"}
        assert all(each["intervention"] and each["date"].endswith("Z") for each in found)
        assert "p1" not in str(found)
        behind = await world.gateway.run(lambda c, now: list_feedback(c, now, {"after": found[0]["id"]}))
        assert behind == found[1:]
        none = await world.gateway.run(lambda c, now: list_feedback(c, now, {"until": "2020-01-01T00:00:00Z"}))
        assert none == []
        with pytest.raises(ValueError, match="--since"):
            await world.gateway.run(lambda c, now: list_feedback(c, now, {"since": "yesterday"}))

    drive(act, tmp_path, policy="confirm")
