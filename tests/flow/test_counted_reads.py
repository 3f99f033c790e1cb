"""What the gateway reads of an EHR with a rate limit counts towards it, and so do its requests for tokens."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from auth.client.ehr import RegisteredEhr
from auth.client.requests import TokenRequest
from auth.client.tokens import TokenReply
from gateway.ehrs.counted import PATIENCE, counting
from tests.flow.delivery_world import ChartEhr, World, opened
from writeback.ledger.targets import take_place
from writeback.rules import WriteRules
from writeback.tables import targets

LIMIT = 250
LIMITED = WriteRules(requests_per_minute=LIMIT)


def registered(**members: str) -> RegisteredEhr:
    return RegisteredEhr(**{"issuer": "https://ehr.example/r4", "client_id": "gateway", **members})  # type: ignore[arg-type]


def drive(act: Any, tmp_path: Path, rules: WriteRules = LIMITED) -> None:
    async def run() -> None:
        async with opened(tmp_path, ehr=ChartEhr(rules=rules), policy="shadow") as world:
            await act(world)

    asyncio.run(run())


async def booked(world: World) -> float:
    """Until when (Unix seconds) the limit is used up; 0 while nothing was counted."""
    query = select(targets.c.booked).where(targets.c.ehr == "spec")
    return float(await world.gateway.run(lambda c, now: c.scalar(query)) or 0.0)


async def fill(world: World, seconds: float) -> None:
    """Others take every place of so many seconds."""
    while await world.gateway.run(lambda c, now: take_place(c, now, ehr="spec", per_minute=LIMIT)) < seconds:
        pass


def test_each_read_takes_a_place(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        asked: list[str] = []
        world.ehr.fault = lambda method, path: asked.append(path)  # type: ignore[func-returns-value]
        await world.submit(await world.key("outputs.write"))
        before = await booked(world)
        asked.clear()
        await world.submit(await world.key("outputs.write"), inputs=["Patient/p1"])
        assert len(asked) == 2
        each = 60.5 / 245
        assert 1.5 * each < await booked(world) - before < 2.5 * each

    drive(act, tmp_path)


def test_where_there_is_no_place_in_time_the_ehr_is_not_asked_and_who_reads_is_told_when(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await fill(world, PATIENCE + 15.0)
        asked: list[str] = []
        world.ehr.fault = lambda method, path: asked.append(path)  # type: ignore[func-returns-value]
        before = await booked(world)
        key = await world.key("outputs.write")
        answer = await world.client.post("/api/outputs", json=world.body(), headers=key)
        assert answer.status_code == 503
        assert PATIENCE < int(answer.headers["retry-after"]) <= PATIENCE + 16
        assert (asked, await booked(world)) == ([], before)

    drive(act, tmp_path)


def test_an_ehr_without_a_limit_is_read_as_ever(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        assert await booked(world) == 0.0

    drive(act, tmp_path, WriteRules())


def test_a_request_for_a_token_takes_a_place_and_waits_for_none(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        async def send(ehr: Any, request: TokenRequest) -> TokenReply:
            return TokenReply(status=200, body=b"{}")

        ask = TokenRequest(url="https://ehr.example/token", form=())
        limited = registered(name="spec", vendor="eclinicalworks")
        await asyncio.wait_for(counting(world.gateway.run, send)(limited, ask), 5)
        first = await booked(world)
        assert first > 0.0
        await fill(world, 20.0)
        before = await booked(world)
        await asyncio.wait_for(counting(world.gateway.run, send)(limited, ask), 5)
        assert await booked(world) > before
        unlimited = partial(counting(world.gateway.run, send), registered(name="other", vendor="epic"))
        before = await booked(world)
        await unlimited(ask)
        assert await booked(world) == before

    drive(act, tmp_path)
