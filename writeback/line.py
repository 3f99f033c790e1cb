"""Edge: what is under way at one EHR: deliveries that were claimed, and those that have ended and wait to be recorded.

A transaction costs what several deliveries do, so that those that end within a moment are recorded together. That the EHR
does not wait meanwhile, some are claimed ahead: one begins as soon as it is its turn.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine, Sequence
from time import monotonic
from typing import Any

from writeback.ledger.claiming import Claims
from writeback.pacing import Size
from writeback.settings import PACE, Pace
from writeback.speaking.bundling import groups
from writeback.speaking.claims import START, Attempted, Claimed, Cursor
from writeback.terms import SINGLY
from writeback.wire.gathering import Gathered
from writeback.wire.sending import Sender
from writeback.wire.turns import Turns, wait_for

MOMENT = 0.2
"""Seconds in which more of those under way end."""
LONG = 1.0
"""Seconds for which what was claimed ahead waits where an EHR is slow: then less is claimed."""


class Line:
    """What is under way at one EHR, and on what terms."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ended: list[Attempted] = []
        self.busy: set[asyncio.Task[None]] = set()
        self.task: asyncio.Future[None]
        self.terms = SINGLY
        self.size = Size().now
        self.claimed = self._under_way = self._behind = 0
        self._next: deque[tuple[Awaitable[Sequence[Attempted]], int, float]] = deque()
        self._waited, self._stocked, self._bare, self._pace = 0.0, False, False, PACE
        self._turns = Turns(self._go_on)
        self._enough = asyncio.Event()
        self._readers: dict[str, Gathered] = {}
        self.idle = False
        self._cursor, self._swept = START, monotonic()
        self._learning: asyncio.Task[None] | None = None

    def learn(self, learning: Coroutine[Any, Any, None]) -> None:
        """Asks for the terms anew, unless they are being asked for still."""
        if self._learning is not None and not self._learning.done():
            return learning.close()
        self._learning = asyncio.create_task(learning)
        return None

    async def close(self) -> None:
        """Returns when what is under way has been recorded."""
        if self._learning is not None:
            self._learning.cancel()
        await self.task

    def cursor(self, pace: Pace) -> Cursor:
        """Where the next claim begins: from the start again every few seconds, for what came in below it."""
        if monotonic() - self._swept >= pace.sweep:
            self._cursor, self._swept = START, monotonic()
        return self._cursor

    def took(self, claims: Claims) -> None:
        """What a committed claim says of the next."""
        self.size, self._cursor, self._bare = claims.size, claims.cursor, False
        self.idle = not claims.rows and not claims.changes

    def room(self, pace: Pace) -> int:
        """How many deliveries more may be under way."""
        return self._most(pace) - self._under_way - self._behind

    def ahead(self, pace: Pace) -> int:
        """How many more may be claimed: half as many as may be under way, or a Bundle, wait for their turn here; fewer where they
        wait long. None where each is booked for the time at which it is claimed."""
        if self.terms.per_minute is not None:
            return self.room(pace)
        at_once = self.terms.at_once
        if at_once is not None and not self.terms.batch and self._waited > LONG:
            return at_once + at_once // 2 - self._turns.speaking - self._behind
        return self.room(pace) + (self.size if self.terms.batch else pace.in_flight // 2)

    def _most(self, pace: Pace) -> int:
        return max(pace.in_flight, pace.bundles * self.size) if self.terms.batch else pace.in_flight

    def groups(self, rows: Sequence[Claimed]) -> list[tuple[Claimed, ...]]:
        """The claimed rows as they are sent."""
        self.claimed += len(rows)
        return groups(rows, size=self.size if self.terms.batch else 1)

    def reading(self, row: Claimed, sender: Sender) -> Sender:
        """The sender, with the reads of those under way together where the EHR's terms are such."""
        looks = row.strategy == "edit" or row.doubtful or row.uncertain
        if not self.terms.search_reads or self.terms.per_minute is not None or looks:
            return sender
        reader = self._readers.get(row.principal)
        if reader is None or not reader.serves(sender, self.terms.search_reads):
            self._readers = {name: each for name, each in self._readers.items() if not each.idle}
            reader = self._readers[row.principal] = Gathered(sender, self.terms.search_reads, self._turns)
        return reader

    def begin(self, attempts: Awaitable[Sequence[Attempted]], rows: int, pace: Pace = PACE) -> None:
        """Starts deliveries, or lets them wait for their turn; ``ended`` holds what came of them."""
        self._next.append((attempts, rows, monotonic()))
        self._behind += rows
        self._pace, self._turns.most, self._turns.enough = pace, self.terms.at_once, pace.in_flight * 3 // 4
        self._go_on()
        self._stocked = bool(self._next)

    async def in_turn(self, attempts: Awaitable[Sequence[Attempted]]) -> Sequence[Attempted]:
        """The same, for who waits for it to its end."""
        self._turns.most = self.terms.at_once
        await self._turns.take()
        try:
            return await attempts
        finally:
            self._turns.end()

    def _go_on(self) -> None:
        """Starts those whose turn has come."""
        most = self._most(self._pace)
        while self._next and self._turns.free and (not self._under_way or self._under_way + self._next[0][1] <= most):
            attempts, rows, since = self._next.popleft()
            self._behind -= rows
            self._under_way += rows
            self._waited = monotonic() - since
            self._turns.begin()
            task = asyncio.ensure_future(self._finish(attempts, rows))
            self.busy.add(task)
            task.add_done_callback(self.busy.discard)
        if self._stocked and not self._next:  # nothing is left that may begin
            self._stocked, self._bare = False, True
            self.ready.set()
            self._enough.set()

    async def _finish(self, attempts: Awaitable[Sequence[Attempted]], rows: int) -> None:
        try:
            made = await attempts  # first: ``ended`` is another list after every round
        finally:
            self._under_way -= rows
            self._turns.end()
        self.ended += made
        self.ready.set()
        if self._half():
            self._enough.set()

    def _half(self) -> bool:
        """As many have ended as are left."""
        return len(self.ended) >= self._under_way + self._behind

    async def wait(self, seconds: float) -> None:
        """Until something has ended or somebody calls, or the time is up; a moment longer where more were claimed than have
        ended, so that one transaction records several."""
        if not self.ended:
            await wait_for(self.ready, seconds)
        if self.ended and not self._bare and not self._half():
            self._enough.clear()
            await wait_for(self._enough, MOMENT)
        self.ready.clear()
