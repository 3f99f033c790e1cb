"""A population scored in one process, in two, on Dask with a worker killed in the middle, and again after a run that was killed: the
same bytes, in bounded memory."""

import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fidelity import spreading

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "scores.jsonl"
MOST = 300
"""Megabytes of a process, at most, however many resources."""


def scored(way: str, resources: int, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.score_campaign", way, str(resources), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("resources", [4_000, pytest.param(1_000_000, marks=pytest.mark.campaign)])
def test_one_process_two_dask_with_a_worker_killed_and_a_rerun_give_the_same_bytes(
    resources: int, tmp_path: Path
) -> None:
    ways = ("dask", "again") + (("one", "two") if resources >= 1_000_000 else ())  # "again" is one process too
    found = {way: scored(way, resources, tmp_path) for way in ways}
    assert len({each["digest"] for each in found.values()}) == 1
    assert {each["patients"] for each in found.values()} == {resources // 100}
    assert found["dask"]["killed"]
    assert found["again"]["killed"]
    assert found["again"]["left_behind"] > 1
    lines = (tmp_path / "killed.ndjson").read_bytes()
    assert sha256(lines).hexdigest() == found["dask"]["digest"]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        ["feed.ndjson", "trivial", "killed.ndjson", *(f"{way}.ndjson" for way in ways if way != "again")]
    )
    assert max(max(each["peak_mb"], each["peak_mb_of_a_child"]) for each in found.values()) <= MOST
    if resources >= 1_000_000:
        with RESULTS.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in found.values())


def _fall(part: tuple[str, int]) -> int:
    """The first process to take part 3 is killed; later ones find it done so."""
    folder, number = part
    mark = Path(folder) / "fallen"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _always(part: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return part


def test_what_a_killed_process_had_is_done_again(tmp_path: Path) -> None:
    parts = [(str(tmp_path), number) for number in range(8)]
    assert sorted(spreading.spread(_fall, parts, processes=2)) == [(number, number) for number in range(8)]
    assert (tmp_path / "fallen").exists()


def test_processes_that_are_always_killed_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "LOSSES", 1)
    with pytest.raises(spreading.WorkersLost, match="fewer"):
        list(spreading.spread(_always, [1, 2], processes=2))
