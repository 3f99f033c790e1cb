"""Lists, stories and dead letters, as a caller sees them: ``/api/outputs``, ``/api/deliveries``, ``/api/recalls``."""

import time
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.bodies import shapes
from tests.flow.delivery_world import CREATE_ONLY, EVERYTHING, ChartEhr, World, drive
from writeback import tables
from writeback.capabilities import Capabilities
from writeback.speaking.answers import Answer

SECRET_WORDS = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"business-rule","diagnostics":' \
    b'"Patient Mustermann is locked","details":{"text":"Mustermann","coding":[{"code":"59189"}]}}]}'  # fmt: skip


def minute_ago() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))


def refusing(method: str, path: str) -> Answer | None:
    """The EHR takes no RiskAssessment."""
    wrong = method != "GET" and path.startswith("RiskAssessment")
    return Answer(status=422, body=SECRET_WORDS) if wrong else None


def test_pages_of_outputs_are_complete_without_repeats_and_filters_hold(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, reader = await world.key("outputs.write"), await world.key("outputs.read")
        made = [(await world.submit(writer, patient=f"Patient/p{1 + n % 2}"))["id"] for n in range(5)]
        made += [(await world.submit(writer, version="2.0.0"))["id"]]
        seen: list[str] = []
        path: str | None = "/api/outputs?limit=2&ehr=spec"
        while path is not None:
            answer = await world.client.get(path, headers=reader)
            page = shapes.OutputsShown.model_validate_json(answer.content)
            seen += [each.id for each in page.outputs]
            assert ("link" in answer.headers) == (page.next is not None)
            path = page.next
        assert sorted(seen) == sorted(made)
        assert len(seen) == len(set(seen))
        for query, count in (
            ("model=echo", 6), ("version=2.0.0", 1), ("state=pending", 6), ("state=refused", 0), ("ehr=other", 0),
            ("state=refused&state=pending", 6), ("since=2199-01-01T00:00:00Z", 0), ("until=2199-01-01T00:00:00Z", 6),
        ):  # fmt: skip
            found = (await world.client.get(f"/api/outputs?{query}", headers=reader)).json()["outputs"]
            assert len(found) == count, query

    drive(act, tmp_path)


def test_a_patient_is_asked_for_in_a_body_and_never_in_an_address(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, reader = await world.key("outputs.write"), await world.key("outputs.read")
        for n in range(3):
            await world.submit(writer, patient=f"Patient/p{1 + n % 2}")
        answer = await world.client.get("/api/outputs?patient=Patient/p1", headers=reader)
        assert answer.status_code == 422
        found = await world.client.post(
            "/api/outputs/search", json={"patient": "Patient/p1", "limit": 1}, headers=reader
        )
        assert len(found.json()["outputs"]) == 1
        body = {"patient": "Patient/p1", "limit": 1, "cursor": found.json()["next"]}
        rest = await world.client.post("/api/outputs/search", json=body, headers=reader)
        assert {each["patient"] for each in rest.json()["outputs"]} == {"Patient/p1"}
        assert rest.json()["outputs"][0]["id"] != found.json()["outputs"][0]["id"]

    drive(act, tmp_path)


@pytest.mark.parametrize(
    ("query", "named"),
    [("limit=0", "limit"), ("limit=9999", "limit"), ("state=gone", "state"), ("since=yesterday", "since"),
     ("cursor=AAAA", "cursor"), ("cursor=%00", "cursor"), ("limit=1&limit=2", "limit"), ("colour=red", "query"),
     ("ehr=%FF%FE%0A", "ehr")],
)  # fmt: skip
def test_a_filter_that_is_not_understood_is_refused_by_name(query: str, named: str, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        reader = await world.key("outputs.read")
        for list_ in ("outputs", "deliveries"):
            answer = await world.client.get(f"/api/{list_}?{query}", headers=reader)
            assert answer.status_code == 422
            assert answer.json()["issue"][0]["expression"] == [named]

    drive(act, tmp_path)


def test_a_key_and_a_launch_see_only_what_is_theirs(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer = await world.key("outputs.write")
        for n in range(4):
            await world.submit(writer, patient=f"Patient/p{1 + n % 2}")
        for bound in ({"ehrs": ("elsewhere",)}, {"models": ("other",)}):
            reader = await world.key("outputs.read", "deliveries.manage", "recall", **bound)
            assert (await world.client.get("/api/outputs", headers=reader)).json()["outputs"] == []
            assert (await world.client.get("/api/deliveries", headers=reader)).json()["deliveries"] == []
        launched = await world.clinician()
        found = (await world.client.get("/api/outputs", headers=launched)).json()["outputs"]
        assert {each["patient"] for each in found} == {"Patient/p1"}
        assert (await world.client.get("/api/deliveries", headers=launched)).status_code == 403
        body = {"patient": "Patient/p2"}
        searched = await world.client.post("/api/outputs/search", json=body, headers=launched)
        assert searched.json()["outputs"] == []
        assert (await world.client.get("/api/deliveries")).status_code == 401
        staff = await world.staff()
        assert len((await world.client.get("/api/deliveries?role=x", headers=staff)).json()["issue"]) == 1
        assert len((await world.client.get("/api/deliveries", headers=staff)).json()["deliveries"]) == 10

    drive(act, tmp_path)


def test_a_dead_letter_tells_its_story_in_codes_and_not_in_the_ehrs_words(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, reader = await world.key("outputs.write"), await world.key("outputs.read")
        world.ehr.fault = refusing
        await world.submit(writer)
        await world.settle()
        dead = await world.client.get("/api/deliveries?state=rejected", headers=reader)
        page = shapes.DeliveriesShown.model_validate_json(dead.content)
        assert [(each.resource_type, each.status) for each in page.deliveries] == [("RiskAssessment", 422)]
        story = await world.client.get(f"/api/deliveries/{page.deliveries[0].delivery}", headers=reader)
        told = shapes.DeliveryStory.model_validate_json(story.content).history
        assert [(each.attempt, each.event, each.status, each.issues) for each in told] == [
            (1, "refused", 422, ["business-rule/59189"])
        ]
        assert "Mustermann" not in story.text
        assert "p1" not in story.text

    drive(act, tmp_path)


def test_a_dead_letter_is_sent_again_as_the_ehr_takes_it_now(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, manager = await world.key("outputs.write"), await world.key("deliveries.manage")
        world.ehr.fault = refusing
        id = (await world.submit(writer))["id"]
        await world.settle()
        assert await world.state(id) == "failed"
        world.ehr.fault = lambda method, path: None
        world.ehr.capabilities = EVERYTHING  # it takes PUT by id since
        dead = (await world.client.get("/api/deliveries?state=rejected", headers=manager)).json()["deliveries"][0]
        assert dead["strategy"] == "conditional"
        answer = await world.client.post(f"/api/deliveries/{dead['delivery']}/resend", headers=manager)
        assert (answer.status_code, answer.json()["state"], answer.json()["strategy"]) == (200, "ready", "put")
        assert [each["event"] for each in answer.json()["history"]] == ["refused", "resent"]
        await world.settle()
        assert await world.state(id) == "delivered"
        assert len(world.ehr.all("RiskAssessment")) == 1
        kinds = [each["activity"]["coding"][0]["code"] for each in world.ehr.all("Provenance")]
        assert kinds == ["CREATE"]  # it had been orphaned, and went along
        again = await world.client.post(f"/api/deliveries/{dead['delivery']}/resend", headers=manager)
        assert again.status_code == 409

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_what_may_be_there_is_looked_for_before_it_is_sent_again(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, manager = await world.key("outputs.write"), await world.key("deliveries.manage")
        await world.submit(writer)
        await world.settle()
        there = world.ehr.all("RiskAssessment")[0]
        dead = update(tables.deliveries).where(tables.deliveries.c.role == "primary")
        await world.gateway.run(lambda c, now: c.execute(dead.values(state="dead", doubtful=True, location=None)))
        key = (await world.client.get("/api/deliveries?state=dead", headers=manager)).json()["deliveries"][0][
            "delivery"
        ]
        answer = await world.client.post(f"/api/deliveries/{key}/resend", headers=manager)
        assert answer.json()["state"] == "in_doubt"
        writes = len(world.ehr.writes)
        await world.settle()
        shown = (await world.client.get(f"/api/deliveries/{key}", headers=manager)).json()
        assert (shown["state"], shown["id"], len(world.ehr.writes)) == ("delivered", there["id"], writes)

    drive(act, tmp_path)


def test_who_may_not_send_again_and_what_may_not_be(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, manager = await world.key("outputs.write"), await world.key("deliveries.manage")
        world.ehr.fault = refusing
        await world.submit(writer, as_of=minute_ago())
        await world.settle()
        key = (await world.client.get("/api/deliveries?state=rejected", headers=manager)).json()["deliveries"][0][
            "delivery"
        ]
        path = f"/api/deliveries/{key}/resend"
        foreign = {**await world.staff(), "origin": "https://evil.example"}
        for headers, status in (
            ({}, 401), (await world.key("outputs.read"), 403), (await world.clinician(), 403), (foreign, 403),
            (await world.key("deliveries.manage", ehrs=("elsewhere",)), 404),
        ):  # fmt: skip
            assert (await world.client.post(path, headers=headers)).status_code == status
        await world.submit(writer)  # a newer output of the same patient
        overtaken = await world.client.post(path, headers=manager)
        assert (overtaken.status_code, "newer" in overtaken.text) == (409, True)
        assert (await world.client.post(f"/api/deliveries/{'0' * 64}/resend", headers=manager)).status_code == 404

    drive(act, tmp_path)


def test_an_output_for_which_nothing_fitted_is_sent_when_something_does(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, manager = await world.key("outputs.write"), await world.key("deliveries.manage")
        shown = await world.submit(writer)
        assert shown["state"] == "not_writable"
        path = f"/api/outputs/{shown['id']}/resend"
        assert (await world.client.post(path, headers=manager)).status_code == 409
        world.ehr.capabilities = EVERYTHING
        answer = await world.client.post(path, headers=manager)
        assert (answer.status_code, answer.json()["state"]) == (200, "pending")
        await world.settle()
        assert await world.state(shown["id"]) == "delivered"

    drive(act, tmp_path, ehr=ChartEhr(capabilities=Capabilities()))


def test_a_recall_is_begun_by_a_key_for_it_and_told_to_its_end(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        writer, recaller = await world.key("outputs.write"), await world.key("recall")
        await world.submit(writer)
        await world.settle()
        body = {"model": "echo", "version": "1.0.0", "reason": "Wrong weights."}
        for headers, status in (
            ({}, 401), (writer, 403), (await world.staff(), 401), (await world.key("recall", ehrs=("spec",)), 403),
            (await world.key("recall", models=("other",)), 403),
        ):  # fmt: skip
            assert (await world.client.post("/api/recalls", json=body, headers=headers)).status_code == status
        begun = await world.client.post("/api/recalls", json=body, headers=recaller)
        assert begun.status_code == 202
        shapes.RecallShown.model_validate_json(begun.content)
        assert (await world.client.post("/api/recalls", json=body, headers=recaller)).status_code == 200
        await world.settle()
        told = await world.client.get(begun.headers["location"], headers=recaller)
        story = shapes.RecallStory.model_validate_json(told.content)
        assert (story.state, story.standing, story.counts, story.items) == ("done", 0, {"retracted": 2}, [])
        listed = await world.client.get("/api/recalls", headers=await world.staff())
        assert [each["id"] for each in listed.json()["recalls"]] == [story.id]

    drive(act, tmp_path)
