"""Edge: who may speak with an EHR that bears only so many requests at once, and who rests meanwhile.

A delivery has its turn from its beginning to its end, and rests while it waits for a read that several share. Who wants a turn
again goes before those that have not begun: what was written is read.
"""

import asyncio
from collections import deque
from collections.abc import Callable

COMPANY = 0.2
"""Seconds that a shared read waits for more, at most."""


class Turns:
    """``most`` may speak at a time, None for any number; ``freed`` is called when one more may. Who rests goes on when
    ``enough`` do, or when nobody speaks any more."""

    def __init__(self, freed: Callable[[], None] = lambda: None) -> None:
        self.most: int | None = None
        self.enough = 1
        self.speaking = self.resting = 0
        self._freed = freed
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._together = asyncio.Event()

    @property
    def free(self) -> bool:
        """One more may speak."""
        return not self._waiting and (self.most is None or self.speaking < self.most)

    def begin(self) -> None:
        """One more speaks."""
        self.speaking += 1
        self._look()

    def end(self) -> None:
        """One less speaks: whoever waits for it goes on."""
        self.speaking -= 1
        while self._waiting and (self.most is None or self.speaking < self.most):
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(None)
                self.speaking += 1
        if self.free:
            self._freed()
        self._look()

    async def take(self) -> None:
        """Returns when it is the caller's turn."""
        if self.free:
            return self.begin()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.end()
            raise
        return None

    def rest(self) -> None:
        """One that speaks waits for what it shares with others."""
        self.resting += 1
        self.end()

    def rise(self, *, speaking: bool = True) -> None:
        """It waits no longer, and speaks: whether it is its turn or not, for it has its answer; ``speaking`` False where it
        takes its turn itself."""
        self.resting -= 1
        self.speaking += speaking
        self._look()

    async def company(self) -> None:
        """Returns when enough rest, nobody speaks, or the time is up."""
        if not self._together.is_set():
            await wait_for(self._together, COMPANY)

    def _look(self) -> None:
        if self.resting >= self.enough or not self.speaking:
            self._together.set()
        else:
            self._together.clear()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until the event comes, or the time is up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
