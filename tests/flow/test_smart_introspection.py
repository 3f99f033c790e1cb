"""Introspection and revocation (SMART App Launch 2.2 token-introspection; RFC 7662, RFC 7009; abuse case B14)."""

from typing import Any

import pytest
from joserfc import jwt

from tests.flow.smart_server import BASE, FHIR, RING, START, World, drive

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


@pytest.mark.parametrize("method", METHODS)
def test_a_client_learns_what_its_token_is_good_for(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        said = await world.signed_in(
            client, launch={"encounter": "e1", "intent": "order", "need_patient_banner": False}
        )
        claims = jwt.decode(said["id_token"], RING.signing(START)).claims
        answer = await world.introspect(client, said["access_token"])
        assert "no-store" in answer.headers["cache-control"]
        assert answer.json() == {
            "active": True, "scope": said["scope"], "client_id": client.id, "exp": int(START) + said["expires_in"],
            "iat": int(START), "token_type": "Bearer", "iss": claims["iss"], "sub": claims["sub"],
            "fhirUser": claims["fhirUser"], "patient": "p1", "encounter": "e1", "intent": "order",
            "need_patient_banner": False, "smart_style_url": said["smart_style_url"],
        }  # fmt: skip
        assert claims["fhirUser"] == f"{FHIR}/Practitioner/d1"

    drive(act)


def test_without_an_id_token_there_is_no_identity() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        said = await world.signed_in(client, scope="launch patient/Patient.rs")
        told = (await world.introspect(client, said["access_token"])).json()
        assert told["active"] is True
        assert not {"iss", "sub", "fhirUser"} & set(told)

    drive(act)


def test_the_identity_stays_with_a_token_that_was_refreshed_for_less() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        said = await world.signed_in(client)
        narrow = (await world.refresh(client, said["refresh_token"], scope="patient/Patient.r")).json()
        told = (await world.introspect(client, narrow["access_token"])).json()
        assert told["scope"] == "patient/Patient.r"
        assert told["sub"] == jwt.decode(said["id_token"], RING.signing(START)).claims["sub"]

    drive(act)


def test_a_refresh_token_is_introspected_too() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        said = await world.signed_in(client)
        told = (await world.introspect(client, said["refresh_token"], token_type_hint="refresh_token")).json()
        assert told["active"] is True
        assert (told["iat"], told["exp"] > START + 24 * 3600) == (START, True)
        assert "token_type" not in told

    drive(act)


def test_a_token_that_was_rotated_out_is_inactive_and_asking_ends_nothing() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        first = await world.signed_in(client)
        second = (await world.refresh(client, first["refresh_token"])).json()
        assert (await world.introspect_as(second["access_token"], first["refresh_token"])).json() == {"active": False}
        assert await world.works(second["access_token"])

    drive(act)


async def _inactive(world: World, token: str, client: Any) -> bool:
    answer = await world.introspect(client, token)
    return answer.status_code == 200 and answer.json() == {"active": False}


def test_what_is_not_in_force_is_inactive_and_nothing_else_is_said() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        said = await world.signed_in(client)
        assert await _inactive(world, "INVALID_TOKEN_VALUE", client)
        assert await _inactive(world, said["id_token"], client)
        await world.revoke(client, said["access_token"])
        assert await _inactive(world, said["access_token"], client)
        other = await world.signed_in(client)
        world.clock.now += other["expires_in"]
        assert await _inactive(world, other["access_token"], client)

    drive(act)


def test_a_token_of_another_client_is_inactive_to_client_and_bearer() -> None:
    async def act(world: World) -> None:
        mine, other = await world.register("client_secret_basic"), await world.register("client_secret_basic")
        said, its = await world.signed_in(mine), await world.signed_in(other)
        assert await _inactive(world, said["access_token"], other)
        assert (await world.introspect_as(its["access_token"], said["access_token"])).json() == {"active": False}
        assert (await world.introspect_as(said["access_token"], said["access_token"])).json()["active"] is True

    drive(act)


def test_the_word_introspect_opens_tokens_of_every_client() -> None:
    """Requirement 283. The word is granted to backend services that are registered for it, and to nobody else."""

    async def act(world: World) -> None:
        app, server = await world.register(), await world.backend("system/Patient.rs introspect")
        said = await world.signed_in(app)
        assert (await world.introspect(server, said["access_token"])).json()["client_id"] == app.id
        bearer = await world.backend_token(server, "introspect")
        assert bearer["scope"] == "introspect"
        assert (await world.introspect_as(bearer["access_token"], said["access_token"])).json()["patient"] == "p1"
        without = await world.backend_token(server, "system/Patient.rs")
        assert (await world.introspect_as(without["access_token"], said["access_token"])).json() == {"active": False}
        assert (await world.fhir(bearer["access_token"], "GET", "Patient/p1")).status_code == 403

    drive(act)


def test_no_person_grants_the_word_introspect() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic", scope="launch patient/Patient.rs introspect")
        said = await world.signed_in(client, scope="launch patient/Patient.rs introspect")
        assert said["scope"] == "launch patient/Patient.rs"

    drive(act)


def test_the_bearer_of_a_public_client_asks_of_its_own_grant_only() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        mine, other = await world.signed_in(client), await world.signed_in(client)
        assert (await world.introspect_as(mine["access_token"], mine["refresh_token"])).json()["active"] is True
        assert (await world.introspect_as(mine["access_token"], other["access_token"])).json() == {"active": False}

    drive(act)


def test_who_proves_nothing_is_told_nothing() -> None:
    async def act(world: World) -> None:
        public = await world.register()
        said = await world.signed_in(public)
        url, token = f"{BASE}/auth/introspect", said["access_token"]
        answer = await world.introspect(public, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert (await world.http.post(url, data={"token": token})).status_code == 401
        wrong = await world.introspect_as("x" * 43, token)
        assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert (
            await world.http.get(f"{url}?token={token}", headers={"authorization": f"Bearer {token}"})
        ).status_code == 405

    drive(act)


def test_a_bearer_brings_no_other_credential_and_asks_of_something() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_post")
        said = await world.signed_in(client)
        bearer = {"authorization": f"Bearer {said['access_token']}"}
        for form in ({}, {"token": said["access_token"], "client_id": client.id, "client_secret": client.secret}):
            answer = await world.http.post(f"{BASE}/auth/introspect", data=form, headers=bearer)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    drive(act)


@pytest.mark.parametrize("method", ["none", *METHODS])
def test_revoking_an_access_token_ends_it_alone(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        said = await world.signed_in(client)
        answer = await world.revoke(client, said["access_token"])
        assert (answer.status_code, answer.content) == (200, b"")
        assert not await world.works(said["access_token"])
        assert await world.works((await world.refresh(client, said["refresh_token"])).json()["access_token"])

    drive(act)


@pytest.mark.parametrize("method", ["none", *METHODS])
@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "no_such_hint"])
def test_revoking_a_refresh_token_ends_the_grant_at_the_next_request(method: str, hint: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        said = await world.signed_in(client)
        assert await world.works(said["access_token"])
        assert (await world.revoke(client, said["refresh_token"], token_type_hint=hint)).status_code == 200
        assert not await world.works(said["access_token"])

    drive(act)


def test_a_token_of_another_client_is_left_alone_and_nothing_is_said_of_it() -> None:
    async def act(world: World) -> None:
        mine, other = await world.register(), await world.register("client_secret_basic")
        said = await world.signed_in(mine)
        for token in (said["access_token"], said["refresh_token"], "unknown"):
            answer = await world.revoke(other, token)
            assert (answer.status_code, answer.content) == (200, b"")
        assert await world.works(said["access_token"])
        assert (await world.refresh(mine, said["refresh_token"])).status_code == 200

    drive(act)


def test_revoking_takes_the_client_and_a_token() -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_post")
        said = await world.signed_in(client)
        url = f"{BASE}/auth/revoke"
        assert (await world.http.post(url, data={"token": said["access_token"]})).status_code == 401
        assert (
            await world.http.post(url, data={"token": said["access_token"], "client_id": client.id})
        ).status_code == 401
        assert (await world.revoke(client, "")).json()["error"] == "invalid_request"
        assert (await world.http.get(url)).status_code == 405
        assert await world.works(said["access_token"])

    drive(act)
