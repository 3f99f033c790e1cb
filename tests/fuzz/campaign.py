"""Sends mutated requests, each in a world of its own, and judges every answer.

``python -m tests.fuzz --requests N --seed S``. A finding is told with its number (repeat it with ``--only``) and shrunk.
"""

import asyncio
import contextlib
import logging
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fuzz.checks import TABLES, Pass, faults
from tests.fuzz.making import make
from tests.fuzz.seeds import Seed, seeds
from tests.fuzz.wire import App, Got, Sent, pass_through
from tests.fuzz.world import World, build

HANG = 20.0
"""Wall seconds after which a request is given up."""
FINDINGS_LIMIT = 40
ALIKE = 3
"""Findings that say the same, at most."""
GROWTH_LIMIT = 96
"""MiB that the process may grow from its first tenth to its end."""


class Hung(BaseException):
    """A request did not end. Not an Exception: nothing on the way may catch it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``number`` is the request's, ``sent`` its shrunk form, ``got`` its answer."""

    number: int
    rule: str
    says: str
    sent: Sent
    got: Got | None


@dataclass(kw_only=True)
class Report:
    """What came of a campaign; ``growth`` in MiB, ``cpu`` in seconds of the whole process."""

    requests: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    cpu: float = 0.0
    growth: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


class Heard(logging.Handler):
    """Keeps what is logged during one request."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Campaign:
    """One world and its seeds. ``app`` stands before the world's own application, if given (the twins of the test)."""

    def __init__(self, world: World, rewind: Callable[[], None], app: App | None = None) -> None:
        self.world, self._rewind, self._app = world, rewind, app or world.app
        self.seeds: Sequence[Seed] = seeds(world)
        self.heard = Heard()
        self._rows = world.database.count(self._tables)

    @property
    def _tables(self) -> tuple[str, ...]:
        there = {row[0] for row in self.world.database.raw.execute("SELECT name FROM sqlite_master")}
        return tuple(name for name in TABLES if name in there)

    async def send(self, sent: Sent) -> Pass:
        """One request, in a world that forgets it."""
        self.heard.records.clear()
        raised, got = None, None
        with self.world.database.one_request():
            self._rewind()
            changes, began = self.world.database.raw.total_changes, time.thread_time()
            signal.setitimer(signal.ITIMER_REAL, HANG)
            try:
                got = await pass_through(self._app, sent)
            except (Exception, Hung) as failure:
                raised = failure
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            cpu = time.thread_time() - began
            same = self.world.database.raw.total_changes == changes
            after = self._rows if same else self.world.database.count(self._tables)
        return Pass(
            sent=sent, got=got, raised=raised, before=self._rows, after=after, logged=tuple(self.heard.records), cpu=cpu
        )

    async def run(self, seed: int, numbers: Iterable[int]) -> Report:
        """Judges the requests with these numbers; stops at ``FINDINGS_LIMIT`` different findings."""
        report, began, used, known = Report(), time.perf_counter(), time.process_time(), Counter[tuple[str, str]]()
        with self._listening():
            for number in numbers:
                sent = make(self.seeds, seed, number)
                it = await self.send(sent)
                report.requests += 1
                report.statuses[it.got.status if it.got else 0] += 1
                report.slowest = max(report.slowest, it.cpu)
                for rule, says in faults(it).items():
                    known[rule, says[:60]] += 1
                    if known[rule, says[:60]] > ALIKE:
                        continue
                    report.findings.append(await self._finding(number, rule, sent))
                if len(report.findings) >= FINDINGS_LIMIT:
                    break
                if report.requests == 2000:
                    report.growth = -_resident()
                if not report.requests % 100:
                    time.sleep(0.001)  # the audit log's thread has a turn at the database
        report.growth = _resident() + report.growth if report.growth else 0
        report.seconds, report.cpu = time.perf_counter() - began, time.process_time() - used
        return report

    async def _finding(self, number: int, rule: str, sent: Sent) -> Finding:
        small = await self._shrink(rule, sent)
        it = await self.send(small)
        return Finding(number=number, rule=rule, says=faults(it).get(rule, "not when repeated"), sent=small, got=it.got)

    async def _shrink(self, rule: str, sent: Sent) -> Sent:
        """Leaves out what the fault does not need: headers, parameters, halves of the body."""
        shrunk = True
        while shrunk:
            shrunk = False
            for smaller in _smaller(sent):
                if rule in faults(await self.send(smaller)):
                    sent, shrunk = smaller, True
                    break
        return sent

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Hears every logger, and a request that hangs is ended."""
        root = logging.getLogger()
        root.addHandler(self.heard)
        before = signal.signal(signal.SIGALRM, _hung)
        try:
            yield
        finally:
            signal.signal(signal.SIGALRM, before)
            root.removeHandler(self.heard)


def _hung(number: int, frame: Any) -> None:
    raise Hung(f"no answer after {HANG:.0f} s")


def _smaller(sent: Sent) -> Iterator[Sent]:
    for place in range(len(sent.headers)):
        yield replace(sent, headers=(*sent.headers[:place], *sent.headers[place + 1 :]))
    for name in ("query", "body"):
        raw: bytes = getattr(sent, name)
        pairs = raw.split(b"&") if raw and raw.count(b"&") < 40 else []
        for place in range(len(pairs)):
            yield replace(sent, **{name: b"&".join(pairs[:place] + pairs[place + 1 :])})
        if len(raw) > 1:
            yield replace(sent, **{name: raw[: len(raw) // 2]})


def _resident() -> int:
    """The process's peak, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def campaign(
    requests: int, seed: int, *, only: int | None = None, before: Callable[[App, World], App] | None = None
) -> Report:
    """Builds a world, sends the requests, and takes the world down."""

    async def whole() -> Report:
        world, rewind = await build()
        try:
            running = Campaign(world, rewind, before(world.app, world) if before else None)
            return await running.run(seed, [only] if only is not None else range(requests))
        finally:
            world.close()

    return asyncio.run(whole())
