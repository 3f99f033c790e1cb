"""A profile in one process, in two, and on Dask with a worker killed in the middle: the same bytes, in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "profiles.jsonl"
MOST = 300
"""Megabytes of a process, at most, however many resources."""


def counted(way: str, resources: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.profile_campaign", way, str(resources)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("resources", [12_000, pytest.param(10_000_000, marks=pytest.mark.campaign)])
def test_one_process_two_and_dask_with_a_worker_killed_count_the_same(resources: int) -> None:
    found = [counted(way, resources) for way in ("one", "two", "dask")]
    assert len({each["digest"] for each in found}) == 1
    assert {each["counted"] for each in found} == {resources}
    assert found[2]["left_when_killed"] > 0
    assert max(max(each["peak_mb"], each["peak_mb_of_a_child"]) for each in found) <= MOST
    if resources >= 1_000_000:
        with RESULTS.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in found)


def test_another_feed_has_another_digest() -> None:
    assert counted("one", 1_000)["digest"] != counted("one", 1_001)["digest"]
