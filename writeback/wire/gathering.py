"""Edge: reads by id of the same type go together, as one search, when enough have come or nobody else speaks (``turns``).

Nobody waits where nothing is under way, and who waits lets another speak. What the search does not show is read by itself, and so
is everything when it fails.
"""

import asyncio
from collections.abc import Mapping
from math import inf

from writeback.speaking.answers import Answer
from writeback.speaking.searching import MOST, answers, asked_for
from writeback.wire.exchange import LATEST
from writeback.wire.sending import Sender
from writeback.wire.turns import Turns

Waiting = dict[str, list["asyncio.Future[Answer | None]"]]


class Gathered:
    """Behind the sender's seam, for deliveries that read back what they wrote, and have their turn. ``headers`` are those of the
    search."""

    def __init__(self, sender: Sender, headers: Mapping[str, str], turns: Turns) -> None:
        self._sender, self._headers, self._turns = sender, headers, turns
        self._waiting: dict[str, Waiting] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    @property
    def idle(self) -> bool:
        """Nobody waits for an answer."""
        return not self._asking

    def serves(self, sender: Sender, headers: Mapping[str, str]) -> bool:
        """It is this sender that it stands before, on these terms."""
        return self._sender is sender and self._headers == headers

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``sending.Sender``."""
        type, _, id = path.partition("/")
        if method == "GET" and id and "/" not in id and "?" not in path:
            found = await self._gathered(type, id)
            if found is not None:
                return found
        return await self._sender.send(method, path, headers=headers, body=body)

    async def _gathered(self, type: str, id: str) -> Answer | None:
        """The answer that is shared; None where there is none, and then it is the caller's turn again."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(type, {}).setdefault(id, []).append(future)
        if type not in self._asking:
            self._asking[type] = asyncio.create_task(self._ask(type))
        self._turns.rest()
        taken = False
        try:
            found = await future
            if found is None:
                await self._turns.take()
                taken = True
            return found
        finally:
            self._turns.rise(speaking=not taken)

    async def _ask(self, type: str) -> None:
        LATEST.set(inf)  # it asks for others as well, and writes nothing
        try:
            while self._waiting.get(type):
                await self._turns.company()
                await self._turns.take()
                try:
                    await self._ask_for_those(type)
                finally:
                    self._turns.end()
        finally:
            del self._asking[type]
            _tell(self._waiting.pop(type, {}), {})

    async def _ask_for_those(self, type: str) -> None:
        """Of those who wait now, as many as one search asks for."""
        every = self._waiting[type]
        waiting = {id: every.pop(id) for id in list(every)[:MOST]}
        found: Mapping[str, Answer] = {}
        try:
            found = await self._search(type, waiting)
        finally:
            _tell(waiting, found)

    async def _search(self, type: str, ids: Waiting) -> Mapping[str, Answer]:
        """What the EHR shows of them; nothing where it does not answer, for each then asks itself."""
        try:
            if len(ids) > 1:
                request = asked_for(type, list(ids), self._headers)
                return answers(await self._sender.send(request.method, request.path, headers=request.headers), type)
            headers = {"accept": "application/fhir+json", "cache-control": "no-cache"}
            return {id: await self._sender.send("GET", f"{type}/{id}", headers=headers) for id in ids}
        except Exception:
            return {}


def _tell(waiting: Waiting, found: Mapping[str, Answer]) -> None:
    for id, futures in waiting.items():
        for future in futures:
            if not future.done():
                future.set_result(found.get(id))
