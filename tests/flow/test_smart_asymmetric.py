"""Asymmetric clients end to end (SMART App Launch 2.2 client-confidential-asymmetric): keys by address, rotated by the
client. Assertions claim by claim: tests/unit/auth/test_assertions.py; the fetch: tests/unit/gateway/test_client_keys.py."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from secrets import token_urlsafe
from typing import Any

import httpx2
import pytest

from auth import assertions
from auth.keys import SigningKeys
from tests.flow.smart_server import BASE, KEYS, OTHER_KEYS, Registered, World, assertion_form, drive


class Published:
    """A client's key set on a real socket of this machine."""

    def __init__(self) -> None:
        self.document, self.asked, self.control = KEYS.jwks("RS384", "ES384"), list[str](), "max-age=60"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition(" ")[0])
        body = json.dumps(self.document).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\ncache-control: {self.control}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def at(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
        server.close()


async def _ask(world: World, client: Registered, keys: SigningKeys = KEYS, algorithm: Any = "ES384") -> httpx2.Response:
    said = assertions.build(
        client.id, f"{BASE}/auth/token", keys.key(algorithm), now=world.clock(), jti=token_urlsafe(16)
    )
    form = {**assertion_form(said), "grant_type": "client_credentials", "scope": "system/*.rs"}
    return await world.http.post(f"{BASE}/auth/token", data=form)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_keys_by_address_are_fetched_with_get_and_kept(algorithm: str) -> None:
    async def act(world: World) -> None:
        published = Published()
        async with published.at() as url:
            client = await world.backend(jwks_uri=url)
            for _ in range(3):
                assert (await _ask(world, client, algorithm=algorithm)).status_code == 200
            assert published.asked == ["GET"]

    drive(act, allow_loopback_jwks=True)


def test_a_client_changes_its_keys_and_the_old_ones_end_with_the_kept_set() -> None:
    async def act(world: World) -> None:
        published = Published()
        async with published.at() as url:
            client = await world.backend(jwks_uri=url)
            assert (await _ask(world, client)).status_code == 200
            published.document = OTHER_KEYS.jwks("RS384", "ES384")
            world.clock.now += 61
            assert (await _ask(world, client)).json()["error"] == "invalid_client"
            assert (await _ask(world, client, OTHER_KEYS)).status_code == 200

    drive(act, allow_loopback_jwks=True)


def test_keys_on_this_machine_are_not_fetched_unless_the_operator_allowed_it() -> None:
    async def act(world: World) -> None:
        published = Published()
        async with published.at() as url:
            client = await world.backend()
            headers = {"authorization": f"Bearer {client.access}"}
            said = (await world.http.get(client.address, headers=headers)).json()
            body = {k: v for k, v in said.items() if not k.startswith("registration_") and k != "jwks"}
            answer = await world.http.put(client.address, json={**body, "jwks_uri": url}, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
            world.ehr.allow_loopback_jwks = True
            assert (
                await world.http.put(client.address, json={**body, "jwks_uri": url}, headers=headers)
            ).status_code == 200
            answer = await _ask(world, client)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert published.asked == []

    drive(act)


def test_an_update_to_other_keys_holds_at_once() -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        assert (await _ask(world, client)).status_code == 200
        headers = {"authorization": f"Bearer {client.access}"}
        said = (await world.http.get(client.address, headers=headers)).json()
        body = {k: v for k, v in said.items() if not k.startswith("registration_")} | {"jwks": OTHER_KEYS.jwks("ES384")}
        assert (await world.http.put(client.address, json=body, headers=headers)).status_code == 200
        assert (await _ask(world, client)).json()["error"] == "invalid_client"
        assert (await _ask(world, client, OTHER_KEYS)).status_code == 200

    drive(act)


def test_a_launch_by_an_asymmetric_client_is_refreshed_with_a_fresh_assertion_each_time() -> None:
    async def act(world: World) -> None:
        client = await world.register("private_key_jwt")
        said = await world.signed_in(client)
        for _ in range(2):
            assert (await world.refresh(client, said["refresh_token"])).status_code == 200
        form = {
            **assertion_form(world.assertion(client)),
            "grant_type": "refresh_token",
            "refresh_token": said["refresh_token"],
        }
        answers = [await world.http.post(f"{BASE}/auth/token", data=form) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 401]

    drive(act)
