"""Edge: an EHR's rate limit, asked of the database just before a request is sent, so that what was held up on the way does not
come together with what is sent now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

from writeback.errors import Unsent
from writeback.speaking.answers import Answer
from writeback.wire.exchange import LATEST
from writeback.wire.sending import Sender


class Metered:
    """Behind the sender's seam. ``booked`` requests are paid for already, until ``late`` (monotonic); for each other one ``take``
    takes a place and says how many seconds it is away."""

    def __init__(self, sender: Sender, take: Callable[[], Awaitable[float]], *, booked: int, late: float) -> None:
        self._sender, self._take, self._booked, self._late = sender, take, booked, late

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``sending.Sender``. Raises Unsent also where the place comes too late for this conversation."""
        if self._booked and monotonic() <= self._late:
            self._booked -= 1
        else:
            wait = await self._place()
            if monotonic() + wait >= LATEST.get():
                raise Unsent("the rate limit has no place for it in time")
            await asyncio.sleep(wait)
        return await self._sender.send(method, path, headers=headers, body=body)

    async def _place(self) -> float:
        try:
            return await self._take()
        except Exception as failure:  # the database is away: nothing was sent
            raise Unsent("the rate limit is not known") from failure
