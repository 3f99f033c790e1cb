"""What three replicas tell the monitors is folded once and in order, whoever folds it and wherever it dies, on either
database: the states are those of one process on the same journal, to the bit."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gateway.monitors.evaluating import Evaluator
from gateway.storage.database import Database, open_postgres, open_sqlite
from monitoring import evaluations, observations, tables
from monitoring.entries import Observed, Ticked, pack_cells
from monitoring.folding import fold
from monitoring.packing import pack
from monitoring.watch import Watch
from tests.monitored import ABOUT, PLACE, everything, plan, tellings

REPLICAS, OUTPUTS = 3, 250


@pytest.fixture(params=["sqlite", "postgres"])
def replicas(request: pytest.FixtureRequest) -> Iterator[list[Database]]:
    """The databases of so many processes: one with SQLite, each its own connections to the same with PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            made: list[Database] = [open_sqlite(":memory:", metadata=(tables.metadata,))] * REPLICAS
        else:
            url = request.getfixturevalue("postgres").emptied(tables.metadata)
            made = [open_postgres(url) for _ in range(REPLICAS)]
        for each in {id(each): each for each in made}.values():
            stack.callback(each.close)
        yield made


class Killed(Exception):
    """Stands for the end of a process."""


def dying(database: Database, chance: random.Random) -> Callable[[Any], Any]:
    """The seam of a process that dies now and then: before a work, or after it was committed and before it is told."""

    async def run(work: Any) -> Any:
        if chance.random() < 0.04:
            raise Killed
        done = await database.run(work)
        if chance.random() < 0.04:
            raise Killed
        return done

    return run


async def tell(database: Database, replica: str) -> None:
    told = list(tellings(OUTPUTS, seed=ord(replica), replica=replica, drift_from=100))
    for first in range(0, len(told), 5):
        await database.run(lambda c, now, part=told[first : first + 5]: observations.append(c, now, part))


async def evaluate(database: Database, chance: random.Random, done: asyncio.Event) -> int:
    """One evaluator after the other, each as a new process: what is not saved is gone."""
    deaths = 0
    while not done.is_set():
        evaluator = Evaluator(run=dying(database, chance), plan=lambda place: plan(), holder=f"h{chance.random()}")
        try:
            while not done.is_set():
                await evaluator.round()
                await asyncio.sleep(0)
        except Killed:
            deaths += 1
            await database.run(
                lambda c, now: c.execute(tables.evaluator.update().values(until=0.0))
            )  # its lease runs out
    return deaths


def test_the_state_is_that_of_one_process_though_replicas_tell_at_once_and_evaluators_die(
    replicas: list[Database],
) -> None:
    async def live() -> int:
        done = asyncio.Event()
        judges = [asyncio.create_task(evaluate(each, random.Random(n), done)) for n, each in enumerate(replicas[:2])]
        await asyncio.gather(*(tell(each, name) for each, name in zip(replicas, "abc", strict=True)))
        await asyncio.sleep(0.05)
        done.set()
        deaths = sum(await asyncio.gather(*judges))
        await replicas[0].run(lambda c, now: c.execute(tables.evaluator.update().values(until=0.0)))
        last = Evaluator(run=replicas[0].run, plan=lambda place: plan(), holder="last")
        while await last.round():
            pass
        return deaths

    deaths = asyncio.run(live())
    journal = everything(replicas[0])
    cursor = replicas[0].run_now(lambda c, now: evaluations.take_lease(c, now, holder="last")).cursor  # type: ignore[union-attr]
    folded = [entry for entry in journal if (entry.at, entry.id) <= cursor]
    alone = Watch(plan())
    changed = fold({PLACE: alone}, folded)
    kept = replicas[0].run_now(lambda c, now: evaluations.find_state(c, now, place=PLACE))
    told = [change for _, change in replicas[0].run_now(lambda c, now: evaluations.find_changes(c, now, after=0))]
    assert deaths > 3
    assert len(folded) >= REPLICAS * OUTPUTS * 2
    assert kept == pack(alone.state())
    assert told == changed != []
    assert [each.at for each in journal] == sorted(each.at for each in journal)


def test_a_journal_that_is_folded_out_of_order_gives_another_state(replicas: list[Database]) -> None:
    """The failing twin: order matters, so that equality above says something."""
    asyncio.run(tell(replicas[0], "a"))
    journal = everything(replicas[0])
    forth, back = Watch(plan()), Watch(plan())
    fold({PLACE: forth}, journal)
    fold({PLACE: back}, journal[::-1])
    assert pack(forth.state()) != pack(back.state())


def test_what_is_told_later_never_stands_before_what_was_read(replicas: list[Database]) -> None:
    """Also when the clock is set back: times are never before the horizon."""
    database = replicas[0]
    assert database.run_now(lambda c, now: evaluations.take_lease(c, now, holder="one")) is not None
    far = database.run_now(
        lambda c, now: c.execute(tables.evaluator.update().values(horizon=now + 3600)) and now + 3600
    )
    database.run_now(lambda c, now: observations.append(c, now, [Ticked()]))
    assert everything(database)[-1].at >= far


def test_only_one_of_two_holds_the_lease_and_the_late_one_saves_nothing(replicas: list[Database]) -> None:
    one, other = replicas[0], replicas[1]
    first = one.run_now(lambda c, now: evaluations.take_lease(c, now, holder="one"))
    assert first is not None
    assert other.run_now(lambda c, now: evaluations.take_lease(c, now, holder="two")) is None
    second = other.run_now(lambda c, now: evaluations.take_lease(c, now + 16, holder="two"))
    assert second is not None
    assert second.generation == first.generation + 1
    folded = [evaluations.Folded(place=PLACE, at=1.0, state=b"x", signals=[])]
    saved = [
        database.run_now(
            lambda c, now, lease=lease: evaluations.save(
                c, now, lease=lease, cursor=(1.0, 1), folded=folded, changed=[]
            )
        )
        for database, lease in ((one, first), (other, second))
    ]
    assert saved == [False, True]


def test_an_encounter_counts_once_whichever_replica_saw_it_first(replicas: list[Database]) -> None:
    for number, database in enumerate(replicas):
        seen = Observed(
            **ABOUT, output=f"o{number}", encounter="e", features=pack_cells((0.0, 0.0)), value=0.1, score=0.1
        )
        database.run_now(lambda c, now, seen=seen: observations.append(c, now, [seen]))
    assert [entry.first for entry in everything(replicas[0])] == [True, False, False]
