"""Three replicas on PostgreSQL run one schedule: SIGKILL and SIGSTOP in the middle of a tick, and a clock that is put forward and
back. Exactly one run per tick, every patient scored exactly once, judged at the receiver."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.delivery_judge import record
from tests.crash.delivery_kills import Nursery
from tests.crash.schedule_kills import campaign, judge, replicas

SHORT = ("kill", "step", "steal")
FULL = {"kill": 8, "step": 8, "freeze": 2, "steal": 4}
TRIES = 20
"""Chances of a replica without a fence to double: whether another is quicker than its sign of life is a matter of luck."""


@pytest.fixture(scope="module")
def schedulers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    place = tmp_path_factory.mktemp("schedulers")
    with contextlib.closing(Nursery(place, module="tests.crash.schedule_worker")) as made:
        yield made


def test_three_replicas_run_every_tick_once_whoever_dies_and_whatever_the_clock_does(
    schedulers: Nursery, tmp_path: Path, database_url: str
) -> None:
    with replicas(schedulers, tmp_path, database_url, seed=1) as ward:
        campaign(ward, SHORT)
        ward.settle()
        found = judge(ward)
    assert found.problems == []
    assert found.resumed >= 1


def test_without_the_fence_patients_are_scored_twice(schedulers: Nursery, tmp_path: Path, database_url: str) -> None:
    """The judge is alive: replicas that name what they say by themselves, and ask nobody, double."""
    with replicas(schedulers, tmp_path, database_url, seed=1, blind=True) as ward:
        found = judge(ward)
        for _ in range(TRIES):
            campaign(ward, ("steal",))
            found = judge(ward)
            if found.doubled:
                break
    assert found.doubled > 0


@pytest.mark.campaign
def test_kills_frozen_replicas_thefts_and_wrong_clocks(schedulers: Nursery, tmp_path: Path, database_url: str) -> None:
    chance, began = random.Random(11), time.monotonic()
    what = [each for each, times in FULL.items() for _ in range(times)]
    chance.shuffle(what)
    with replicas(schedulers, tmp_path, database_url, seed=11) as ward:
        campaign(ward, what)
        ward.settle()
        found = judge(ward)
    record(
        "scheduler: three replicas on postgres", bar="one run per tick, every patient once", **ward.happened,
        ticks=found.ticks, kept=found.kept, superseded=found.superseded, resumed=found.resumed,
        doubled=found.doubled, problems=len(found.problems), seconds=round(time.monotonic() - began, 1), seed=11,
    )  # fmt: skip
    assert found.problems == []
