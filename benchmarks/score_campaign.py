"""``python -m benchmarks.score_campaign one|two|dask|again|killed RESOURCES FOLDER``: a made population scored in one process, in two, on two
Dask workers of which one is killed in the middle, or in one after a run that was killed in the middle (``killed`` is that run: it ends
itself). One line of JSON: the digest of the lines, the memory, the time. The files are made in FOLDER once."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import score
from benchmarks.profile_campaign import own_peak
from fidelity import profiling
from gateway.model_folders import models
from gateway.population import running

CHART = 100
"""Resources of a patient."""


def made(resources: int, folder: Path) -> tuple[Path, models.Model]:
    """The population and the model that scores it."""
    source, model = folder / "feed.ndjson", folder / "trivial"
    if not model.exists():
        score.write(source, resources, CHART)
        score.trivial(model)
    return source, models.load(model)


def struck(after: int, kill: Callable[[], None]) -> tuple[running.Tell, list[int]]:
    """Kills once when so many steps of a run are done; the list then says how many."""
    seen: list[int] = []
    left: list[int] = []

    def tell(what: str, more: int, of: int) -> None:
        seen.append(more)
        if len(seen) == after:
            left.append(len(seen))
            kill()

    return tell, left


def on_dask(run: Callable[[running.How], running.Result], after: int) -> tuple[running.Result, bool]:
    """The result, and whether a worker was killed before it."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        tell, left = struck(after, lambda: os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL))
        return run(running.How(scheduler=cluster.scheduler_address, tell=tell)), bool(left)


def run(way: str, resources: int, folder: Path) -> dict[str, Any]:
    """What one way gives."""
    source, model = made(resources, folder)
    parts = -(-source.stat().st_size // profiling.PART)
    act = partial(running.score, source, model, folder / f"{way}.ndjson", as_of=score.AS_OF)
    began, killed, left = time.perf_counter(), False, 0
    if way == "killed":
        tell, _ = struck(parts + 1, lambda: os.kill(os.getpid(), signal.SIGKILL))
        act(how=running.How(tell=tell))
    if way == "again":
        first = subprocess.run(
            [sys.executable, "-m", "benchmarks.score_campaign", "killed", str(resources), str(folder)], check=False
        )
        killed, left = (
            first.returncode == -signal.SIGKILL,
            len(list((folder / ".killed.ndjson.chartgate-score").iterdir())),
        )
        act = partial(running.score, source, model, folder / "killed.ndjson", as_of=score.AS_OF)
    if way == "dask":
        result, killed = on_dask(lambda how: act(how=how), max(1, parts // 2))
    else:
        result = act(how=running.How(processes=2 if way == "two" else 1))
    seconds = time.perf_counter() - began
    peaks = [own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]
    return {
        "campaign": "score", "way": way, "resources": result.summary["resources"], "patients": result.summary["patients"],
        "digest": result.summary["digest"], "seconds": round(seconds, 1), "peak_mb": round(peaks[0]),
        "peak_mb_of_a_child": round(peaks[1]) if way != "one" else 0, "killed": killed, "left_behind": left,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
