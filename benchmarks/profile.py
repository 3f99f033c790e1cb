"""(k) The profile of a feed: resources a second in plain Python and by DuckDB with its declared schema, which say the same.
Why the bar of a core is not reached: docs/how-to/measure-your-feed.md."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import feed
from benchmarks.measuring import figure
from fidelity import bulk, profiling
from fidelity.document import document

RESOURCES, TURNS = 100_000, 3
PLAIN, BULK = 40_000, 150_000


def figures() -> list[dict[str, Any]]:
    """Both lanes on one file of 120 MB: the best of some turns, on one core and on all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.ndjson"
        with path.open("wb") as file:
            file.writelines(each + b"\n" for each in (*feed.encounters(), *feed.lines(0, RESOURCES)))
        settings = profiling.settings([path])
        part = profiling.Part(path, 0, path.stat().st_size)
        plain, plainly = _best(lambda: profiling.count_part(part, settings=settings).profile)
        one, _ = _best(lambda: bulk.count_file(path, settings, threads=1))
        began = time.perf_counter()
        fast = bulk.count_file(path, settings, threads=os.cpu_count() or 1)
        every = time.perf_counter() - began
        assert orjson.dumps(document(fast)) == orjson.dumps(document(plainly))
    count = RESOURCES + feed.ENCOUNTERS
    return [
        figure("k profile in plain Python, a second of one core", count / plain, "resources/s", bar=f"≥ {PLAIN:,}",
               holds=count / plain >= PLAIN),
        figure("k profile by DuckDB with a declared schema, a second of one core", count / one, "resources/s",
               ratio_to="plain Python", ratio=plain / one, bar=f"≥ {BULK:,}", holds=count / one >= BULK),
        figure("k profile by DuckDB with a declared schema, on all cores", count / every, "resources/s",
               bar=f"≥ {BULK:,}", holds=count / every >= BULK),
    ]  # fmt: skip


def _best(work: Any) -> tuple[float, Any]:
    """Seconds of processor time of the best turn, all threads together, and what it gave."""
    best, made = float("inf"), None
    for _ in range(TURNS):
        began = time.process_time()
        made = work()
        best = min(best, time.process_time() - began)
    return best, made
