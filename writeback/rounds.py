"""Edge: answers that are awaited on several connections are looked for together, every few milliseconds.

To wake up for one answer costs more than to read it, beside a busy EHR on the same machine most of what a delivery costs. Where
an EHR is busy with fewer requests than it was sent, an answer that waits a moment costs it nothing (docs/decisions/0007).
"""

import asyncio
from typing import Protocol

FEW = 4
"""So many connections are looked at all the time."""


class Awaited(Protocol):
    """A connection that has asked."""

    def doze(self) -> None:
        """Reads nothing from now on."""
        ...

    def wake(self) -> None:
        """Reads again."""
        ...


class Rounds:
    """``seconds`` between two looks; 0: everything is read as it comes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._awaited: set[Awaited] = set()
        self._next: asyncio.TimerHandle | None = None

    def asked(self, connection: Awaited, loop: asyncio.AbstractEventLoop) -> None:
        """An answer is awaited there."""
        self._awaited.add(connection)
        if self._seconds and len(self._awaited) > FEW:
            connection.doze()
            self._next = self._next or loop.call_later(self._seconds, self._look, loop)

    def answered(self, connection: Awaited) -> None:
        """None is any more: it reads what comes unasked."""
        self._awaited.discard(connection)
        connection.wake()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        for connection in self._awaited:
            connection.wake()
        loop.call_soon(loop.call_soon, self._looked, loop)  # what has come is read in between

    def _looked(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next = None
        if len(self._awaited) > FEW:
            for connection in self._awaited:
                connection.doze()
            self._next = loop.call_later(self._seconds, self._look, loop)
