"""SIGKILL at any moment: every write that was answered is in the audit log, and every read that was older than 100 ms.

A read waits ``FLUSH_AFTER`` and then for two commits at most: the one under way and its own. Where the machine is so busy
that two commits take longer than what is left of ``LOSS``, that is the bound: see ``Killed.bound``.
"""

import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.face.auditing import FLUSH_AFTER, LOSS
from gateway.storage.database import open_sqlite
from tests.programs import Program

LEAST = 12


@dataclass(frozen=True)
class Killed:
    """What was answered (X-Request-Id → kind and time), what the log has, and when the kill came."""

    answered: dict[str, tuple[str, float]]
    kept: frozenset[str]
    at: float

    def missing(self, kind: str, *, older: float) -> list[str]:
        """Answers of this kind that are not in the log although they were this many seconds old."""
        return [
            name for name, (what, at) in self.answered.items() if what == kind and at < self.at - older and name not in self.kept
        ]  # fmt: skip

    @property
    def bound(self) -> float:
        """Seconds of reads that this kill may have lost: by the slowest write that was answered, or was being."""
        moments = list(self.answered.values())
        pairs = zip(moments, [*moments[1:], ("write", self.at)], strict=True)
        return max(
            LOSS, FLUSH_AFTER + 2 * max(after - before for (_, before), (what, after) in pairs if what == "write")
        )


def kill(path: Path, *, seconds: float) -> Killed:
    """Runs the EHR on a fresh file, kills it ``seconds`` after its first answer (and ``LEAST`` answers at least), and reads what it left."""
    with Program("tests.crash.audit_reader", str(path), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while len(lines) < LEAST or float(lines[-1].split()[2]) - float(lines[0].split()[2]) < seconds:
            lines.append(process.stdout.readline())
        at = time.time()
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines()
    said = [line.split() for line in lines if line.count(" ") == 2 and "." in line.split()[2]]
    database = open_sqlite(path)
    kept = database.run_now(lambda c, now: [row[0] for row in c.exec_driver_sql("SELECT request FROM audit_events")])
    database.close()
    assert len(kept) == len(set(kept)), "an access is in the log once"
    return Killed({name: (what, float(moment)) for name, what, moment in said}, frozenset(kept), at)


def judge(place: Path, *, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(kills):
        found = kill(place / f"{number}.db", seconds=0.3 + chance.random() * 0.7)
        assert len(found.answered) >= LEAST
        assert found.missing("write", older=-60.0) == [], "also the youngest"
        assert found.missing("read", older=found.bound) == []


def test_a_kill_loses_no_write_and_no_read_older_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    judge(tmp_path, kills=2, seed=1)


@pytest.mark.campaign
def test_sixty_kills_lose_no_write_and_no_read_older_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    judge(tmp_path, kills=60, seed=2)


def test_a_log_that_is_late_would_be_noticed() -> None:
    late = Killed({"rq-1": ("read", 1.0), "rq-2": ("read", 1.95), "rq-3": ("write", 2.0)}, frozenset(), at=2.0)
    assert late.missing("read", older=LOSS) == ["rq-1"]
    assert late.missing("write", older=-1.0) == ["rq-3"]


def test_two_commits_are_the_bound_only_where_they_take_longer_than_the_tenth_of_a_second() -> None:
    swift = Killed({"rq-1": ("read", 1.0), "rq-2": ("write", 1.02)}, frozenset(), at=1.03)
    assert swift.bound == LOSS
    busy = Killed({"rq-1": ("read", 1.0), "rq-2": ("write", 1.2)}, frozenset(), at=1.21)
    assert busy.bound == pytest.approx(FLUSH_AFTER + 0.4)
