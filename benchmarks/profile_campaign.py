"""``python -m benchmarks.profile_campaign one|two|dask RESOURCES``: the profile of a made feed of that many resources in one process, in two,
or on two Dask workers of which one is killed in the middle. One line of JSON: the digest of the document, the memory, the time."""

import json
import os
import resource
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from benchmarks import feed
from fidelity.document import document
from fidelity.profiling import Survey, gather

PARTS = 100


def parts(resources: int) -> list[tuple[int, int]]:
    """A hundred parts of the feed, or of a thousand resources each where that is fewer."""
    size = max(1_000, -(-resources // PARTS))
    return [(start, min(start + size, resources)) for start in range(0, resources, size)]


def on_dask(resources: int) -> tuple[Survey, int]:
    """The survey, and how many parts were still to be counted when a worker was killed."""
    from distributed import LocalCluster

    todo = parts(resources)
    done = killed = 0
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:

        def tell(size: int) -> None:
            nonlocal done, killed
            done += 1
            if not killed and done >= len(todo) // 3:
                killed = len(todo) - done
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        return gather(feed.count, todo, scheduler=cluster.scheduler_address, tell=tell), killed


def own_peak() -> float:
    """Megabytes that this process had at most. ``ru_maxrss`` would tell those of whoever started it, where that was more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def run(way: str, resources: int) -> dict[str, Any]:
    """What one way gives."""
    began, left = time.perf_counter(), 0
    if way == "dask":
        survey, left = on_dask(resources)
    else:
        survey = gather(feed.count, parts(resources), processes=2 if way == "two" else 1)
    made = orjson.dumps(document(survey.profile))
    peaks = [own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]
    return {
        "campaign": "profile", "way": way, "resources": resources, "digest": sha256(made).hexdigest(),
        "counted": sum(each["resources"] for each in orjson.loads(made)["types"].values()), "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": round(peaks[0]), "peak_mb_of_a_child": round(peaks[1]) if way != "one" else 0, "left_when_killed": left,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
