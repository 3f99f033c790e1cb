"""App state and everybody else: other apps, other origins, scopes, searches and batches."""

from typing import Any

import pytest

from auth.server.clients import Client, save_client
from sandbox.app_state import states
from tests.flow.app_state_world import CODE, basic, bearer, found
from tests.flow.smart_server import APP, FHIR, Registered, World, drive


async def _other_app(world: World, *, codes: tuple[str, ...] = ()) -> str:
    """A token of an app of another origin that the operator allowed ``codes``."""
    client = Client(
        id="other", redirect_uris=("https://other.example/cb",), launch_url="https://other.example/launch",
        scope="launch patient/*.cruds user/*.cruds", state_codes=codes,
    )  # fmt: skip
    await world.ehr.database.run(lambda c, now: save_client(c, now, client=client))
    return await bearer(world, client=Registered("other", "none", None, "", "", "https://other.example/cb"))


def test_state_of_another_app_is_not_there() -> None:
    async def act(world: World) -> None:
        mine = await bearer(world)
        said = (await world.fhir(mine, "POST", "Basic", json=basic())).json()
        other = await _other_app(world)
        place = f"Basic/{said['id']}"
        for method in ("GET", "PUT", "DELETE"):
            answer = await world.fhir(other, method, place, json=basic(id=said["id"]), headers={"if-match": 'W/"1"'})
            absent = await world.fhir(other, "GET", "Basic/nobody-has-this")
            assert (answer.status_code, absent.status_code) == (404, 404)
        assert await found(world, other, f"code={CODE}&subject={FHIR}/Patient/p1") == []
        assert (await world.fhir(mine, "GET", place)).json() == said

    drive(act)


def test_a_companion_app_reads_the_codes_that_the_operator_allowed_it() -> None:
    async def act(world: World) -> None:
        mine = await bearer(world)
        said = (await world.fhir(mine, "POST", "Basic", json=basic())).json()
        await world.fhir(mine, "POST", "Basic", json=basic(code=f"{APP}|private"))
        other = await _other_app(world, codes=(CODE,))
        assert await found(world, other, f"code={CODE}&subject={FHIR}/Patient/p1") == [said]
        assert await found(world, other, f"code={APP}|private&subject={FHIR}/Patient/p1") == []

    drive(act)


def test_a_code_at_a_look_alike_of_the_apps_origin_is_not_its_own() -> None:
    """Such a Basic is an ordinary resource, if anything: it is not kept as state."""

    async def act(world: World) -> None:
        token = await bearer(world)
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
        token = await bearer(world, scope, **launch)
        assert (await world.fhir(token, "POST", "Basic", json=basic(subject))).status_code == status

    drive(act)


def test_a_search_reaches_no_further_than_the_scopes() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="launch patient/*.cruds user/*.cruds")
        both = await bearer(world, client=client)
        for subject in ("Patient/p1", "Practitioner/d1", None):
            await world.fhir(both, "POST", "Basic", json=basic(subject))
        patient = await bearer(world, "launch patient/Basic.s", client=client)
        other = await bearer(world, "launch patient/Basic.s", client=client, patient="p2")
        assert len(await found(world, both, f"code={CODE}")) == 3
        assert len(await found(world, patient, f"code={CODE}")) == 1
        assert await found(world, other, f"code={CODE}") == []
        for query in (f"subject={FHIR}/Practitioner/d1", "subject:missing=true", f"subject={FHIR}/Patient/p2"):
            assert (await world.fhir(patient, "GET", f"Basic?code={CODE}&{query}")).status_code == 403

    drive(act)


@pytest.mark.parametrize(
    "query", ["subject:missing=false", f"subject={FHIR}/Patient/p1&subject:missing=true", "_id=x", "subject=x"]
)
def test_a_search_that_is_not_understood_is_refused(query: str) -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        assert (await world.fhir(token, "GET", f"Basic?code={CODE}&{query}")).status_code == 400

    drive(act)


def test_a_batch_does_not_get_around_any_of_this() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
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
        token = await bearer(world, client=client)
        said = (await world.fhir(token, "POST", "Basic", json=basic())).json()
        assert (await world.fhir(None, "GET", f"Basic/{said['id']}")).status_code == 401
        await world.revoke(client, token)
        assert (await world.fhir(token, "GET", f"Basic/{said['id']}")).status_code == 401

    drive(act)


def test_an_ordinary_basic_is_an_ordinary_resource() -> None:
    async def act(world: World) -> None:
        token = await bearer(world)
        body = {"resourceType": "Basic", "code": {"text": "referral"}, "subject": {"reference": "Patient/p1"}}
        made = await world.fhir(token, "POST", "Basic", json=body)
        assert made.status_code == 201
        assert (await world.fhir(token, "GET", f"Basic/{made.json()['id']}")).status_code == 200

    drive(act)
