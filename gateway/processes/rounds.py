"""Edge: what a process does again and again beside answering: a round, a pause, until it is stopped."""

import asyncio
import logging
from abc import ABC, abstractmethod

logger = logging.getLogger("chartgate.rounds")


class Rounds(ABC):
    """The loop of one process. ``pause`` is in seconds, and doubles up to ``longest`` while rounds have nothing to do; ``name``
    is what a log says of a round that failed: the next one begins from what is recorded, so that nothing is lost."""

    pause: float
    longest = 0.0
    name: str

    def __init__(self) -> None:
        self.stopping, self._called = asyncio.Event(), asyncio.Event()

    @abstractmethod
    async def round(self) -> object:
        """Does what there is to do now; something true where it was anything."""

    def wake(self) -> None:
        """There may be something new: the pause ends."""
        self._called.set()

    def stop(self) -> None:
        """``serve`` returns after the round under way."""
        self.stopping.set()
        self._called.set()

    async def serve(self) -> None:
        """Rounds until ``stop``."""
        apart = self.pause
        while not self.stopping.is_set():
            try:
                apart = self.pause if await self.round() else max(self.pause, min(2 * apart, self.longest))
            except Exception as failure:  # the database is away, or another process was quicker: again in a moment
                logger.warning("%s wait: %s", self.name, type(failure).__name__)
            await self.rest(apart)

    async def rest(self, seconds: float) -> bool:
        """Waits so long, or until ``wake`` or ``stop``; whether it was one of these."""
        try:
            async with asyncio.timeout(seconds):
                await self._called.wait()
        except TimeoutError:
            return False
        self._called.clear()
        return True
