"""(m) What watching costs: one prediction of 50 features through the journal and all online monitors, the size of a model's
state, and ``/metrics`` with 10,000 samples beside a running event loop."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.measuring import SEED, figure
from gateway.monitors.evaluating import PORTION
from gateway.storage.database import Database, open_sqlite
from monitoring import evaluations, observations, tables
from monitoring.entries import Entry, Observed
from monitoring.evaluations import Folded, Lease
from monitoring.exposition import Exposition
from monitoring.folding import Watches, fold
from monitoring.packing import pack
from monitoring.plan import Plan
from monitoring.reference import Column, Reference
from monitoring.watch import Watch
from vocabulary.signal import Signal

FEATURES, PREDICTIONS, GROUP, HUNDRED = 50, 4000, 25, 100
PLACE = ("m", "1", "e")
BAR, SIZE, TEXT, BLOCKED = 40.0, 1.0, 100.0, 5.0
SAMPLES = 10_000


def figures() -> list[dict[str, Any]]:
    """Microseconds of processor time, megabytes, milliseconds."""
    parts, size = _parts()
    each = sum(parts.values())
    text, blocked = map(min, zip(*(asyncio.run(_metrics()) for _ in range(15)), strict=True))
    return [
        figure("m processor time of one prediction of 50 features, journal and monitors", each, "µs", bar="≤ 40 µs", holds=each <= BAR),
        *(figure(f"m of that {name}", seconds, "µs") for name, seconds in parts.items()),
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


def _parts() -> tuple[dict[str, float], float]:
    """Microseconds of one prediction in each part, the best of many portions, for noise only ever adds; megabytes of state. The
    journal is SQLite, written in groups of 25 as at 64 clients, read in pages, folded by the hundred once the window is full,
    and saved by the evaluator's portion."""
    database, told = open_sqlite(":memory:", metadata=(tables.metadata,)), _told()
    telling = min(_timed(lambda part=part: _tell(database, part)) / len(part) for part in _cut(told, GROUP))
    reading, entries = _read(database)
    watches: Watches = {PLACE: Watch(plan())}
    folding = [_timed(lambda part=part: fold(watches, part)) / len(part) for part in _cut(entries, HUNDRED)]
    watch = watches[PLACE]
    assert watch is not None
    lease = database.run_now(lambda c, now: evaluations.take_lease(c, now, holder="bench"))
    assert lease is not None
    saving = min(_timed(lambda: _save(database, lease, watch)) for _ in range(20)) / PORTION
    database.close()
    named = {"telling": telling, "reading": reading, "folding": min(folding[len(folding) // 2 :]), "saving": saving}
    return {name: seconds * 1e6 for name, seconds in named.items()}, len(pack(watch.state())) / 1e6


def _timed(work: Any) -> float:
    """Seconds of processor time, all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _cut(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _tell(database: Database, told: Sequence[Observed]) -> None:
    def work(connection: Any, now: float) -> None:
        for each in told:
            observations.append(connection, now, [each])

    database.run_now(work)


def _read(database: Database) -> tuple[float, list[Entry]]:
    """The whole journal, page by page, and the seconds of an entry in the best page."""
    found: list[Entry] = []
    best, place = float("inf"), (-1.0, 0)
    while True:
        began = time.process_time()
        page = database.run_now(lambda c, now, after=place: observations.find_entries(c, now, after=after, before=1e12))
        if not page:
            return best, found
        best = min(best, (time.process_time() - began) / len(page))
        found += page
        place = (page[-1].at, page[-1].id)


def _save(database: Database, lease: Lease, watch: Watch) -> None:
    folded = [Folded(place=PLACE, at=watch.last, state=pack(watch.state()), signals=watch.signals(), point=True)]
    database.run_now(lambda c, now: evaluations.save(c, now, lease=lease, cursor=(1.0, 1), folded=folded, changed=[]))


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
