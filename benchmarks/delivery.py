"""(d) What one worker delivers to a trivial HTTP receiver: single, together, read back, and beside a long queue.

The rate is per core: resources for each second of CPU of the delivering process (event loop and database thread), which
a busy machine changes less than seconds of the clock; those are given as well. ``CHARTGATE_BENCH_QUEUE`` is the length of
the long queue (20,000; 1,000,000 for the figure of the release).
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select

from benchmarks.intake import MODEL
from benchmarks.measuring import ROOT, figure
from gateway.processes import interpreter
from gateway.storage.database import Database, open_sqlite
from gateway.storage.works import Repeatable
from r4 import codec
from sandbox.capabilities import statement
from vocabulary import manifest as manifests
from vocabulary.output import Output
from writeback import tables
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.gate import Admitted
from writeback.labels import Names
from writeback.ledger import outputs
from writeback.ledger.claiming import claim_due
from writeback.planning import plan
from writeback.rules import SPECIFICATION, WriteRules
from writeback.settings import PACE, Pace
from writeback.terms import Terms
from writeback.wire.exchange import CONNECTIONS
from writeback.wire.transport import HttpSender, open_session
from writeback.worker import Worker

OUTPUTS, QUEUE = (
    int(os.environ.get("CHARTGATE_BENCH_OUTPUTS", "3000")),
    int(os.environ.get("CHARTGATE_BENCH_QUEUE", "20000")),
)
BEFORE = 50
"""Outputs that are delivered before: at an EHR that is served the model's Device is there already, and no delivery waits for
it; statements are put together, and connections open."""
MOVING = select(func.count()).select_from(tables.deliveries).where(tables.MOVING)
WARM = 20
"""Claims before those that are measured: the first of each kind puts its statement together."""
NAMES = Names(ehr="bench", namespace="urn:chartgate:installation:bench")
RUNS = (
    ("single", Terms(read_back=0.0), 3000.0, 2),
    ("in batches", Terms(batch=True, read_back=0.0), 20000.0, 2),
    ("in batches with Provenance and read-back, outputs", Terms(batch=True), 800.0, 1),
    ("single with Provenance and read-back, outputs", Terms(), 800.0, 1),
)
"""What is measured, on what terms, the bar, and how many are counted for each output (a RiskAssessment and its
Provenance, or the output itself)."""


def figures() -> list[dict[str, Any]]:
    """Per second of CPU and of the clock, and the claim beside a long queue against that of a short one."""
    import tomllib

    import uvloop

    manifest = manifests.parse(tomllib.loads(MODEL, parse_float=Decimal))
    found = []
    for name, terms, bar, each in RUNS:
        with (
            _receiver() as base, tempfile.TemporaryDirectory() as place,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):  # fmt: skip
            cpu, clock = runner.run(_measure(Path(place), base, manifest, terms))
        rate = each * OUTPUTS / cpu
        found.append(figure(f"d delivered {name}, per core", rate, "/s", bar=f"≥ {bar:,.0f}", holds=rate >= bar))
        found.append(figure(f"d delivered {name}, by the clock", each * OUTPUTS / clock, "/s"))
    return [*found, _claims(manifest)]


@contextlib.contextmanager
def _receiver() -> Iterator[str]:
    """The address of a receiver in a process of its own."""
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert receiver.stdout is not None
        yield f"http://127.0.0.1:{int(receiver.stdout.readline())}"
    finally:
        receiver.kill()
        receiver.wait()
        receiver.stdout.close()  # type: ignore[union-attr]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is delivered, and where to; ``place`` is the database's file, ``first`` the number of the first output, and so many
    ``patients`` they are about."""

    place: Path
    base: str
    names: Names
    capabilities: Capabilities
    outputs: int
    pace: Pace
    first: int = 0
    patients: int = 10**9
    rules: WriteRules = SPECIFICATION


async def _measure(place: Path, base: str, manifest: Any, terms: Terms) -> tuple[float, float]:
    """Seconds of CPU and of the clock until everything is delivered to the receiver."""
    return await deliver(_work(place / "bench.db", base, outputs=OUTPUTS), manifest, terms, before=BEFORE)


async def deliver(work: Work, manifest: Any, terms: Terms, *, before: int = 0) -> tuple[float, float]:
    """Accepts the outputs, then takes the seconds of CPU and of the clock until everything is delivered; so many are delivered
    ``before``, for nothing."""
    database = open_sqlite(work.place, metadata=[tables.metadata])
    session = open_session(base=work.base, connections=terms.at_once or CONNECTIONS)
    sender = HttpSender(base=work.base, session=session)
    interpreter.settle()  # as every process that serves does
    warming = replace(work, first=work.first + work.outputs, outputs=before)
    for part in (warming, work):
        await _fill(database, manifest, part)
        spent = await _serve(part, database, sender, terms)
    await session.close()
    database.close()
    return spent


async def _serve(work: Work, database: Database, sender: HttpSender, terms: Terms) -> tuple[float, float]:
    async def known(ehr: str) -> Terms:
        return terms

    changed = asyncio.Event()
    worker = Worker(
        run=lambda work: database.run(Repeatable(work)), senders=lambda ehr, principal: sender, ehrs=lambda: ("bench",),
        namespace=work.names.namespace, pace=work.pace, terms=known, observe=lambda changes: changed.set(),
    )  # fmt: skip
    moving = await database.run(lambda connection, now: connection.scalar(MOVING))
    cpu, clock = time.process_time(), time.perf_counter()
    serving = asyncio.create_task(worker.serve())
    while worker.attempts < moving or await database.run(outputs.count_moving):
        await changed.wait()
        changed.clear()
    spent = time.process_time() - cpu, time.perf_counter() - clock
    worker.stop()
    await serving
    return spent


async def _fill(database: Database, manifest: Any, work: Work) -> None:
    now = time.time()

    async def accept(number: int) -> None:
        output = Output(
            model="bench", version="1.0.0", ehr="bench", patient=f"Patient/p{number % work.patients}", kind="risk",
            as_of=now - 1, inference_id=str(number), value=Decimal("0.25"), unit="fraction",
        )  # fmt: skip
        write = plan(
            output,
            manifest,
            admitted=Admitted(),
            names=work.names,
            capabilities=work.capabilities,
            now=now,
            rules=work.rules,
        )
        submission = outputs.Submission(
            id=f"{number:032x}", output=output, manifest=manifest, judged=Admitted(), verdict=None, principal="backend",
            submitter="bench", write=write,
        )  # fmt: skip
        await database.run(lambda connection, now: outputs.accept(connection, now, submission=submission))

    await asyncio.gather(*map(accept, range(work.first, work.first + work.outputs)))


def _work(place: Path, base: str, *, outputs: int) -> Work:
    pace = replace(PACE, in_flight=64)
    return Work(place=place, base=base, names=NAMES, capabilities=CAPABILITIES, outputs=outputs, pace=pace)


def _claims(manifest: Any) -> dict[str, Any]:
    """The 99th percentile of a claim of 16 beside a long queue, against that beside a queue of some hundreds."""
    with tempfile.TemporaryDirectory() as place:
        few = _work(Path(place) / "bench.db", "", outputs=4)
        database = open_sqlite(few.place, metadata=[tables.metadata])
        asyncio.run(_fill(database, manifest, few))
        database.run_now(lambda connection, now: _multiply(connection, 4000))
        short = _claim_p99(database)
        database.run_now(lambda connection, now: _multiply(connection, QUEUE))
        long = _claim_p99(database)
        database.close()
    return figure(
        f"d claim p99 beside {QUEUE:,} queued", long * 1e6, "µs", ratio_to="beside a short queue", ratio=long / short,
        bar="≤ 1.5 ×", holds=long <= 1.5 * short,
    )  # fmt: skip


def _multiply(connection: Connection, number: int) -> None:
    """So many rows more that are due, copied from one."""
    one = connection.execute(select(tables.deliveries).where(tables.deliveries.c.role == "primary").limit(1)).one()
    row = {**one._mapping, "state": "ready", "blockers": 0, "next_at": 0.0, "lane": None, "owner": None}
    row.pop("id")
    first = connection.exec_driver_sql("SELECT max(id) FROM deliveries").scalar_one()
    for start in range(first, first + number, 5000):
        rows = [{**row, "key": f"{each:064x}"} for each in range(start, min(start + 5000, first + number))]
        connection.execute(insert(tables.deliveries), rows)
    missing = "SELECT id, body FROM deliveries, (SELECT body FROM delivery_bodies LIMIT 1) WHERE id > ?"
    connection.exec_driver_sql(f"INSERT INTO delivery_bodies {missing}", (first,))


def _claim_p99(database: Database) -> float:
    times = []

    def claim(connection: Connection, now: float, turn: int) -> None:
        began = time.thread_time()
        claim_due(connection, now, ehr="bench", owner="bench", limit=16, turn=turn)
        times.append(time.thread_time() - began)

    for turn in range(WARM + 200):
        database.run_now(lambda connection, now, turn=turn: claim(connection, now, turn))  # type: ignore[misc]
    measured = sorted(times[WARM:])
    return measured[int(len(measured) * 0.99)]


CAPABILITIES = parse_capabilities(
    codec.parse(codec.format(statement(base="http://x/fhir", date="2026-01-01T00:00:00Z")))
)
