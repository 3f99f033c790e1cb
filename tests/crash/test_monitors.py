"""SIGKILL of evaluators, and of what tells them, at any moment: the states are those of one process on the same journal, to
the bit, and nothing that was told is missing."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring import evaluations
from monitoring.evaluations import Place
from monitoring.folding import fold
from monitoring.packing import pack
from monitoring.watch import Watch
from tests.crash.monitor_worker import OUTPUTS, opened
from tests.monitored import PLACE, everything, plan
from tests.programs import Program

SHORT, FULL = 2, 100
NAMES = "abc"


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Starts a worker; whatever is left is killed in the end."""
    made: list[Program] = []

    def started(*arguments: str) -> Program:
        made.append(Program("tests.crash.monitor_worker", *arguments, stdout=subprocess.PIPE))
        return made[-1]

    yield started
    for process in made:
        process.kill()
        process.communicate()


def killed(start: Callable[..., Any], role: str, store: str, name: str, kills: int, chance: random.Random) -> None:
    """The worker again and again, killed each time after up to half a second of work."""
    for _ in range(kills):
        process = start(role, store, name)
        assert process.stdout.readline() == "begun\n"
        time.sleep(chance.random() / 2)
        process.send_signal(signal.SIGKILL)
        process.wait()


def judged(store: str, names: str) -> None:
    """Folds on to the end in this process, and compares with one that folds everything by itself."""
    database = opened(store)
    try:
        journal = everything(database)
        lease = None
        while lease is None:
            lease = database.run_now(lambda c, now: evaluations.take_lease(c, now, holder="judge"))
        folded = [each for each in journal if (each.at, each.id) <= lease.cursor]
        watches: dict[Place, Watch | None] = {}  # a tick that came before the model's first entry is none of its own
        changed = fold(watches, folded, lambda place: Watch(plan()))
        alone = watches[PLACE]
        kept = database.run_now(lambda c, now: evaluations.find_state(c, now, place=PLACE))
        told = [
            each for _, each in database.run_now(lambda c, now: evaluations.find_changes(c, now, after=0, most=10_000))
        ]
        missing = {
            f"{name}-{number}" for name in names for number in range(OUTPUTS)
        } - {getattr(each.told, "output", "") for each in journal}  # fmt: skip
    finally:
        database.close()
    assert missing == set()
    assert len(folded) == len(journal) > OUTPUTS
    assert alone is not None
    assert kept == pack(alone.state())
    assert told == changed != []


def replicas_and_killed_evaluators(start: Callable[..., Any], store: str, kills: int) -> None:
    tellers = [start("tell", store, name) for name in NAMES]
    killed(start, "fold", store, "x", kills, random.Random(5))
    assert [each.stdout.readline() for each in tellers] == ["told\n"] * len(NAMES)
    last = start("fold", store, "x")
    assert [last.stdout.readline() for _ in range(2)] == ["begun\n", "idle\n"]
    last.kill()
    last.wait()
    judged(store, NAMES)


def a_killed_process(start: Callable[..., Any], store: str, kills: int) -> None:
    killed(start, "both", store, "a", kills, random.Random(6))
    last = start("both", store, "a")
    while last.stdout.readline() != "told\n":
        pass
    last.kill()
    last.wait()
    last = start("fold", store, "a")
    assert [last.stdout.readline() for _ in range(2)] == ["begun\n", "idle\n"]
    last.kill()
    last.wait()
    judged(store, "a")


def test_three_replicas_tell_and_evaluators_are_killed(start: Callable[..., Any], database_url: str) -> None:
    replicas_and_killed_evaluators(start, database_url, SHORT)


def test_the_one_process_on_sqlite_is_killed(start: Callable[..., Any], tmp_path: Path) -> None:
    a_killed_process(start, str(tmp_path / "monitors.db"), SHORT)


@pytest.mark.campaign
def test_many_kills(start: Callable[..., Any], database_url: str, tmp_path: Path) -> None:
    replicas_and_killed_evaluators(start, database_url, FULL)
    a_killed_process(start, str(tmp_path / "monitors.db"), FULL)
