"""Edge: what a process has to tell the journal, written in groups. While the database fails it waits: an alert that is raised by
an event is not forgotten with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from monitoring.events import Event
from writeback.wire.turns import wait_for

logger = logging.getLogger("chartgate.gateway")
AGAIN = 1.0
"""Seconds after which what could not be written is tried again."""


class Journalling:
    """``write`` records events, in a transaction."""

    def __init__(self, write: Callable[[Sequence[Event]], Awaitable[None]], *, again: float = AGAIN) -> None:
        self._write, self._again = write, again
        self._waiting: list[Event] = []
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def add(self, events: Sequence[Event], *, now: bool) -> None:
        """Takes events; ``now`` False leaves them for ``flush``."""
        self._waiting += events
        if now and self._waiting and (self._task is None or self._task.done()):
            self._closing.clear()
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while self._waiting and not self._closing.is_set():
            if not await self.flush():
                await wait_for(self._closing, self._again)

    async def flush(self) -> bool:
        """Writes what waits; False where that failed: it waits still."""
        events, self._waiting = self._waiting, []
        try:
            if events:
                await self._write(events)
        except Exception as failure:
            logger.warning("events could not be written yet: %s", type(failure).__name__)
            self._waiting = [*events, *self._waiting]
            return False
        return True

    async def close(self) -> None:
        """Writes what is left, once; what cannot be written is told by number."""
        self._closing.set()
        if self._task is not None:
            await self._task
        if not await self.flush():
            logger.error("%d events were not written", len(self._waiting))
