"""Edge: the delivery loop. Claims, speaks with EHRs, records; one for a process, any number of processes on PostgreSQL.

Recording and claiming share one transaction, so that under load a delivery costs a fraction of a commit. A worker that
dies in mid-sentence leaves a lease behind, which ``recover`` turns into doubt; a delivery in doubt is looked for first.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from random import random
from time import monotonic
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from writeback import outbox
from writeback.changes import Change
from writeback.ledger import outputs
from writeback.ledger.claiming import Claims, claim_due, waits
from writeback.ledger.settling import record
from writeback.ledger.targets import take_place
from writeback.line import Line
from writeback.pacing import FAST, LATE, Bundled
from writeback.settings import PACE, Pace
from writeback.speaking.bundling import deliver_together
from writeback.speaking.claims import Attempted, Claimed, Ending
from writeback.speaking.conversation import deliver
from writeback.terms import SINGLY, Terms, cost, reads_back
from writeback.wire.metering import Metered
from writeback.wire.sending import Run, Sender, converse
from writeback.wire.turns import wait_for

T = TypeVar("T")
logger = logging.getLogger("chartgate.delivery")

Told = Callable[[Mapping[int, Ending]], None]
Around = Callable[[Sequence[Claimed]], AbstractContextManager[Told]]
"""Stands around an attempt, and is told its endings by delivery."""


@contextmanager
def _alone(rows: Sequence[Claimed]) -> Iterator[Told]:
    yield lambda endings: None


async def _singly(ehr: str) -> Terms:
    return SINGLY


class Worker:
    """``senders(ehr, principal)`` gives who speaks with an EHR for a launch (``launch:<id>``) or for the gateway itself
    (``backend``). ``ehrs`` names the EHRs to serve, and ``terms`` says on what terms, both asked again at every sweep;
    ``terms`` may fail with any exception while an EHR does not answer. ``observe`` is told what changed; ``around`` stands
    around each attempt."""

    def __init__(
        self,
        *,
        run: Run,
        senders: Callable[[str, str], Sender],
        ehrs: Callable[[], Iterable[str]],
        namespace: str,
        observe: Callable[[Sequence[Change]], None] = lambda changes: None,
        pace: Pace = PACE,
        terms: Callable[[str], Awaitable[Terms]] = _singly,
        boot: str | None = None,
        jitter: Callable[[], float] = random,
        around: Around = _alone,
    ) -> None:
        self._run, self._senders, self._ehrs = run, senders, ehrs
        self._namespace, self._observe, self._pace = namespace, observe, pace
        self._terms_of, self._jitter, self._around = terms, jitter, around
        self.boot = boot or uuid4().hex
        self._stopping = asyncio.Event()
        self._lines: dict[str, Line] = {}
        self.attempts = 0
        """Attempts that this worker has recorded."""

    async def start(self) -> None:
        """What a new boot does first: finds what an earlier one has left behind."""
        self._observe(await self._run(lambda connection, now: outbox.recover(connection, now, boot=self.boot)))

    async def turn(self, ehr: str) -> int:
        """One round for one EHR, to its end: claims, delivers, records. Returns how many deliveries it claimed."""
        line = self._lines.setdefault(ehr, Line())
        await self._learn(ehr, line)
        room, until = line.room(self._pace), self._until()
        claims = await self._run(lambda connection, now: self._claim(connection, now, ehr, line, room))
        line.took(claims)
        made = await asyncio.gather(
            *(line.in_turn(self._attempt(rows, line, until)) for rows in line.groups(claims.rows))
        )
        attempts = [attempt for attempts in made for attempt in attempts]
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
                    self._lines[ehr] = line = Line()
                    line.task = asyncio.create_task(self._serve(ehr, line))
                self._lines[ehr].learn(self._learn(ehr, self._lines[ehr]))
            await wait_for(self._stopping, self._pace.sweep)
            await self._guarded(self._sweep())
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    def stop(self) -> None:
        """Claims nothing more; ``serve`` returns when what is under way has been recorded."""
        self._stopping.set()
        self.wake()

    def wake(self, ehr: str | None = None) -> None:
        """There is something to deliver now: no need to wait for the next look."""
        for name, line in self._lines.items():
            if ehr in (None, name):
                line.ready.set()

    def _claim(self, connection: Connection, now: float, ehr: str, line: Line, limit: int) -> Claims:
        return claim_due(
            connection, now, ehr=ehr, owner=self.boot, limit=limit, pace=self._pace, terms=line.terms, turn=line.claimed,
            cursor=line.cursor(self._pace),
        )  # fmt: skip

    def _until(self) -> float:
        """When a conversation about what is claimed from now on ends: before its lease does, wherever this process is held up."""
        return monotonic() + self._pace.conversation

    async def _attempt(self, rows: Sequence[Claimed], line: Line, until: float) -> Sequence[Attempted]:
        """Speaks with the EHR about one delivery, or about several together."""
        with self._around(rows) as told:
            endings, bundle = await self._spoken(rows, line, until)
            told(endings)
        return [
            Attempted(delivery=row, ending=endings[row.id], jitter=self._jitter(), bundle=bundle) for row in rows
        ]  # fmt: skip

    async def _spoken(
        self, rows: Sequence[Claimed], line: Line, until: float
    ) -> tuple[Mapping[int, Ending], Bundled | None]:  # fmt: skip
        bundle: Bundled | None = None
        if until - monotonic() < self._pace.conversation / 2:  # those before were not answered
            late = {row.id: Ending(event="undecided" if row.doubtful else "postponed", cause="no_turn") for row in rows}
            return late, None
        if len(rows) == 1:
            endings: Mapping[int, Ending] = {rows[0].id: await self._end(rows[0], line, until)}
            if line.terms.batch and line.size == 1 and endings[rows[0].id].event == "kept":
                bundle = Bundled(first=rows[0].id, entries=1, verdict="taken")  # all went well: two together next time
            return endings, bundle
        return await self._end_together(rows, line, until)

    async def _end(self, row: Claimed, line: Line, until: float) -> Ending:
        sender = self._sender(row)
        if sender is None:
            return Ending(event="undecided" if row.doubtful else "postponed", cause="no_sender")
        try:
            booked = cost(doubtful=row.doubtful, terms=line.terms)
            sender = self._metered(row.ehr, line.reading(row, sender), line.terms, booked=booked, until=until)
            read_back = reads_back(row.key, line.terms.read_back)
            conversation = deliver(row, namespace=self._namespace, read_back=read_back, terms=line.terms)
            return await converse(conversation, sender, seconds=until - monotonic())
        except Exception as failure:  # a fault of ours; what was sent before it is not known
            logger.error("a delivery failed with %s", type(failure).__name__)
            return Ending(event="lost", cause="fault")

    async def _end_together(
        self, rows: Sequence[Claimed], line: Line, until: float
    ) -> tuple[Mapping[int, Ending], Bundled | None]:  # fmt: skip
        sender, share = self._sender(rows[0]), line.terms.read_back
        if sender is None:
            return {row.id: Ending(event="postponed", cause="no_sender") for row in rows}, None
        try:
            booked = sum(
                cost(doubtful=row.doubtful, terms=line.terms) for row in (rows[:1] if rows[0].united else rows)
            )
            sender = self._metered(rows[0].ehr, sender, line.terms, booked=booked, until=until)
            conversation = deliver_together(
                rows, namespace=self._namespace, reads_back=lambda key: reads_back(key, share), terms=line.terms
            )  # fmt: skip
            done = await converse(conversation, sender, seconds=until - monotonic())
        except Exception as failure:  # a fault of ours, as above
            logger.error("deliveries failed with %s", type(failure).__name__)
            return {row.id: Ending(event="lost", cause="fault") for row in rows}, None
        return done.endings, Bundled(first=rows[0].id, entries=done.entries, verdict=done.verdict)

    def _metered(self, ehr: str, sender: Sender, terms: Terms, *, booked: int, until: float) -> Sender:
        """The sender, with the EHR's rate limit asked before each request that was not booked with the claim."""
        per_minute = terms.per_minute
        if per_minute is None:
            return sender
        late = until - self._pace.conversation + (LATE if per_minute >= FAST else self._pace.conversation)
        take = lambda: self._run(lambda c, now: take_place(c, now, ehr=ehr, per_minute=per_minute))  # noqa: E731
        return Metered(sender, take, booked=booked, late=late)

    def _sender(self, row: Claimed) -> Sender | None:
        try:
            return self._senders(row.ehr, row.principal)
        except Exception as failure:
            logger.warning("no sender for an EHR: %s", type(failure).__name__)
            return None

    async def _learn(self, ehr: str, line: Line) -> None:
        """The terms as they are now; those known before while the EHR does not say."""
        try:
            line.terms = await self._terms_of(ehr)
        except Exception as failure:
            logger.info("an EHR's terms are not known: %s", type(failure).__name__)

    async def _serve(self, ehr: str, line: Line) -> None:
        """The pipeline of one EHR: each step records what has ended and claims as much as there is room for."""
        while not self._stopping.is_set() or line.busy or line.ended:
            attempts, line.ended = line.ended, []
            room, until = 0 if self._stopping.is_set() else line.ahead(self._pace), self._until()

            def step(
                connection: Connection, now: float, attempts: Sequence[Attempted] = attempts, room: int = room
            ) -> tuple[Sequence[Change], Claims]:
                changes = record(connection, now, attempts=attempts, pace=self._pace)
                at = line.cursor(self._pace)
                if room <= 0 or (line.idle and not attempts and not waits(connection, now, ehr=ehr, cursor=at)):
                    return changes, Claims(size=line.size, cursor=at)
                return changes, self._claim(connection, now, ehr, line, room)

            done = await self._guarded(self._run(step))
            if done is None:
                line.ended = [*attempts, *line.ended]
                await wait_for(self._stopping, self._pace.poll)
                continue
            changes, claims = done
            self.attempts += len(attempts)
            self._observe((*changes, *claims.changes))
            line.took(claims)
            for rows in line.groups(claims.rows):
                line.begin(self._attempt(rows, line, until), len(rows), self._pace)
            more = claims.rows or claims.changes  # what was overtaken makes room for what waited behind it
            if line.ended or not (more and line.ahead(self._pace) > 0):
                await line.wait(min(claims.wait or self._pace.poll, self._pace.poll))

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
