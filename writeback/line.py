"""Edge: what is under way at one EHR: deliveries that were claimed, and those that have ended and wait to be recorded."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from time import monotonic
from typing import Any

from writeback.bundling import groups
from writeback.claiming import Claims
from writeback.claims import START, Attempted, Claimed, Cursor
from writeback.pacing import Size
from writeback.settings import Pace
from writeback.terms import SINGLY

FEW, MOMENT = 4, 0.005
"""Fewer than one in so many of those under way are few; and the seconds in which more of them end."""


class Line:
    """What is under way at one EHR, and on what terms."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ended: list[Attempted] = []
        self.busy: set[asyncio.Task[None]] = set()
        self.task: asyncio.Future[None]
        self.terms = SINGLY
        self.size = Size().now
        self.claimed = self._under_way = 0
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
        self.size, self.idle, self._cursor = claims.size, not claims.rows, claims.cursor

    def room(self, pace: Pace) -> int:
        """How many deliveries more may be under way."""
        most = pace.in_flight if not self.terms.batch else max(pace.in_flight, pace.bundles * self.size)
        return most - self._under_way

    def groups(self, rows: Sequence[Claimed]) -> list[tuple[Claimed, ...]]:
        """The claimed rows as they are sent."""
        self.claimed += len(rows)
        return groups(rows, size=self.size if self.terms.batch else 1)

    def begin(self, attempts: Awaitable[Sequence[Attempted]], rows: int) -> None:
        """Starts deliveries; ``ended`` holds what came of them."""
        self._under_way += rows
        task = asyncio.ensure_future(self._finish(attempts, rows))
        self.busy.add(task)
        task.add_done_callback(self.busy.discard)

    async def _finish(self, attempts: Awaitable[Sequence[Attempted]], rows: int) -> None:
        try:
            made = await attempts  # first: ``ended`` is another list after every round
        finally:
            self._under_way -= rows
        self.ended += made
        self.ready.set()

    async def wait(self, seconds: float) -> None:
        """Until something has ended or somebody calls, or the time is up; a moment longer where few have ended of many, so that
        one transaction records several."""
        await wait_for(self.ready, seconds)
        if self.ended and FEW * len(self.ended) < self._under_way:
            await asyncio.sleep(MOMENT)
        self.ready.clear()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until the event comes, or the time is up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
