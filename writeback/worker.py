"""Edge: the delivery loop. Claims, speaks with EHRs, records; one for a process, any number of processes on PostgreSQL.

Recording and claiming share one transaction, so that under load a delivery costs a fraction of a commit. A worker that
dies in mid-sentence leaves a lease behind, which ``recover`` turns into doubt; a delivery in doubt is looked for first.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from random import random
from typing import Protocol, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from writeback import outbox, outputs
from writeback.changes import Change
from writeback.claims import Attempted, Claimed, Ending
from writeback.conversation import deliver
from writeback.sending import Sender, converse
from writeback.settings import PACE, Pace
from writeback.settling import record

T = TypeVar("T")
logger = logging.getLogger("chartgate.delivery")


class Run(Protocol):
    """The storage seam, ``database.run``."""

    async def __call__(self, work: Callable[[Connection, float], T], /) -> T: ...


class Worker:
    """``senders(ehr, principal)`` gives who speaks with an EHR for a launch (``launch:<id>``) or for the gateway itself
    (``backend``). ``ehrs`` names the EHRs to serve, asked again at every sweep. ``observe`` is told what changed."""

    def __init__(
        self,
        *,
        run: Run,
        senders: Callable[[str, str], Sender],
        ehrs: Callable[[], Iterable[str]],
        namespace: str,
        observe: Callable[[Sequence[Change]], None] = lambda changes: None,
        pace: Pace = PACE,
        read_back: bool = True,
        boot: str | None = None,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._run, self._senders, self._ehrs = run, senders, ehrs
        self._namespace, self._observe, self._pace = namespace, observe, pace
        self._read_back, self._jitter = read_back, jitter
        self.boot = boot or uuid4().hex
        self._stopping = asyncio.Event()
        self._lines: dict[str, _Line] = {}

    async def start(self) -> None:
        """What a new boot does first: finds what an earlier one has left behind."""
        self._observe(await self._run(lambda connection, now: outbox.recover(connection, now, boot=self.boot)))

    async def turn(self, ehr: str) -> int:
        """One round for one EHR, to its end: claims, delivers, records. Returns how many deliveries it claimed."""
        claims = await self._run(lambda connection, now: self._claim(connection, now, ehr, self._pace.in_flight))
        attempts = await asyncio.gather(*(self._attempt(row) for row in claims.rows))
        changes = await self._run(
            lambda connection, now: record(connection, now, attempts=attempts, pace=self._pace)
        )  # fmt: skip
        self._observe((*claims.changes, *changes))
        return len(claims.rows)

    async def serve(self) -> None:
        """Delivers until ``stop``. An EHR that is slow or down holds up no other."""
        await self._guarded(self.start())
        while not self._stopping.is_set():
            for ehr in self._ehrs():
                if ehr not in self._lines or self._lines[ehr].task.done():
                    self._lines[ehr] = line = _Line()
                    line.task = asyncio.create_task(self._serve(ehr, line))
            await _wait(self._stopping, self._pace.sweep)
            await self._guarded(self._sweep())
        await asyncio.gather(*(line.task for line in self._lines.values()))

    def stop(self) -> None:
        """Claims nothing more; ``serve`` returns when what is under way has been recorded."""
        self._stopping.set()
        self.wake()

    def wake(self, ehr: str | None = None) -> None:
        """There is something to deliver now: no need to wait for the next look."""
        for name, line in self._lines.items():
            if ehr in (None, name):
                line.ready.set()

    def _claim(self, connection: Connection, now: float, ehr: str, limit: int) -> outbox.Claims:
        return outbox.claim_due(connection, now, ehr=ehr, owner=self.boot, limit=limit, pace=self._pace)

    async def _attempt(self, row: Claimed) -> Attempted:
        return Attempted(delivery=row, ending=await self._end(row), jitter=self._jitter())

    async def _end(self, row: Claimed) -> Ending:
        try:
            sender = self._senders(row.ehr, row.principal)
        except Exception as failure:
            logger.warning("no sender for an EHR: %s", type(failure).__name__)
            return Ending(event="undecided" if row.doubtful else "postponed", cause="no_sender")
        try:
            conversation = deliver(row, namespace=self._namespace, read_back=self._read_back)
            return await converse(conversation, sender, seconds=self._pace.conversation)
        except Exception as failure:  # a fault of ours; what was sent before it is not known
            logger.error("a delivery failed with %s", type(failure).__name__)
            return Ending(event="lost", cause="fault")

    async def _serve(self, ehr: str, line: "_Line") -> None:
        """The pipeline of one EHR: each step records what has ended and claims as much as there is room for."""
        while not self._stopping.is_set() or line.busy or line.ended:
            attempts, line.ended = line.ended, []
            room = 0 if self._stopping.is_set() else self._pace.in_flight - len(line.busy)

            def step(
                connection: Connection, now: float, attempts: Sequence[Attempted] = attempts, room: int = room
            ) -> tuple[Sequence[Change], outbox.Claims]:
                changes = record(connection, now, attempts=attempts, pace=self._pace)
                return changes, self._claim(connection, now, ehr, room) if room > 0 else outbox.Claims()

            done = await self._guarded(self._run(step))
            if done is None:
                line.ended = [*attempts, *line.ended]
                await _wait(self._stopping, self._pace.poll)
                continue
            changes, claims = done
            self._observe((*changes, *claims.changes))
            for row in claims.rows:
                line.begin(self._attempt(row))
            if not line.ended and not (claims.rows and len(line.busy) < self._pace.in_flight):
                await line.wait(self._pace.poll)

    async def _sweep(self) -> None:
        def sweep(connection: Connection, now: float) -> tuple[Change, ...]:
            found = outbox.recover(connection, now, boot=self.boot)
            return (*found, *outputs.expire_waiting(connection, now))

        self._observe(await self._run(sweep))

    async def _guarded(self, work: Awaitable[T]) -> T | None:
        """A database that is away for a moment stops nothing for good."""
        try:
            return await work
        except Exception as failure:
            logger.warning("the outbox could not be reached: %s", type(failure).__name__)
            return None


class _Line:
    """What is under way at one EHR."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ended: list[Attempted] = []
        self.busy: set[asyncio.Task[None]] = set()
        self.task: asyncio.Future[None]

    def begin(self, attempt: Awaitable[Attempted]) -> None:
        """Starts a delivery; ``ended`` holds what came of it."""
        task = asyncio.ensure_future(self._finish(attempt))
        self.busy.add(task)
        task.add_done_callback(self.busy.discard)

    async def _finish(self, attempt: Awaitable[Attempted]) -> None:
        made = await attempt  # first: ``ended`` is another list after every round
        self.ended.append(made)
        self.ready.set()

    async def wait(self, seconds: float) -> None:
        """Until something has ended or somebody calls, or the time is up."""
        await _wait(self.ready, seconds)
        self.ready.clear()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
