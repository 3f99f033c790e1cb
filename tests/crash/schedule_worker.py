"""A replica that runs a site's schedule and delivers what its model says, until it is killed.

    python -m tests.crash.schedule_worker

is a nursery as ``delivery_worker`` is one. The database's clock is that of a file (``Clock``), for every replica: so it can be put
forward and back. ``journal`` has a line for each replica, with its pid and its name.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg  # noqa: F401  (the nursery has it before a worker needs it)
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
from sqlalchemy import Connection

from gateway.app import Gateway
from gateway.installation import Installation
from gateway.keyring import KeyFile, open_keyring
from gateway.model_folders.models import load
from gateway.schedules.running import Pace, Scheduler
from gateway.schedules.ticks import Claim
from gateway.sites.folder import read_site
from gateway.storage.database import Database, open_postgres
from tests.crash.delivery_worker import Journal, nursery
from writeback.terms import parse_read_back

T = TypeVar("T")
PACE = Pace(pause=0.15, ending=1.0)
NAME = "north/ward"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """``place`` has the site, the model and the keys. ``blind`` records without a fence, each run under names of its own."""

    store: str
    place: str
    clock: str
    journal: str
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A file that says how the clock read (``there``) when ours read ``here``."""

    path: Path

    def set(self, *, here: float, there: float) -> None:
        made = self.path.with_suffix(".new")
        made.write_text(f"{here!r} {there!r}")
        os.replace(made, self.path)

    def read(self) -> float:
        here, there = (float(word) for word in self.path.read_text().split())
        return there + time.time() - here

    def turn(self, *, by: float) -> None:
        """From now on it is ``by`` seconds further."""
        self.set(here=time.time(), there=self.read() + by)


class Clocked:
    """The database, with the clock of the file."""

    def __init__(self, inner: Database, clock: Clock) -> None:
        self._inner, self._clock = inner, clock

    async def run(self, work: Callable[[Connection, float], T]) -> T:
        return await self._inner.run(lambda connection, _: work(connection, self._clock.read()))

    look = run

    def run_now(self, work: Callable[[Connection, float], T]) -> T:
        return self._inner.run_now(lambda connection, _: work(connection, self._clock.read()))

    def close(self) -> None:
        self._inner.close()


def blind(held: Claim) -> tuple[Any, None]:
    """What must not be: a run of its own for whoever runs it, and nobody asks whose the tick is by now."""
    return (lambda model, occasion, chart, sources: f"{int(held.at)}.{held.epoch}.{os.getpid()}"), None


def open_replica(order: Order) -> Gateway:
    place = Path(order.place)
    database = Clocked(open_postgres(order.store), Clock(Path(order.clock)))
    model = load(place / "models" / "echo")
    declared = read_site(place / "site", {model.key: model.manifest})
    installation = Installation(directory=place, keys=KeyFile(None, open_keyring(place)), database=database)
    return Gateway(
        installation, models={model.key: model}, base_url="http://localhost", clock=time.time, totals={},
        read_back=parse_read_back("never"), sites={"ward": declared.site}, declared=(declared,), shared=True,
    )  # fmt: skip


async def serve(order: Order) -> None:
    gateway = open_replica(order)
    await gateway.learn_ehrs()
    Journal(order.journal).write(os.getpid(), gateway.owner)
    scheduler = Scheduler(gateway, pace=PACE, fence=blind if order.blind else None)
    await asyncio.gather(gateway.worker.serve(), scheduler.serve())


def begin(order: dict[str, Any]) -> None:
    asyncio.run(serve(Order(**order)))


if __name__ == "__main__":
    nursery(begin)
