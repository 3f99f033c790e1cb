"""Refresh (SMART App Launch 2.2 app-launch step 7, scopes §refresh; RFC 9700 §4.14; abuse case B02)."""

import asyncio
from typing import Any

import pytest

from auth.server import tables
from auth.server.sessions import LIFE
from tests.flow.smart_server import BASE, World, drive

GRANTED = "launch offline_access patient/Observation.rs patient/Patient.r patient/Condition.rs?category=http://c|a user/Observation.write"


async def _granted(world: World, method: str = "none", scope: str = GRANTED) -> tuple[Any, dict[str, Any]]:
    client = await world.register(method)
    return client, await world.signed_in(client, scope=scope)


def test_a_refresh_answers_all_that_the_first_token_did() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, "client_secret_basic")
        answer = await world.refresh(client, first["refresh_token"])
        said = answer.json()
        for member in ("token_type", "expires_in", "scope", "patient", "smart_style_url"):
            assert said[member] == first[member]
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["pragma"] == "no-cache"
        assert await world.works(said["access_token"])

    drive(act)


SUBSETS = {
    "patient/Observation.r": "patient/Observation.r",
    "patient/Observation.read": "patient/Observation.read",
    "patient/Observation.rs?category=http://c|a": "patient/Observation.rs?category=http://c|a",
    "patient/Condition.r?category=http://c|a": "patient/Condition.r?category=http://c|a",
    "user/Observation.cud": "user/Observation.cud",
    "offline_access patient/Patient.r": "offline_access patient/Patient.r",
}


@pytest.mark.parametrize(("asked", "given"), SUBSETS.items())
def test_a_part_of_what_was_granted_is_given(asked: str, given: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world)
        answer = await world.refresh(client, first["refresh_token"], scope=asked)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()["scope"].split()) == set(given.split())

    drive(act)


WIDER = [
    "patient/Observation.rsu", "patient/Patient.rs", "patient/Patient.read", "patient/*.rs", "patient/Condition.rs",
    "patient/Condition.rs?category=http://c|b", "user/Observation.rs", "user/Observation.*", "openid",
    "patient/Observation.rs patient/Encounter.rs", "system/Observation.rs", "patient/Observation.sr", "nonsense", " ",
    "patient/Observation.rs\tpatient/Encounter.rs",
]  # fmt: skip


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
@pytest.mark.parametrize("asked", WIDER)
def test_more_than_was_granted_is_refused_and_the_token_stays_good(asked: str, method: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, method)
        answer = await world.refresh(client, first["refresh_token"], scope=asked)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert (await world.refresh(client, first["refresh_token"])).status_code == 200

    drive(act)


def test_a_narrower_token_reads_no_more_than_it_says_and_the_next_may_be_whole_again() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, "client_secret_post")
        narrow = (await world.refresh(client, first["refresh_token"], scope="patient/Patient.r")).json()
        assert (await world.fhir(narrow["access_token"], "GET", "Observation/laboratory-p1")).status_code == 403
        whole = (await world.refresh(client, first["refresh_token"])).json()
        assert (await world.fhir(whole["access_token"], "GET", "Observation/laboratory-p1")).status_code == 200

    drive(act)


def test_a_public_client_gets_a_new_token_and_the_old_one_ends_the_grant() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world)
        second = (await world.refresh(client, first["refresh_token"])).json()
        assert second["refresh_token"] != first["refresh_token"]
        assert await world.works(second["access_token"])
        assert (await world.refresh(client, first["refresh_token"])).json()["error"] == "invalid_grant"
        assert not await world.works(second["access_token"])
        assert not await world.works(first["access_token"])
        assert (await world.refresh(client, second["refresh_token"])).json()["error"] == "invalid_grant"

    drive(act)


def _nameless(world: World, token: str) -> Any:
    return world.http.post(f"{BASE}/auth/token", data={"grant_type": "refresh_token", "refresh_token": token})


def test_a_public_client_need_not_name_itself_and_its_old_token_ends_the_grant_all_the_same() -> None:
    """RFC 6749 §6: a refresh is the token alone, and fhirclient for JavaScript 2.6 sends no more."""

    async def act(world: World) -> None:
        _, first = await _granted(world)
        second = (await _nameless(world, first["refresh_token"])).json()
        assert await world.works(second["access_token"])
        assert (await _nameless(world, first["refresh_token"])).json()["error"] == "invalid_grant"
        assert not await world.works(second["access_token"])
        assert (await _nameless(world, "nothing")).json()["error"] == "invalid_client"

    drive(act)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_a_confidential_clients_token_is_worth_nothing_without_the_client(method: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, method)
        answer = await _nameless(world, first["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert (await world.refresh(client, first["refresh_token"])).status_code == 200

    drive(act)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_a_confidential_client_keeps_its_token(method: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, method)
        for _ in range(3):
            said = (await world.refresh(client, first["refresh_token"])).json()
            assert "refresh_token" not in said
            assert await world.works(said["access_token"])

    drive(act)


def test_of_eight_refreshes_at_once_a_public_client_gets_one_answer_and_the_grant_ends() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world)
        answers = await asyncio.gather(*(world.refresh(client, first["refresh_token"]) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        assert not await world.works(won["access_token"])

    drive(act)


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_another_client_gets_nothing_and_ends_nothing(method: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world)
        other = await world.register(method)
        assert (await world.refresh(other, first["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await world.refresh(client, first["refresh_token"])).status_code == 200

    drive(act)


def test_wrong_credentials_leave_the_token_good() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, "client_secret_post")
        answer = await world.http.post(
            f"{world.ehr.base}/auth/token",
            data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": client.id, "client_secret": "x"},
        )  # fmt: skip
        assert answer.status_code == 401
        assert (await world.refresh(client, first["refresh_token"])).status_code == 200

    drive(act)


@pytest.mark.parametrize("end", ["revoked", "late", "client removed"])
def test_a_refresh_token_that_has_ended_gives_nothing(end: str) -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world)
        if end == "revoked":
            await world.revoke(client, first["refresh_token"])
        elif end == "late":
            world.clock.now += 91 * 24 * 3600
        else:
            await world.http.delete(client.address, headers={"authorization": f"Bearer {client.access}"})
        answer = await world.refresh(client, first["refresh_token"])
        assert answer.json()["error"] == ("invalid_client" if end == "client removed" else "invalid_grant")

    drive(act)


def test_offline_access_outlives_the_session_and_online_access_does_not() -> None:
    async def act(world: World) -> None:
        client, offline = await _granted(world, "client_secret_basic")
        online = await world.signed_in(client, scope="launch online_access patient/Patient.rs")
        assert (await world.refresh(client, online["refresh_token"])).status_code == 200
        await world.ehr.database.run(lambda c, now: c.execute(tables.sessions.delete()) and None)
        assert (await world.refresh(client, online["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await world.refresh(client, offline["refresh_token"])).status_code == 200

    drive(act)


def test_online_access_ends_with_the_working_shift() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        online = await world.signed_in(client, scope="launch online_access patient/Patient.rs")
        world.clock.now += LIFE
        assert (await world.refresh(client, online["refresh_token"])).json()["error"] == "invalid_grant"

    drive(act)


def test_without_a_word_for_it_there_is_no_refresh_token() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        assert "refresh_token" not in await world.signed_in(client, scope="launch patient/Patient.rs")

    drive(act)


def test_what_the_client_is_no_longer_registered_for_is_not_given_again() -> None:
    async def act(world: World) -> None:
        client, first = await _granted(world, "client_secret_basic")
        headers = {"authorization": f"Bearer {client.access}"}
        metadata = (await world.http.get(client.address, headers=headers)).json()
        kept = {k: v for k, v in metadata.items() if not k.startswith("registration_")}
        changed = {**kept, "scope": "patient/Patient.rs offline_access"}
        assert (await world.http.put(client.address, json=changed, headers=headers)).status_code == 200
        said = (await world.refresh(client, first["refresh_token"])).json()
        assert set(said["scope"].split()) == {"offline_access", "patient/Patient.r"}

    drive(act)
