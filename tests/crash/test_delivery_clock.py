"""The wall clock jumps by an hour, a day, three days, either way: nothing is doubled, and no delivery is stuck."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.storage.database import Database, open_sqlite
from tests.crash.delivery_judge import Verdict, judge, outputs_in, record, rows_in
from tests.crash.delivery_worker import PACE, accept, moving, opened, submission
from tests.crash.swift_ehr import Swift
from tests.unit.writeback.examples import NAMES
from writeback import outbox, tables
from writeback.errors import AnswerLost
from writeback.worker import Worker

HOUR, DAY = 3600.0, 86400.0
STEPS = (HOUR, -HOUR, DAY, -DAY, 3 * DAY, -3 * DAY)
STUCK = 30.0
"""Seconds in which everything is at the EHR after a jump. The longest wait between two tries is 0.4 here, a pause 0.3,
and a quarantine 0.2; how fast this machine is just now is not the subject."""


class Clock:
    """The wall clock, ``ahead`` seconds off."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Shaky(Swift):
    """Loses the answer to every third write, after keeping it."""

    async def send(self, method: str, path: str, **more: object) -> object:  # type: ignore[override]
        answer = await super().send(method, path, **more)  # type: ignore[arg-type]
        if method != "GET" and len(self.kept) % 3 == 0:
            raise AnswerLost("cut")
        return answer


async def jump(place: Path, steps: tuple[float, ...]) -> tuple[Verdict, float]:
    """For each step: outputs are accepted while the EHR is down and their tries are put off, the clock jumps, the EHR is
    back. The verdict at the end, and the longest that it took until all were there."""
    clock, ehr, slowest = Clock(), Shaky(), 0.0
    database = open_sqlite(place / "gateway.db", metadata=[tables.metadata], clock=clock)
    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace, pace=PACE
    )  # type: ignore[arg-type, return-value]  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    at = time.time() - 10 * DAY
    for each, step in enumerate(steps):
        ehr.down = True
        made = [submission(each * 100 + number, at, strategy="post", quarantine=0.2) for number in range(12)]
        await asyncio.gather(*(accept(database, one) for one in made))
        await asyncio.sleep(0.25)  # some have been tried, some are put off, the EHR is left in peace
        clock.ahead += step
        ehr.down, began = False, time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STUCK):
                while await moving(database):
                    await asyncio.sleep(0.02)
        slowest = max(slowest, time.monotonic() - began)
    worker.stop()
    await serving
    accepted = [each * 100 + number for each in range(len(steps)) for number in range(12)]
    found = judge(accepted=accepted, outputs=outputs_in(database), rows=rows_in(database), kept=ehr.kept)
    database.close()
    return found, slowest


@pytest.mark.parametrize(
    "steps", [(-HOUR, DAY, -DAY), pytest.param(STEPS, marks=pytest.mark.campaign)], ids=["some", "all"]
)
def test_a_clock_that_jumps_doubles_nothing_and_stops_nothing(tmp_path: Path, steps: tuple[float, ...]) -> None:
    found, slowest = asyncio.run(jump(tmp_path, steps))
    if steps == STEPS:
        record("8 clock ±1 h, ±1 d, ±3 d", bar="doubled 0, nothing stuck", slowest_s=round(slowest, 2), **found.figures)
    assert found.problems == []
    assert slowest < STUCK
    assert found.kept >= 2 * 12 * len(steps)


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_a_clock_that_is_put_back_neither_hides_the_dead_nor_shortens_a_quarantine(
    new_store: Callable[[str, Path], str], tmp_path: Path, name: str
) -> None:
    database: Database = opened(new_store(name, tmp_path))
    now = time.time()
    made = submission(1, now, strategy="post", quarantine=30.0)
    asyncio.run(accept(database, made))
    column = tables.deliveries.c

    def step(back: float, boot: str) -> list[tuple[str, float]]:
        """What is in doubt after a look by a clock that is so far back, and for how long from then on."""
        database.run_now(lambda c, _: outbox.recover(c, now - back, boot=boot))
        query = tables.deliveries.select().where(column.state == "in_doubt")
        return database.run_now(lambda c, _: [(row.key, row.next_at - (now - back)) for row in c.execute(query)])

    claimed = {"state": "leased", "owner": "dead", "lease_until": now + 15.0, "attempt": 1, "blockers": 0}
    database.run_now(lambda c, _: c.execute(tables.deliveries.update().where(column.role == "primary").values(claimed)))
    assert step(0.0, boot="dead") == []
    assert [wait for _, wait in step(HOUR, boot="other")] == [pytest.approx(30.0)]
    assert [wait for _, wait in step(HOUR + 29.0, boot="other")] == [pytest.approx(30.0)], "29 seconds back: set again"
    assert [wait for _, wait in step(HOUR + 30.0, boot="other")] == [pytest.approx(31.0)], "one second is no jump"
    database.close()
