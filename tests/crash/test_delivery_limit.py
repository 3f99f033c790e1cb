"""Four replicas share an EHR's rate limit: judged at the EHR, it is never exceeded, no answer is 429, and it is used."""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.delivery_judge import record
from tests.crash.delivery_kills import SPACE, Nursery, wait_until
from tests.crash.delivery_worker import Order
from tests.crash.limited_ehr import WINDOW, most, used
from tests.programs import Program
from writeback.pacing import spacing

REPLICAS, FIRST = 4, 12
NewStore = Callable[[str, Path], str]


@contextlib.contextmanager
def limited(place: Path, per_minute: int) -> Iterator[str]:
    words = [str(place / "kept"), "1", str(per_minute)]
    with Program("tests.crash.limited_ehr", *words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the EHR saw: arrivals, in seconds; how many it answered with 429."""

    times: Sequence[float]
    refused: int


def share(nursery: Nursery, place: Path, stores: Sequence[str], *, per_minute: int, seconds: float) -> Seen:
    """One worker for each of ``stores``, the same or not, with more to deliver than the limit lets go, for so many seconds once
    they are at it (a dozen requests; time 0)."""
    place.mkdir(exist_ok=True)
    with limited(place, per_minute) as base:

        def seen() -> Any:
            with urllib.request.urlopen(f"{base}/times", timeout=10) as answer:
                return json.load(answer)

        orders = [
            Order(
                store=store, base=base, journal=str(place / "journal"), strategy="put", seed=number, first=number * SPACE,
                at=time.time() - 86400.0, patience=5.0, per_minute=per_minute,
            )
            for number, store in enumerate(stores)
        ]  # fmt: skip
        pids = [nursery.bear(order) for order in orders]
        wait_until(lambda: len(seen()["times"]) >= FIRST)
        time.sleep(seconds)
        found = seen()
        for pid in pids:
            nursery.kill(pid)
    times = found["times"]
    return Seen(times=[at - times[FIRST - 1] for at in times], refused=found["refused"])


PER_MINUTE, SECONDS = 300, 6.0
APART, AT_ONCE = spacing(PER_MINUTE)
LINE = AT_ONCE + 4.0 / APART
"""Requests in two seconds: the burst and the limit's pace, with as much as a busy machine may bring together."""


def test_four_replicas_use_a_limit_and_stay_below_it(nursery: Nursery, tmp_path: Path, new_store: NewStore) -> None:
    """Six seconds of a limit of 300 a minute: what goes is on the line of the limit. The full form has minutes."""
    store = new_store("postgres", tmp_path)
    found = share(nursery, tmp_path, [store] * REPLICAS, per_minute=PER_MINUTE, seconds=SECONDS)
    assert found.refused == 0
    assert most(found.times, 2.0) <= LINE
    assert sum(0.0 < at < SECONDS for at in found.times) >= 0.8 * SECONDS / APART


def test_replicas_that_do_not_share_the_limit_are_found_out() -> None:
    """The twin: the judge, and what replicas would send if each had the whole limit for itself."""
    alone = [number * APART for number in range(int(SECONDS / APART))]
    assert most(alone, 2.0) <= LINE
    assert most(sorted(alone * REPLICAS), 2.0) > LINE


@pytest.mark.campaign
@pytest.mark.parametrize("limit", [100, 250, 1200])
def test_four_replicas_use_a_limit_and_stay_below_it_for_minutes(
    nursery: Nursery, tmp_path: Path, new_store: NewStore, limit: int
) -> None:
    store, seconds = new_store("postgres", tmp_path), 200.0
    found = share(nursery, tmp_path, [store] * REPLICAS, per_minute=limit, seconds=seconds)
    line = {
        "most in a minute": most(found.times, WINDOW), "refused": found.refused, "requests": len(found.times),
        "used": round(used(found.times, since=10.0, until=seconds - 5.0, per_minute=limit), 3),
    }  # fmt: skip
    record(f"15 limit of {limit} a minute, four replicas", bar="never over, 0 × 429, used ≥ 0.95", **line, seed=1)
    assert line["most in a minute"] <= limit
    assert line["refused"] == 0
    assert float(line["used"]) >= 0.95
