"""An EHR that was down for long comes back to a backlog: what is fresh gets through, memory stays, everything arrives.

What is fresh is compared with what it is on other days: both times a ward sends its outputs, twenty a second.
"""

import asyncio
import contextlib
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from gateway.storage.database import Database, open_sqlite
from gateway.storage.opening import LARGE_PAGE
from gateway.storage.works import Repeatable, Short
from r4 import codec
from tests.crash.delivery_judge import record
from tests.crash.delivery_worker import PACE, moving, submission
from tests.crash.receiver import key_of
from tests.crash.receiver import resource as kept_as
from tests.unit.writeback.examples import NAMES
from writeback import tables
from writeback.errors import Unsent
from writeback.ledger import outputs
from writeback.ledger.outputs import Submission
from writeback.speaking.answers import Answer
from writeback.worker import Worker

FRESH, USUAL = 10_000_001, 30_000_001
"""The first of the outputs that come in after the outage, and of a ward's. One in eight has to wait for another of its patient:
not these."""
USUALLY = 0.05
"""Seconds between two outputs of the ward."""


class Ledger:
    """An EHR that keeps at once what is put there, in a file: its memory is not the gateway's. While ``down`` nobody reaches
    it."""

    def __init__(self, place: Path) -> None:
        self._book = sqlite3.connect(place, isolation_level=None)
        self._book.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        self._book.execute("CREATE TABLE kept (path TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID")
        self.down, self.there = False, set[str]()
        self.looked_for = ""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``sending.Sender``."""
        if self.down:
            raise Unsent("down")
        if method == "GET":
            (type, id), (key,) = (
                path.split("/"),
                self._book.execute("SELECT key FROM kept WHERE path = ?", (path,)).fetchone(),
            )
            return Answer(status=200, body=codec.format(kept_as(type, id, key)))
        key = key_of(codec.parse(body or b""))
        self._book.execute("INSERT INTO kept VALUES (?, ?)", (path, key))  # a second one would be a fault
        if key == self.looked_for:
            self.there.add(key)
        return Answer(status=201, headers={"location": f"{path}/_history/1", "etag": 'W/"1"'})

    @property
    def kept(self) -> int:
        """How many resources are there."""
        return int(self._book.execute("SELECT count(*) FROM kept").fetchone()[0])


async def accept(database: Database, made: Submission) -> None:
    """As the gateway does."""
    await database.run(Short(lambda connection, now: outputs.accept(connection, now, submission=made)))


async def enqueue(database: Database, *, first: int, outputs: int, at: float) -> float:
    """Accepts so many outputs, 64 at a time; how many a second."""
    began = time.monotonic()
    for number in range(first, first + outputs, 64):
        made = (submission(each, at, strategy="put") for each in range(number, min(number + 64, first + outputs)))
        await asyncio.gather(*(accept(database, each) for each in made))
    return outputs / (time.monotonic() - began)


async def arrival(database: Database, worker: Worker, ehr: Ledger, number: int, at: float) -> float:
    """Seconds from an output's acceptance until its main resource is at the EHR."""
    made = submission(number, at, strategy="put")
    assert made.write is not None
    key = ehr.looked_for = next(part.key for part in made.write.own if part.role == "primary")  # type: ignore[union-attr]
    began = time.monotonic()
    await accept(database, made)
    worker.wake("spec")
    while key not in ehr.there:
        await asyncio.sleep(0.005)
    return time.monotonic() - began


@contextlib.asynccontextmanager
async def ward(database: Database, worker: Worker, first: int, at: float) -> AsyncIterator[list[int]]:
    """Outputs of other patients, one after the other, while the block runs; their numbers."""
    sent: list[int] = []

    async def send() -> None:
        while True:
            sent.append(first + 8 * len(sent))
            await accept(database, submission(sent[-1], at, strategy="put"))
            worker.wake("spec")
            await asyncio.sleep(USUALLY)

    sending = asyncio.create_task(send())
    yield sent
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending


async def outage(place: Path, *, outputs: int, probes: int) -> dict[str, Any]:
    """A backlog is enqueued, the EHR goes down, is tried, and comes back; fresh outputs come in while it drains."""
    database = open_sqlite(place / "gateway.db", metadata=[tables.metadata], page_size=LARGE_PAGE)
    ehr, at = Ledger(place / "ehr.db"), time.time() - 86400.0
    worker = Worker(
        run=lambda work: database.run(Repeatable(work)), senders=lambda name, principal: ehr, ehrs=lambda: ("spec",),
        namespace=NAMES.namespace, pace=PACE,
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    async with ward(database, worker, USUAL, at) as before:
        normal = [await arrival(database, worker, ehr, FRESH - 8 * (each + 1), at) for each in range(probes)]
    ehr.down = True
    rate = await enqueue(database, first=0, outputs=outputs, at=at)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ehr.down, began, kept = False, time.monotonic(), ehr.kept
    async with ward(database, worker, 2 * USUAL, at) as after:
        fresh = [await arrival(database, worker, ehr, FRESH + 8 * each, at) for each in range(probes)]
    left = await database.run(waiting)
    while await moving(database):
        await asyncio.sleep(0.1)
    seconds, superseded = time.monotonic() - began, await database.run(overtaken)
    worker.stop()
    await serving
    database.close()
    return {
        "normal": normal, "fresh": fresh, "left": left, "kept": ehr.kept, "superseded": superseded,
        "usual": len(before) + len(after), "accepted a second": rate, "delivered a second": (ehr.kept - kept) / seconds,
        "drained in s": seconds, "growth MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024,
    }  # fmt: skip


def arrived(found: Mapping[str, Any], *, outputs: int, probes: int) -> bool:
    """Whether what was accepted and not superseded is at the EHR, a resource and its Provenance each, and what all share."""
    return bool(found["kept"] == 2 * (outputs - found["superseded"] + found["usual"] + 2 * probes) + 2)


def waiting(connection: Any, now: float) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM outputs WHERE state = 'pending'").scalar())


def overtaken(connection: Any, now: float) -> int:
    """Outputs that waited for more than five minutes behind a newer one of their patient."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM outputs WHERE state = 'superseded'").scalar())


def test_after_an_outage_what_is_fresh_is_not_stuck_behind_the_backlog(tmp_path: Path) -> None:
    found = asyncio.run(outage(tmp_path, outputs=1600, probes=5))
    assert found["left"] > 100, "the backlog was gone before the fresh ones were: nothing is proved"
    assert max(found["fresh"]) < found["drained in s"] / 2
    assert arrived(found, outputs=1600, probes=5), found
    assert not found["superseded"]


@pytest.mark.campaign
def test_a_million_resources_wait_for_an_ehr_that_was_down(tmp_path: Path) -> None:
    found = asyncio.run(outage(tmp_path, outputs=500_000, probes=200))
    p99 = {name: quantiles(found.pop(name), n=100)[98] for name in ("fresh", "normal")}
    record(
        "5 EHR down, 1,000,000 resources waiting", bar="fresh p99 ≤ 2 times normal, growth ≤ 100 MiB, all arrive",
        fresh_p99_ms=round(p99["fresh"] * 1e3, 1), normal_p99_ms=round(p99["normal"] * 1e3, 1),
        ratio=round(p99["fresh"] / p99["normal"], 2), **{name: round(value, 1) for name, value in found.items()},
    )  # fmt: skip
    assert arrived(found, outputs=500_000, probes=200), found
    assert p99["fresh"] <= 2 * p99["normal"]
    assert found["growth MiB"] <= 100
