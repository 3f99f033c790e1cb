"""App state (SMART App Launch 2.2 app-state, experimental)."""

import asyncio
import json
from typing import Any

import pytest

from sandbox.app_state import PER_SUBJECT
from tests.flow.app_state_world import CODE, SUBJECTS, basic, bearer, found
from tests.flow.smart_server import APP, FHIR, World, drive


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_state_is_kept_found_changed_and_deleted(subject: str | None) -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        made = await world.fhir(token, "POST", "Basic", json=basic(subject))
        said = made.json()
        assert (made.status_code, made.headers["etag"]) == (201, 'W/"1"')
        assert made.headers["location"] == f"{FHIR}/Basic/{said['id']}"
        assert said["meta"]["versionId"] == "1"
        assert {k: said[k] for k in said if k not in ("id", "meta")} == basic(subject)
        query = f"code={CODE}&" + (f"subject={FHIR}/{subject}" if subject else "subject:missing=true")
        assert await found(world, token, query) == [said]
        changed = await world.fhir(
            token,
            "PUT",
            f"Basic/{said['id']}",
            json=basic(subject, value="v2", id=said["id"]),
            headers={"if-match": 'W/"1"'},
        )
        assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
        assert changed.json()["extension"][0]["valueString"] == "v2"
        assert (await world.fhir(token, "GET", f"Basic/{said['id']}")).json() == changed.json()
        gone = await world.fhir(token, "DELETE", f"Basic/{said['id']}", headers={"if-match": 'W/"2"'})
        assert gone.status_code == 204
        assert await found(world, token, query) == []

    drive(act)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_names_the_version_that_stands(method: str) -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        place, body = f"Basic/{said['id']}", basic(id=said["id"], value="other")
        for header, status in (({}, 428), ({"if-match": 'W/"2"'}, 412), ({"if-match": "*"}, 412)):
            answer = await world.fhir(token, method, place, json=body, headers=header)
            assert answer.status_code == status
        assert (await world.fhir(token, "GET", place)).json() == said
        assert (await world.fhir(token, method, place, json=body, headers={"if-match": 'W/"1"'})).status_code in (
            200,
            204,
        )

    drive(act)


def test_of_eight_changes_at_once_one_is_kept() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        answers = await asyncio.gather(*(
            world.fhir(token, "PUT", f"Basic/{said['id']}", json=basic(id=said["id"], value=str(n)), headers={"if-match": 'W/"1"'})
            for n in range(8)
        ))  # fmt: skip
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7

    drive(act)


def test_what_was_deleted_stays_a_failed_precondition() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        place = f"Basic/{said['id']}"
        await world.fhir(token, "DELETE", place, headers={"if-match": 'W/"1"'})
        for method in ("PUT", "DELETE"):
            answer = await world.fhir(token, method, place, json=basic(id=said["id"]), headers={"if-match": 'W/"1"'})
            assert answer.status_code == 412
        assert (await world.fhir(token, "GET", place)).status_code == 410

    drive(act)


@pytest.mark.parametrize(
    "other",
    [basic("Practitioner/d1"), basic(None), basic(code=f"{APP}|other"), basic(code=f"{APP}/more|keys")],
    ids=["another subject", "no subject", "another code", "another system"],
)
def test_subject_and_code_do_not_change(other: dict[str, Any]) -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        answer = await world.fhir(
            token, "PUT", f"Basic/{said['id']}", json={**other, "id": said["id"]}, headers={"if-match": 'W/"1"'}
        )
        assert answer.status_code == 412
        assert (await world.fhir(token, "GET", f"Basic/{said['id']}")).json() == said

    drive(act)


WRONG: dict[str, dict[str, Any]] = {
    "an id": basic(id="mine"),
    "a version": basic(meta={"versionId": "1"}),
    "a relative subject": {**basic(), "subject": {"reference": "Patient/p1"}},
    "a subject elsewhere": {**basic(), "subject": {"reference": "https://other.example/fhir/Patient/p1"}},
    "a version of a subject": {**basic(), "subject": {"reference": f"{FHIR}/Patient/p1/_history/1"}},
    "a subject of another type": basic("Observation/laboratory-p1"),
    "a subject that says more": {**basic(), "subject": {"reference": f"{FHIR}/Patient/p1", "display": "Ada"}},
    "a code that says more": {**basic(), "code": {**basic()["code"], "text": "x"}},
    "an extension of another type": basic(extension=[{"url": f"{APP}/x", "valueInteger": 1}]),
    "an extension within": basic(extension=[{"url": f"{APP}/x", "extension": []}]),
    "another element": basic(author={"reference": "Practitioner/d1"}),
    "a narrative": basic(text={"status": "empty", "div": "<div/>"}),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_could_not_be_kept_whole_is_refused(body: dict[str, Any]) -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        answer = await world.fhir(token, "POST", "Basic", json=body)
        assert (answer.status_code, answer.json()["resourceType"]) == (422, "OperationOutcome")
        assert answer.json()["issue"][0]["expression"]
        assert await found(world, token, f"code={CODE}") == []

    drive(act)


def test_256_kilobytes_are_kept_and_a_byte_more_is_not() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        room = 256 * 1024 - len(json.dumps(basic(value="")).encode())
        for size, status in ((room, 201), (room + 1, 413)):
            body = json.dumps(basic(value="x" * size)).encode()
            headers = {"content-type": "application/fhir+json"}
            assert (await world.fhir(token, "POST", "Basic", content=body, headers=headers)).status_code == status

    drive(act)


def test_an_app_has_so_many_states_of_one_kind_about_one_subject() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        for _ in range(PER_SUBJECT):
            assert (await world.fhir(token, "POST", "Basic", json=basic())).status_code == 201
        assert (await world.fhir(token, "POST", "Basic", json=basic())).status_code == 422
        assert (await world.fhir(token, "POST", "Basic", json=basic("Practitioner/d1"))).status_code == 201

    drive(act)
