"""Every 405 says what the address takes, and HEAD goes with GET."""

import asyncio
from pathlib import Path

import pytest

from tests.flow.delivery_world import opened
from tests.flow.smart_server import BASE, World, drive


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/outputs", "GET, HEAD, POST"), ("PUT", "/api/outputs/x", "GET, HEAD"),
        ("GET", "/api/outputs/x/confirm", "POST"), ("GET", "/api/labels", "POST"), ("OPTIONS", "/api/alerts", "GET, HEAD"),
        ("POST", "/models", "GET, HEAD"), ("DELETE", "/", "GET, HEAD"), ("PUT", "/app/jwks.json", "GET, HEAD"),
    ],
)  # fmt: skip
def test_an_address_of_the_app_says_which_methods_it_takes(method: str, path: str, allow: str, tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            answer = await world.client.request(method, path)
            assert (answer.status_code, answer.headers.get("allow")) == (405, allow)
            absent = await world.client.request(method, f"{path}/no/such/address")
            assert (absent.status_code, absent.headers.get("allow")) == (404, None)

    asyncio.run(act())


def test_head_is_get_without_the_body(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            key = await world.key("outputs.write", "outputs.read")
            path = f"/api/outputs/{(await world.submit(key))['id']}"
            for headers, status in ((key, 200), ({}, 401)):
                answer = await world.client.head(path, headers=headers)
                whole = await world.client.get(path, headers=headers)
                assert (answer.status_code, whole.status_code, answer.content) == (status, status, b"")
                assert answer.headers["content-type"] == whole.headers["content-type"]
            assert (await world.client.head("/api/labels", headers=key)).status_code == 405

    asyncio.run(act())


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/launch", "GET, HEAD, POST"), ("GET", "/auth/token", "POST"), ("POST", "/faults", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/auth/authorize", "GET, HEAD, POST"),
    ],
)  # fmt: skip
def test_an_address_of_the_ehr_says_which_methods_it_takes(method: str, path: str, allow: str) -> None:
    async def act(world: World) -> None:
        answer = await world.http.request(method, f"{BASE}{path}")
        assert (answer.status_code, answer.headers.get("allow")) == (405, allow)

    drive(act)
