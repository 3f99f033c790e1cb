"""Kills delivering workers at any moment, starts them again on the same database, and judges what the receiver kept."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.crash.delivery_judge import Verdict, judge, outputs_in, rows_in, whole
from tests.crash.delivery_worker import Order, as_line, heard, opened
from tests.crash.kill_demo import ROOT
from tests.crash.receiver import kept_in
from tests.programs import Program

PATIENCE = 90.0
"""Seconds that is waited for what has to come."""
DRAIN = 600.0
"""Seconds that the last worker has to deliver what is left, at most: it ends when that is done."""
TRANSACTION = "transaction"
"""An EHR that takes plain creates, and transactions of them: outputs are scores with their parts and a report over them."""
LAST = 12
"""Outputs that the last worker accepts, which nobody kills."""
SPACE = 10_000
"""Numbers of outputs that one worker may use up."""


@dataclass
class Receiver:
    """The EHR in its process; ``kill`` ends it and starts it again at the same address with what it kept."""

    file: Path
    kind: str
    seed: int
    calm: bool = False
    port: int = 0
    process: Program = field(init=False)

    def start(self) -> None:
        words = [str(self.file), self.kind, str(self.port), str(self.seed), *(["--calm"] if self.calm else [])]
        self.process = Program("tests.crash.receiver", *words, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def kill(self) -> None:
        self.stop()
        self.seed += 1
        self.start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def counts(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.base}/counts", timeout=10) as answer:
            return dict(json.load(answer))


@contextlib.contextmanager
def receiving(place: Path, kind: str, *, seed: int = 1, calm: bool = False) -> Iterator[Receiver]:
    receiver = Receiver(file=place / "kept", kind=kind, seed=seed, calm=calm)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


class Nursery:
    """Forks workers of a module; those that live when it is left are killed. ``root`` is the tree whose code they run."""

    def __init__(
        self, place: Path, environment: dict[str, str] | None = None, *, module: str = "tests.crash.delivery_worker",
        root: Path = ROOT,
    ) -> None:  # fmt: skip
        self._errors = (place / "errors").open("a")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=root, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        self._pids: set[int] = set()
        self._turn = threading.Lock()
        self._hear()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def bear(self, order: Any) -> int:
        """The pid of a new worker."""
        assert self._process.stdin is not None
        with self._turn:
            self._process.stdin.write(as_line(order) + "\n")
            self._process.stdin.flush()
            pid = int(self._hear())
            self._pids.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """SIGKILL, and it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert self.gone(pid, 10.0)

    def gone(self, pid: int, seconds: float) -> bool:
        """Whether it has ended, at the latest after so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                self._pids.discard(pid)
                return True
            time.sleep(0.005)
        return False

    def close(self) -> None:
        for pid in list(self._pids):
            self.kill(pid)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            stream.close()
        self._process.wait(60)


@dataclass(frozen=True, kw_only=True)
class Series:
    """What a campaign has done and found. ``again`` counts writes beyond the first of each resource."""

    verdict: Verdict
    kills: int
    accepted: int
    again: int
    transactions: int
    longest: float
    seconds: float

    @property
    def figures(self) -> dict[str, Any]:
        sent = {"transactions": self.transactions} if self.transactions else {"sent again": self.again}
        return {
            "kills": self.kills, "accepted": self.accepted, **self.verdict.figures, **sent,
            "longest at the receiver": self.longest, "seconds": round(self.seconds, 1),
        }  # fmt: skip


def campaign(
    nursery: Nursery, place: Path, store: str, kind: str, *, kills: int, seed: int, blind: bool = False
) -> Series:  # fmt: skip
    """So many kills, one in eight while it starts; one in 25 kills the receiver too. The last worker accepts a few more, and
    drains, left alone."""
    place.mkdir(exist_ok=True)
    chance, began = random.Random(seed), time.monotonic()
    done, longest, journal = Counter[str](), 0.0, place / "journal"
    with receiving(place, kind, seed=seed) as receiver:
        order = Order(
            store=store, base=receiver.base, journal=str(journal), strategy="post" if kind == TRANSACTION else kind,
            seed=seed, first=0, at=time.time() - 86400.0, blind=blind, grouped=kind == TRANSACTION,
        )  # fmt: skip
        for number in range(kills):
            pid = nursery.bear(replace(order, seed=seed + number, first=number * SPACE))
            if number % 8 != 7:
                wait_until(lambda first=number * SPACE: f"accepted {first}\n" in written(journal))
            time.sleep(chance.random() * 0.4)
            nursery.kill(pid)
            if number % 25 == 12:
                counts = receiver.counts()
                done, longest = done + Counter(counts), max(longest, counts["longest"])
                receiver.kill()
        drained = drain(nursery, replace(order, first=kills * SPACE), count=LAST)
        counts = receiver.counts()
        done += Counter(counts)
    found = verdict(place, store, drained=drained)
    return Series(
        verdict=found, kills=kills, accepted=len(heard(journal)[0]), longest=max(longest, counts["longest"]),
        again=done["writes"] - found.kept, transactions=done["transactions"], seconds=time.monotonic() - began,
    )  # fmt: skip


def written(journal: Path) -> str:
    return journal.read_text() if journal.exists() else ""


def wait_until(holds: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.01)


def drain(nursery: Nursery, order: Order, *, seconds: float = DRAIN, count: int = 0) -> bool:
    """Whether a worker that accepts no more than ``count`` delivers all that is left."""
    pid = nursery.bear(replace(order, count=count, leave=True))
    ended = nursery.gone(pid, seconds)
    if not ended:
        nursery.kill(pid)
    return ended and heard(Path(order.journal))[2]


def verdict(place: Path, store: str, *, drained: bool, refused: Iterable[int] = ()) -> Verdict:
    """What the receiver kept against what the database and the callers say. ``refused``: of these there is nothing."""
    accepted, _, _ = heard(place / "journal")
    database = opened(store)
    try:
        found = judge(
            accepted=accepted, refused=refused, outputs=outputs_in(database),
            rows=rows_in(database), kept=kept_in(place / "kept"),
        )  # fmt: skip
        broken = [] if whole(database) else ["the database's file is broken"]
    finally:
        database.close()
    return replace(
        found, late=found.late or ([] if drained else ["the last worker did not end"]), other=found.other + broken
    )
