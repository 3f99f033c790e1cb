"""(m) What watching costs: one prediction of 50 features through the journal and all online monitors, the size of a model's
state, and ``/metrics`` with 10,000 samples beside a running event loop."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.measuring import SEED, figure
from gateway.database import Database, open_sqlite
from gateway.evaluating import PORTION
from monitoring import evaluations, observations, tables
from monitoring.entries import Observed
from monitoring.evaluations import Folded, Lease
from monitoring.exposition import Exposition
from monitoring.folding import Watches, fold
from monitoring.packing import pack
from monitoring.plan import Plan
from monitoring.reference import Column, Reference
from monitoring.watch import Watch
from vocabulary.signal import Signal

FEATURES, PREDICTIONS, GROUP = 50, 4000, 25
PLACE = ("m", "1", "e")
BAR, SIZE, TEXT, BLOCKED = 40.0, 1.0, 100.0, 5.0
SAMPLES = 10_000


def figures() -> list[dict[str, Any]]:
    """Microseconds of processor time, megabytes, milliseconds."""
    telling, folding, size = min((_predictions() for _ in range(5)), key=lambda found: found[0] + found[1])
    each = telling + folding
    text, blocked = map(min, zip(*(asyncio.run(_metrics()) for _ in range(15)), strict=True))
    return [
        figure("m processor time of one prediction of 50 features, journal and monitors", each, "µs", bar="≤ 40 µs", holds=each <= BAR),
        figure("m of that in the journal, as it is written", telling, "µs"),
        figure("m state of one model", size, "MB", bar="≤ 1 MB", holds=size <= SIZE),
        figure("m /metrics with 10,000 samples", text, "ms", bar="≤ 100 ms", holds=text <= TEXT),
        figure("m longest that the event loop waits meanwhile", blocked, "ms", bar="≤ 5 ms", holds=blocked <= BLOCKED),
    ]  # fmt: skip


def plan() -> Plan:
    """50 standard normal features and a Beta output, known reference."""
    random = np.random.default_rng(SEED)

    def column(values: np.ndarray) -> Column:
        edges = np.quantile(values, np.linspace(0.1, 0.9, 9))
        shares = np.bincount((values[:, None] >= edges).sum(axis=1), minlength=10) / values.size
        return Column(
            edges=tuple(edges.tolist()), shares=(*(shares * 0.98).tolist(), 0.02, 0.0), n=values.size,
            mean=float(values.mean()), sd=float(values.std()),
        )  # fmt: skip

    names = tuple(f"f{number}" for number in range(FEATURES))
    reference = Reference(
        features={name: column(random.normal(size=10_000)) for name in names}, output=column(random.beta(1, 9, 10_000)),
        alert_at=0.3, alert_rate=0.04, gap_p99=600.0,
    )  # fmt: skip
    return Plan(model="m", version="1", ehr="e", features=names, reference=reference, calibrated=True)


def _told() -> list[Observed]:
    random = np.random.default_rng(SEED + 1)
    rows = random.normal(size=(PREDICTIONS, FEATURES))
    rows[random.random(rows.shape) < 0.02] = np.nan
    values = random.beta(1, 9, PREDICTIONS)
    return [
        Observed(
            model="m", version="1", ehr="e", output=f"{number:032x}", encounter=f"{number:032x}", inference=f"{number:032x}",
            features=row.tobytes(), value=float(value), score=float(value),
            strata=f"sex={'female' if number % 2 else 'male'};age=65-79",
        )
        for number, (row, value) in enumerate(zip(rows, values, strict=True))
    ]  # fmt: skip


def _predictions() -> tuple[float, float, float]:
    """Microseconds of telling, of folding, and megabytes of state: the journal on SQLite, groups of 25 as at 64 clients,
    the evaluator's own portions."""
    database, told = open_sqlite(":memory:", metadata=(tables.metadata,)), _told()
    lease = database.run_now(lambda c, now: evaluations.take_lease(c, now, holder="bench"))
    assert lease is not None
    began = time.process_time()
    for start in range(0, PREDICTIONS, GROUP):
        _tell(database, told[start : start + GROUP])
    telling = (time.process_time() - began) / PREDICTIONS * 1e6
    watch = Watch(plan())
    began = time.process_time()
    _fold(database, lease, watch)
    folding = (time.process_time() - began) / PREDICTIONS * 1e6
    database.close()
    return telling, folding, len(pack(watch.state())) / 1e6


def _tell(database: Database, told: Sequence[Observed]) -> None:
    def work(connection: Any, now: float) -> None:
        for each in told:
            observations.append(connection, now, [each])

    database.run_now(work)


def _fold(database: Database, lease: Lease, watch: Watch) -> None:
    """The whole journal, read, folded and saved as the evaluator does it."""
    cursor = (-1.0, 0)
    watches: Watches = {PLACE: watch}
    while True:
        entries: list[Any] = []
        while len(entries) < PORTION:
            after = (entries[-1].at, entries[-1].id) if entries else cursor
            page = database.run_now(
                lambda c, now, after=after: observations.find_entries(c, now, after=after, before=1e12)
            )
            entries += page
            if not page:
                break
        if not entries:
            return
        changed = fold(watches, entries)
        cursor = (entries[-1].at, entries[-1].id)
        folded = [
            Folded(
                place=PLACE, at=watch.last, state=pack(watch.state()), signals=watch.signals(), point=watch.evaluated
            )
        ]
        database.run_now(
            lambda c, now, at=cursor, folded=folded, changed=changed: evaluations.save(
                c, now, lease=lease, cursor=at, folded=folded, changed=changed
            )
        )


def _packed() -> list[bytes]:
    """The signals of so many models that the gauges and counters together are 10,000 samples."""
    import msgspec

    found, models = [], SAMPLES // (3 * 156)
    for model in range(models + 1):
        signals = [
            Signal(
                monitor="M-IN-01", model=f"model-{model}", version="1.0.0", ehr="spec", source=f"feature-{number}",
                level="quiet", value=0.0123 + number, n=1000,
            )
            for number in range(156)
        ]  # fmt: skip
        found.append(msgspec.json.encode(signals))
    return found


async def _metrics() -> tuple[float, float]:
    """Milliseconds until the text is there, and the longest that a task beside it had to wait beyond its millisecond."""
    totals = {("output", ("m", "1", "risk", f"s{number}")): number for number in range(200)}
    exposition, packed = Exposition(totals), _packed()  # type: ignore[arg-type]
    longest, done = 0.0, False

    async def beat() -> None:
        nonlocal longest
        while not done:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began - 0.001)

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    longest, began = 0.0, time.perf_counter()
    text = await asyncio.to_thread(exposition.text, packed)
    seconds, done = time.perf_counter() - began, True
    await heart
    assert sum(not line.startswith(b"#") for line in text.splitlines()) >= SAMPLES
    return seconds * 1e3, longest * 1e3
