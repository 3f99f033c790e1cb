"""What the tests of recalls share: a gateway whose EHR is played, and a recall on its way."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway.storage.database import Database
from tests.flow.delivery_world import ChartEhr, World, opened
from writeback import recall

Act = Callable[[World], Awaitable[None]]


def drive(act: Act, folder: Path, database: Database | None = None, **options: Any) -> None:
    async def run() -> None:
        async with opened(folder, database=database, **options) as world:
            await act(world)

    asyncio.run(run())


async def begin(world: World, version: str = "1.0.0") -> recall.Recall:
    id = world.gateway.new_id()
    begun, _ = await world.gateway.run(
        lambda c, now: recall.start(c, now, id=id, model="echo", version=version, reason="Wrong weights.", by="test")
    )
    return begun


async def found(world: World, id: str) -> recall.Recall:
    made = await world.gateway.run(lambda c, now: recall.find_recall(c, now, id))
    assert made is not None
    return made


def statuses(ehr: ChartEhr, type: str) -> list[str]:
    return sorted(each["status"] for each in ehr.all(type))


async def outputs_of(world: World, count: int, **changes: Any) -> list[str]:
    key = await world.key("outputs.write")
    return [(await world.submit(key, **{"patient": f"Patient/p{1 + n % 2}", **changes}))["id"] for n in range(count)]
