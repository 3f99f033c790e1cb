"""A registration is read, changed and removed by who holds its token (RFC 7592; abuse case B05)."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.flow.smart_server import APP, BACK, BASE, Registered, World, drive

SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}


def metadata(**changed: Any) -> dict[str, Any]:
    return {"redirect_uris": [BACK], "token_endpoint_auth_method": "none", **changed}


def _bearer(client: Registered, token: str | None = None) -> dict[str, str]:
    return {"authorization": f"Bearer {token or client.access}"}


async def _read(world: World, client: Registered) -> dict[str, Any]:
    answer = await world.http.get(client.address, headers=_bearer(client))
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def _changeable(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if not name.startswith("registration_")}


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "private_key_jwt"])
def test_a_client_changes_what_it_registered_and_keeps_id_token_and_secret(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        said = await _read(world, client)
        body = {**_changeable(said), "redirect_uris": [f"{APP}/new"], "client_name": "Renamed"}
        answer = await world.http.put(client.address, json=body, headers=_bearer(client))
        changed = answer.json()
        assert (answer.status_code, changed["client_id"]) == (200, client.id)
        assert (changed["redirect_uris"], changed["client_name"]) == ([f"{APP}/new"], "Renamed")
        assert changed["registration_access_token"] == client.access
        assert "client_secret" not in changed
        moved = Registered(client.id, method, client.secret, client.access, client.address, f"{APP}/new")
        assert "access_token" in await world.signed_in(moved)
        refused = await world.http.get(
            f"{BASE}/auth/authorize?{urlencode({'client_id': client.id, 'redirect_uri': BACK, 'response_type': 'code'})}"
        )
        assert refused.status_code == 400

    drive(act)


def test_what_an_update_leaves_out_has_its_default_again() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="patient/Patient.rs")
        body = {"client_id": client.id, "redirect_uris": [BACK], "token_endpoint_auth_method": "none"}
        answer = await world.http.put(client.address, json=body, headers=_bearer(client))
        assert answer.status_code == 200
        assert "patient/*.cruds" in answer.json()["scope"]
        assert "initiate_login_uri" not in answer.json()

    drive(act)


def test_a_client_that_takes_up_a_secret_is_given_one_and_one_that_gives_it_up_loses_it() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        body = {**_changeable(await _read(world, client)), "token_endpoint_auth_method": "client_secret_basic"}
        secret = (await world.http.put(client.address, json=body, headers=_bearer(client))).json()["client_secret"]
        taken = Registered(client.id, "client_secret_basic", secret, client.access, client.address)
        assert "access_token" in await world.signed_in(taken)
        again = {**body, "client_secret": secret, "token_endpoint_auth_method": "none"}
        assert (await world.http.put(client.address, json=again, headers=_bearer(client))).status_code == 200
        assert "access_token" in await world.signed_in(client)
        answer = await world.redeem(taken, await world.code(taken))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    drive(act)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "another"}, {"client_id": None}, {"registration_access_token": "x"}, {"client_secret": "chosen"},
        {"registration_client_uri": f"{APP}/x"}, {"client_secret_expires_at": 0}, {"client_id_issued_at": 0},
        {"jwks": {"keys": [SYMMETRIC]}},
    ],
)  # fmt: skip
def test_an_update_sets_nothing_that_is_the_servers_to_give(change: dict[str, Any]) -> None:
    async def act(world: World) -> None:
        client = await world.register("client_secret_basic")
        said = await _read(world, client)
        answer = await world.http.put(client.address, json={**_changeable(said), **change}, headers=_bearer(client))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
        assert await _read(world, client) == said

    drive(act)


def test_an_update_is_checked_like_a_registration() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        body = {**_changeable(await _read(world, client)), "redirect_uris": ["javascript:alert(1)"]}
        answer = await world.http.put(client.address, json=body, headers=_bearer(client))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")

    drive(act)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_the_registration_token_opens_a_registration(method: str) -> None:
    async def act(world: World) -> None:
        client, other = await world.register(), await world.register()
        access = (await world.signed_in(client))["access_token"]
        for headers in ({}, _bearer(client, other.access), _bearer(client, "x"), _bearer(client, access)):
            answer = await world.http.request(method, client.address, headers=headers, json={"client_id": client.id})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await _read(world, client))["client_id"] == client.id

    drive(act)


def test_a_client_that_goes_takes_its_tokens_codes_and_launches_along() -> None:
    async def act(world: World) -> None:
        client, other = await world.register("client_secret_basic"), await world.register()
        said, stays = await world.signed_in(client), await world.signed_in(other)
        code = await world.code(client)
        assert (await world.http.delete(client.address, headers=_bearer(client))).status_code == 204
        assert not await world.works(said["access_token"])
        assert await world.works(stays["access_token"])
        assert (await world.redeem(client, code)).json()["error"] == "invalid_client"
        assert (await world.refresh(client, said["refresh_token"])).json()["error"] == "invalid_client"
        assert (await world.http.get(client.address, headers=_bearer(client))).status_code == 401

    drive(act)


def test_where_the_ehr_is_not_ours_only_its_operator_registers() -> None:
    async def act(world: World) -> None:
        url = f"{BASE}/auth/register"
        assert (await world.http.post(url, json=metadata())).status_code == 401
        assert (await world.http.post(url, json=metadata(), headers={"authorization": "Bearer x"})).status_code == 401
        answer = await world.http.post(url, json=metadata(), headers={"authorization": "Bearer the-secret"})
        assert answer.status_code == 201

    drive(act, operator_secret="the-secret")
