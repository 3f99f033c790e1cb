"""(h) The embedded FHIR store through HTTP and the guard against HAPI on PostgreSQL with default flags, in one run on the
same data by the same client; and a large store against a small one. ``CHARTGATE_BENCH_STORE=1000000`` makes the large one
as large as the bar says (three minutes and 2 GB); without it 100,000 resources stand for it, and the figures say so."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import store_data as data
from benchmarks.measuring import ROOT, SEED, figure, middle
from benchmarks.servers import hapi_on_postgres
from benchmarks.start import start as start_again
from benchmarks.wire import Sent, Wire, measure

PATIENTS, EACH = 16, 125
"""What both servers hold in the comparison."""
CLIENTS = (1, 8)
SECONDS, WARM, ROUNDS = 2.0, 8.0, 3
LARGE = int(os.environ.get("CHARTGATE_BENCH_STORE", "100000"))
SMALL, TURNS = 10_000, 300
FINE = frozenset({200, 201})
BARS = {
    "single create": 10.0,
    "search patient, code, sorted by date": 5.0,
    "transaction of 50": 10.0,
    "read by id": 2.0,
}
NUMBERS = itertools.count(10**6)


def figures() -> list[dict[str, Any]]:
    """Requests per second and their ratios; how searches grow, how long a start takes, and what memory."""
    return [*_against_hapi(), *_growth()]


def _create(client: int, turn: int) -> Sent:
    return Sent("POST", "Observation", data.posted(client, next(NUMBERS)), data.token(client))


def _search(client: int, turn: int) -> Sent:
    code = f"http://loinc.org|{data.CODES[turn % len(data.CODES)]}"
    return Sent("GET", _query(client, code), b"", data.token(client))


def _query(patient: int, code: str) -> str:
    return f"Observation?patient=Patient/p{patient}&code={code.replace('|', '%7C')}&_sort=-date&_count=10"


def _transaction(client: int, turn: int) -> Sent:
    return Sent("POST", "", data.transaction(client, next(NUMBERS) * 50, 50), data.token(client))


def _read(client: int, turn: int) -> Sent:
    return Sent("GET", f"Observation/o{client}-{(turn * 37 + client) % EACH}", b"", data.token(client))


WORKS = {
    "read by id": _read, "search patient, code, sorted by date": _search, "single create": _create,
    "transaction of 50": _transaction,
}  # fmt: skip


def _against_hapi() -> list[dict[str, Any]]:
    """Both run at the same time and are asked in turns, so that what else the machine does slows both."""
    with tempfile.TemporaryDirectory(prefix="chartgate-bench-") as place:
        data.fill(Path(place) / "data", PATIENTS, EACH)
        with (
            _embedded(Path(place) / "data") as (ours, _),
            _hapi(Path(place) / "hapi") as theirs,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            rates = runner.run(_all(ours, theirs))
    to, found = "HAPI on PostgreSQL", []
    for (name, clients), (one, other) in rates.items():
        bar, told = BARS[name], f"h {name}, {clients} client{'s' if clients > 1 else ''}, HAPI does {other:,.1f}/s"
        found.append(figure(told, one, "/s", ratio_to=to, ratio=one / other, bar=f"≥ {bar:.0f} times", holds=one >= bar * other))  # fmt: skip
    return found


async def _all(ours: str, theirs: str) -> dict[tuple[str, int], tuple[float, float]]:
    """Requests a second of both, of each work by each number of clients, after HAPI's compiler has seen the work."""
    found = {}
    for name, making in WORKS.items():
        await measure(theirs, making, clients=8, seconds=WARM, expected=FINE)
        await measure(ours, making, clients=8, seconds=1.0, expected=FINE)
        for clients in CLIENTS:
            rates: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for base, kept in zip((ours, theirs), rates, strict=True):
                    rate = await measure(base, making, clients=clients, seconds=SECONDS, expected=FINE)
                    kept.append(rate.per_second)
            found[name, clients] = middle(rates[0]), middle(rates[1])
    return found


@contextmanager
def _embedded(directory: Path) -> Iterator[tuple[str, int]]:
    """``chartgate up`` on the installation: the base of its EHR and its process."""
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "up", "--port", "0", "--data", str(directory), "--json", "--persona", "spec"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        line = child.stdout.readline() if child.stdout else b""
        yield json.loads(line)["ehr"]["spec"], child.pid
    finally:
        child.terminate()
        child.communicate(timeout=60)


@contextmanager
def _hapi(directory: Path) -> Iterator[str]:
    """HAPI, filled with the same resources."""
    with hapi_on_postgres(directory) as base:
        asyncio.run(_load(base))
        yield base


async def _load(base: str) -> None:
    waiting = data.resources(PATIENTS, EACH)
    bodies = sorted(waiting, key=lambda each: str(each["resourceType"]), reverse=True)  # patients first
    while some := bodies[:100]:
        del bodies[:100]
        sent = Sent("POST", "", data.loading_batch(some))
        await measure(base, lambda client, turn, sent=sent: sent, clients=1, seconds=0.0, expected=FINE)  # type: ignore[misc]


def _growth() -> list[dict[str, Any]]:
    """The same searches of a small and a large store by one client, in turns; then how a start of the large one goes."""
    with tempfile.TemporaryDirectory(prefix="chartgate-bench-") as place:
        small, large = Path(place) / "small", Path(place) / "large"
        for directory, size in ((small, SMALL), (large, LARGE)):
            data.fill(directory, size // data.EACH, data.EACH - 1, bearers=size // data.EACH)
            with _embedded(directory):
                pass  # the first start makes keys and tables
        starts = [start_again(large) for _ in range(3)]
        with _embedded(small) as (one, _), _embedded(large) as (other, process):
            times = asyncio.run(_times({SMALL: one, LARGE: other}))
            memory = _memory(process)
    here, to = f"{LARGE:,} resources", f"{SMALL:,} resources"
    found = []
    for name in times[SMALL]:
        grown = times[LARGE][name] / times[SMALL][name]
        found.append(figure(f"h {name} at {here}, one client", times[LARGE][name] * 1e3, "ms", ratio_to=to, ratio=grown, bar="≤ 2 times", holds=grown <= 2))  # fmt: skip
    start = middle(starts)
    return [
        *found,
        figure(f"h start to ready with {here} on disk", start, "s", bar="≤ 2 s", holds=start <= 2),
        figure(f"h memory with {here}, after the searches", memory, "MB", bar="≤ 300 MB", holds=memory <= 300),
    ]


async def _times(bases: dict[int, str]) -> dict[int, dict[str, float]]:
    """The median of each search in seconds, over patients and codes drawn by lot, at each of the stores by its size."""
    draw = random.Random(SEED)
    taken: dict[int, dict[str, list[float]]] = {size: {} for size in bases}
    async with contextlib.AsyncExitStack() as stack:
        wires = {size: await stack.enter_async_context(Wire(base)) for size, base in bases.items()}
        for _ in range(TURNS):
            for size, wire in wires.items():
                of = draw.randrange(size // data.EACH)
                for name, query in _queries(of, draw).items():
                    began = time.perf_counter()
                    body = await wire.send(Sent("GET", query, b"", data.token(of)), FINE)
                    taken[size].setdefault(name, []).append(time.perf_counter() - began)
                    assert b'"entry"' in body
    return {size: {name: middle(lasted[TURNS // 6 :]) for name, lasted in of.items()} for size, of in taken.items()}


def _queries(of: int, draw: random.Random) -> dict[str, str]:
    return {
        "search patient, code, sorted by date": _query(of, f"http://loinc.org|{draw.choice(data.CODES)}"),
        "search by identifier": f"Observation?identifier=urn:bench%7C{of}-{draw.randrange(data.EACH - 1)}",
        "search by _lastUpdated": "Observation?_lastUpdated=gt2020-01-01&_count=10",
    }


def _memory(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
