"""A site with a schedule, in one process: a ward of patients at an EHR of plain answers, and a clock that is turned by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gateway.installation import METADATA
from gateway.outputs import delivery_verbs
from gateway.schedules import verbs
from gateway.schedules.running import Pace, Scheduler
from gateway.storage.database import open_sqlite
from monitoring.alerting.handling import find_alerts
from tests.flow.delivery_world import ChartEhr, OneEhr, World, hurry, opened

NAME = "north/ward"
HOUR = 3600.0
START = 1_790_000_000.0 // HOUR * HOUR + 600.0
"""Ten minutes past an hour."""
SITE = """
[site]
id = "north"
title = "North"
[[ehr]]
name = "hospital"
issuer = "https://ehr.example/r4"
client_id = "gateway"
[[model]]
id = "echo"
version = "1.0.0"
policy = "automatic"
owners = {{ model = "Team", engineering = "On call", clinical_informatics = "Officer" }}
[[schedule]]
id = "ward"
ehr = "hospital"
models = ["echo"]
cron = "0 * * * *"
patients = "{patients}"
catch_up = "{catch_up}"
{more}
"""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Granted(OneEhr):
    """``scopes`` are what the backend client has."""

    scopes: str = "system/*.cruds"

    def names(self) -> tuple[str, ...]:
        return ("hospital",)

    def backend_scopes(self, ehr: str) -> str:
        return self.scopes


@dataclass
class Ward:
    """``hour`` lets the clock go on, and the scheduler look until nothing is made any more."""

    world: World
    clock: Clock
    scheduler: Scheduler

    async def look(self) -> None:
        while await self.scheduler.round() or self.scheduler.running:
            await self.scheduler.idle()

    async def later(self, seconds: float) -> None:
        self.clock.now += seconds
        await self.look()

    async def deliver(self) -> None:
        while await self.world.gateway.worker.turn("hospital"):
            await self.world.gateway.run(hurry)

    def verb(self, verb: Any, **arguments: Any) -> Any:
        return self.world.gateway.installation.database.run_now(partial(verb, arguments=arguments))

    @property
    def ticks(self) -> list[Mapping[str, Any]]:
        """Oldest first: how many seconds after the start, state, reason, patients done and failed."""
        return list(reversed(self.verb(verbs.list_ticks, schedule=NAME, limit=200)))

    def told(self) -> list[tuple[str, str, str | None, int, int]]:
        return [(each["why"], each["state"], each["reason"], each["done"], each["failed"]) for each in self.ticks]

    def outputs(self) -> list[tuple[str, str]]:
        return sorted((each["patient"], each["state"]) for each in self.verb(delivery_verbs.list_outputs, limit=200))

    def alerts(self) -> list[tuple[str, str, str]]:
        found = self.world.gateway.installation.database.run_now(find_alerts)
        return [(each.monitor, each.source, each.state) for each in found]


@contextlib.asynccontextmanager
async def ward(
    place: Path, *, catch_up: str = "last", patients: str = "Encounter?status=in-progress", more: str = "",
    scopes: str = "system/*.cruds", clock: Clock | None = None, ehr: ChartEhr | None = None, seen: bool = True,
) -> AsyncIterator[Ward]:  # fmt: skip
    folder = place / "sites" / "north"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.toml").write_text(SITE.format(patients=patients, catch_up=catch_up, more=more))
    clock, ehr = clock or Clock(), ehr or ChartEhr()
    database = open_sqlite(place / "x.db", metadata=METADATA, clock=clock)
    for id, patient, status in (("e1", "p1", "in-progress"), ("e2", "p2", "in-progress"), ("e3", "p1", "finished")):
        ehr.keep(
            {"resourceType": "Encounter", "id": id, "status": status, "subject": {"reference": f"Patient/{patient}"}}
        )
    async with opened(place, database=database, ehr=ehr, senders=Granted(ehr=ehr, scopes=scopes)) as world:
        made = Ward(world, clock, Scheduler(world.gateway, pace=Pace(pause=0.01)))
        if seen:
            await made.look()
        yield made
    database.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.05)
