"""An EHR that was down for long comes back to a backlog: what is fresh gets through, memory stays, everything arrives."""

import asyncio
import resource
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from gateway.storage.database import Database
from tests.crash.delivery_judge import record
from tests.crash.delivery_worker import PACE, accept, moving, opened, submission
from tests.crash.swift_ehr import Swift
from tests.unit.writeback.examples import NAMES
from writeback.worker import Worker

FRESH = 10_000_001
"""The first of the outputs that come in after the outage. One in eight has to wait for another of its patient: not these."""


async def enqueue(database: Database, *, first: int, outputs: int, at: float) -> float:
    """Accepts so many outputs, 64 at a time; how many a second."""
    began = time.monotonic()
    for number in range(first, first + outputs, 64):
        made = (submission(each, at, strategy="put") for each in range(number, min(number + 64, first + outputs)))
        await asyncio.gather(*(accept(database, each) for each in made))
    return outputs / (time.monotonic() - began)


async def arrival(database: Database, worker: Worker, ehr: Swift, number: int, at: float) -> float:
    """Seconds from an output's acceptance until its main resource is at the EHR."""
    made = submission(number, at, strategy="put")
    assert made.write is not None
    key = next(part.key for part in made.write.own if part.role == "primary")  # type: ignore[union-attr]
    began = time.monotonic()
    await accept(database, made)
    worker.wake("spec")
    while not ehr.has(key):
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def outage(place: Path, *, outputs: int, probes: int) -> dict[str, Any]:
    """A backlog is enqueued, the EHR goes down, is tried, and comes back; fresh outputs come in while it drains."""
    database, ehr, at = opened(str(place / "gateway.db")), Swift(), time.time() - 86400.0
    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace, pace=PACE
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    normal = [await arrival(database, worker, ehr, FRESH - 8 * (each + 1), at) for each in range(probes)]
    ehr.down = True
    rate = await enqueue(database, first=0, outputs=outputs, at=at)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ehr.down, began, before = False, time.monotonic(), len(ehr.kept)
    fresh = [await arrival(database, worker, ehr, FRESH + 8 * each, at) for each in range(probes)]
    left = await database.run(waiting)
    while await moving(database):
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - began
    superseded = await database.run(overtaken)
    worker.stop()
    await serving
    database.close()
    return {
        "normal": normal, "fresh": fresh, "left": left, "kept": len(ehr.kept), "superseded": superseded,
        "accepted a second": rate,
        "delivered a second": (len(ehr.kept) - before) / seconds, "drained in s": seconds,
        "growth MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024,
    }  # fmt: skip


def waiting(connection: Any, now: float) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM outputs WHERE state = 'pending'").scalar())


def overtaken(connection: Any, now: float) -> int:
    """Outputs that waited for more than five minutes behind a newer one of their patient."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM outputs WHERE state = 'superseded'").scalar())


def test_after_an_outage_what_is_fresh_is_not_stuck_behind_the_backlog(tmp_path: Path) -> None:
    found = asyncio.run(outage(tmp_path, outputs=1600, probes=5))
    assert found["left"] > 100, "the backlog was gone before the fresh ones were: nothing is proved"
    assert max(found["fresh"]) < found["drained in s"] / 2
    assert (found["kept"], found["superseded"]) == (2 * 1600 + 2 * 2 * 5 + 2, 0)


@pytest.mark.campaign
def test_a_million_resources_wait_for_an_ehr_that_was_down(tmp_path: Path) -> None:
    found = asyncio.run(outage(tmp_path, outputs=500_000, probes=200))
    p99 = {name: quantiles(found.pop(name), n=100)[98] for name in ("fresh", "normal")}
    record(
        "5 EHR down, 1,000,000 resources waiting", bar="fresh p99 ≤ 2 times normal, growth ≤ 100 MiB, all arrive",
        fresh_p99_ms=round(p99["fresh"] * 1e3, 1), normal_p99_ms=round(p99["normal"] * 1e3, 1),
        ratio=round(p99["fresh"] / p99["normal"], 2), **{name: round(value, 1) for name, value in found.items()},
    )  # fmt: skip
    assert found["kept"] == 2 * (500_000 - found["superseded"]) + 2 * 2 * 200 + 2
    assert p99["fresh"] <= 2 * p99["normal"]
