"""A process that tells the monitors, or folds what was told: ``python -m tests.crash.monitor_worker tell|fold|both STORE NAME``.

It is killed at any moment. What it tells goes on from what the journal has of it; it prints a line when all is told.
"""

import asyncio
import sys
from itertools import islice
from os import urandom

from sqlalchemy import func, select

from gateway.monitors.evaluating import Evaluator
from gateway.storage.database import Database, open_postgres, open_sqlite
from monitoring import evaluations, observations, tables
from tests.monitored import plan, tellings

OUTPUTS, AT_ONCE = 400, 7
evaluations.LEASE = 0.3
"""Of a killed one the next waits it out; in production it is 15 seconds."""


def opened(store: str) -> Database:
    """The journal's database: a PostgreSQL URL, or a file."""
    metadata = (tables.metadata,)
    return (
        open_postgres(store, metadata=metadata)
        if store.startswith("postgres")
        else open_sqlite(store, metadata=metadata)
    )


async def tell(database: Database, name: str) -> None:
    """The tellings of this name that are not in the journal yet; ticks are the evaluator's."""
    told = [each for each in tellings(OUTPUTS, seed=ord(name), replica=name, drift_from=150) if hasattr(each, "output")]
    mine = tables.entries.c.output.like(f"{name}-%")
    known = await database.run(lambda c, now: c.scalar(select(func.count()).select_from(tables.entries).where(mine)))
    rest = iter(told[int(known or 0) :])
    while part := list(islice(rest, AT_ONCE)):
        await database.run(lambda c, now, part=part: observations.append(c, now, part))
        await asyncio.sleep(0.002)
    print("told", flush=True)


async def fold(database: Database) -> None:
    """Rounds without end; says when it begins, and once when there was nothing to fold."""
    evaluator, idle = Evaluator(run=database.run, plan=lambda place: plan(), holder=urandom(8).hex()), False
    print("begun", flush=True)
    while True:
        folded = await evaluator.round()
        if not folded and not idle and evaluator.leading:
            print("idle", flush=True)
        idle = idle or (not folded and evaluator.leading)
        await asyncio.sleep(0.01)


async def main(role: str, store: str, name: str) -> None:
    database = opened(store)
    parts = {"tell": [tell], "fold": [fold], "both": [tell, fold]}[role]
    await asyncio.gather(*(part(database, name) if part is tell else fold(database) for part in parts))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
