"""App state (SMART App Launch 2.2 app-state, experimental)."""

import asyncio
import json
from typing import Any

import pytest

from auth.server.clients import Client, save_client
from sandbox.app_state import PER_SUBJECT, states
from tests.flow.smart_server import APP, FHIR, Registered, World, drive

SCOPE = "launch patient/Basic.cruds user/Basic.cruds"
CODE = f"{APP}|keys"


def basic(subject: str | None = "Patient/p1", *, value: str = "v1", code: str = CODE, **more: Any) -> dict[str, Any]:
    system, _, name = code.partition("|")
    return {
        "resourceType": "Basic",
        "code": {"coding": [{"system": system, "code": name}]},
        **({"subject": {"reference": f"{FHIR}/{subject}"}} if subject else {}),
        "extension": [{"url": f"{APP}/state", "valueString": value}],
        **more,
    }


async def _bearer(world: World, scope: str = SCOPE, client: Registered | None = None, **launch: Any) -> str:
    client = client or await world.register(scope="launch patient/*.cruds user/*.cruds")
    said = await world.signed_in(client, scope=scope, launch=launch)
    return str(said["access_token"])


async def _found(world: World, token: str, query: str) -> list[dict[str, Any]]:
    answer = await world.fhir(token, "GET", f"Basic?{query}")
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle.get("entry", [])))
    return [each["resource"] for each in bundle.get("entry", [])]


SUBJECTS = {"the patient": "Patient/p1", "the user": "Practitioner/d1", "nobody": None}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_state_is_kept_found_changed_and_deleted(subject: str | None) -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        made = await world.fhir(token, "POST", "Basic", json=basic(subject))
        said = made.json()
        assert (made.status_code, made.headers["etag"]) == (201, 'W/"1"')
        assert made.headers["location"] == f"{FHIR}/Basic/{said['id']}"
        assert said["meta"]["versionId"] == "1"
        assert {k: said[k] for k in said if k not in ("id", "meta")} == basic(subject)
        query = f"code={CODE}&" + (f"subject={FHIR}/{subject}" if subject else "subject:missing=true")
        assert await _found(world, token, query) == [said]
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
        assert await _found(world, token, query) == []

    drive(act)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_names_the_version_that_stands(method: str) -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
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
        token = await _bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        answers = await asyncio.gather(*(
            world.fhir(token, "PUT", f"Basic/{said['id']}", json=basic(id=said["id"], value=str(n)), headers={"if-match": 'W/"1"'})
            for n in range(8)
        ))  # fmt: skip
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7

    drive(act)


def test_what_was_deleted_stays_a_failed_precondition() -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
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
        token = await _bearer(world)
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
        token = await _bearer(world)
        answer = await world.fhir(token, "POST", "Basic", json=body)
        assert (answer.status_code, answer.json()["resourceType"]) == (422, "OperationOutcome")
        assert answer.json()["issue"][0]["expression"]
        assert await _found(world, token, f"code={CODE}") == []

    drive(act)


def test_256_kilobytes_are_kept_and_a_byte_more_is_not() -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        room = 256 * 1024 - len(json.dumps(basic(value="")).encode())
        for size, status in ((room, 201), (room + 1, 413)):
            body = json.dumps(basic(value="x" * size)).encode()
            headers = {"content-type": "application/fhir+json"}
            assert (await world.fhir(token, "POST", "Basic", content=body, headers=headers)).status_code == status

    drive(act)


def test_an_app_has_so_many_states_of_one_kind_about_one_subject() -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        for _ in range(PER_SUBJECT):
            assert (await world.fhir(token, "POST", "Basic", json=basic())).status_code == 201
        assert (await world.fhir(token, "POST", "Basic", json=basic())).status_code == 422
        assert (await world.fhir(token, "POST", "Basic", json=basic("Practitioner/d1"))).status_code == 201

    drive(act)


async def _other_app(world: World, *, codes: tuple[str, ...] = ()) -> str:
    """A token of an app of another origin that the operator allowed ``codes``."""
    client = Client(
        id="other", redirect_uris=("https://other.example/cb",), launch_url="https://other.example/launch",
        scope="launch patient/*.cruds user/*.cruds", state_codes=codes,
    )  # fmt: skip
    await world.ehr.database.run(lambda c, now: save_client(c, now, client=client))
    return await _bearer(world, client=Registered("other", "none", None, "", "", "https://other.example/cb"))


def test_state_of_another_app_is_not_there() -> None:
    async def act(world: World) -> None:
        mine = await _bearer(world)
        said = (await world.fhir(mine, "POST", "Basic", json=basic())).json()
        other = await _other_app(world)
        place = f"Basic/{said['id']}"
        for method in ("GET", "PUT", "DELETE"):
            answer = await world.fhir(other, method, place, json=basic(id=said["id"]), headers={"if-match": 'W/"1"'})
            absent = await world.fhir(other, "GET", "Basic/nobody-has-this")
            assert (answer.status_code, absent.status_code) == (404, 404)
        assert await _found(world, other, f"code={CODE}&subject={FHIR}/Patient/p1") == []
        assert (await world.fhir(mine, "GET", place)).json() == said

    drive(act)


def test_a_companion_app_reads_the_codes_that_the_operator_allowed_it() -> None:
    async def act(world: World) -> None:
        mine = await _bearer(world)
        said = (await world.fhir(mine, "POST", "Basic", json=basic())).json()
        await world.fhir(mine, "POST", "Basic", json=basic(code=f"{APP}|private"))
        other = await _other_app(world, codes=(CODE,))
        assert await _found(world, other, f"code={CODE}&subject={FHIR}/Patient/p1") == [said]
        assert await _found(world, other, f"code={APP}|private&subject={FHIR}/Patient/p1") == []

    drive(act)


def test_a_code_at_a_look_alike_of_the_apps_origin_is_not_its_own() -> None:
    """Such a Basic is an ordinary resource, if anything: it is not kept as state."""

    async def act(world: World) -> None:
        token = await _bearer(world)
        for system in (f"{APP}.evil.example", "http://app.example", "https://app.example:8443", "urn:app", APP[:-1]):
            await world.fhir(token, "POST", "Basic", json=basic(code=f"{system}|keys"))
        kept = await world.ehr.database.run(lambda c, now: c.execute(states.select()).all())
        assert kept == []
        await world.fhir(token, "POST", "Basic", json=basic(code=f"{APP}/deeper|keys"))
        assert len(await world.ehr.database.run(lambda c, now: c.execute(states.select()).all())) == 1

    drive(act)


@pytest.mark.parametrize(
    ("scope", "launch", "subject", "status"),
    [
        ("launch patient/Basic.c", {}, "Patient/p1", 201),
        ("launch patient/Basic.c", {}, "Practitioner/d1", 403),
        ("launch patient/Basic.c", {}, None, 403),
        ("launch patient/Basic.rs", {}, "Patient/p1", 403),
        ("launch patient/Observation.cruds", {}, "Patient/p1", 403),
        ("launch user/Basic.c", {}, "Practitioner/d1", 201),
        ("launch user/Basic.c", {}, "Patient/p1", 201),
        ("launch user/Basic.c", {}, "Patient/p2", 403),
        ("launch user/Basic.c", {"patient": None}, "Patient/p1", 403),
        ("launch user/Basic.c", {}, None, 201),
        ("launch user/Basic.c", {"user": "Patient/p1"}, None, 403),
        ("launch user/Basic.c", {"user": "RelatedPerson/r1"}, None, 403),
        ("launch patient/Basic.c?code=https://app.example|keys", {}, "Patient/p1", 201),
        ("launch patient/Basic.c?code=https://app.example|other", {}, "Patient/p1", 403),
    ],
)
def test_scopes_say_about_whom_state_may_be_kept(
    scope: str, launch: dict[str, Any], subject: str | None, status: int
) -> None:
    async def act(world: World) -> None:
        token = await _bearer(world, scope, **launch)
        assert (await world.fhir(token, "POST", "Basic", json=basic(subject))).status_code == status

    drive(act)


def test_a_search_reaches_no_further_than_the_scopes() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="launch patient/*.cruds user/*.cruds")
        both = await _bearer(world, client=client)
        for subject in ("Patient/p1", "Practitioner/d1", None):
            await world.fhir(both, "POST", "Basic", json=basic(subject))
        patient = await _bearer(world, "launch patient/Basic.s", client=client)
        other = await _bearer(world, "launch patient/Basic.s", client=client, patient="p2")
        assert len(await _found(world, both, f"code={CODE}")) == 3
        assert len(await _found(world, patient, f"code={CODE}")) == 1
        assert await _found(world, other, f"code={CODE}") == []
        for query in (f"subject={FHIR}/Practitioner/d1", "subject:missing=true", f"subject={FHIR}/Patient/p2"):
            assert (await world.fhir(patient, "GET", f"Basic?code={CODE}&{query}")).status_code == 403

    drive(act)


@pytest.mark.parametrize(
    "query", ["subject:missing=false", f"subject={FHIR}/Patient/p1&subject:missing=true", "_id=x", "subject=x"]
)
def test_a_search_that_is_not_understood_is_refused(query: str) -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        assert (await world.fhir(token, "GET", f"Basic?code={CODE}&{query}")).status_code == 400

    drive(act)


def test_a_batch_does_not_get_around_any_of_this() -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        entries = [
            {"request": {"method": "DELETE", "url": f"Basic/{said['id']}"}},
            {"request": {"method": "GET", "url": f"Basic/{said['id']}"}},
        ]
        await world.fhir(token, "POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert (await world.fhir(token, "GET", f"Basic/{said['id']}")).json() == said

    drive(act)


def test_state_takes_a_token_and_leaves_with_it() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="launch patient/*.cruds user/*.cruds")
        token = await _bearer(world, client=client)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        assert (await world.fhir(None, "GET", f"Basic/{said['id']}")).status_code == 401
        await world.revoke(client, token)
        assert (await world.fhir(token, "GET", f"Basic/{said['id']}")).status_code == 401

    drive(act)


def test_an_ordinary_basic_is_an_ordinary_resource() -> None:
    async def act(world: World) -> None:
        token = await _bearer(world)
        body = {"resourceType": "Basic", "code": {"text": "referral"}, "subject": {"reference": "Patient/p1"}}
        made = await world.fhir(token, "POST", "Basic", json=body)
        assert made.status_code == 201
        assert (await world.fhir(token, "GET", f"Basic/{made.json()['id']}")).status_code == 200

    drive(act)
