"""Edge: what the gateway reads of an EHR counts towards the EHR's rate limit, as deliveries do, and so do requests for tokens:
the limit is one for the whole base address (eClinicalWorks: 250 a minute).

A read takes the next place and waits for it, for a while. What would have to wait longer is not sent: it is answered as the EHR
itself answers who comes too often, 429 with the seconds to wait, so that whoever reads does with it what it does with that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from math import ceil
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from auth.client.ehr import RegisteredEhr
from auth.client.requests import TokenRequest
from auth.client.tokens import TokenReply
from gateway.launches.charts import Reader
from gateway.vendors import VENDORS
from writeback.ledger.targets import seek_place
from writeback.rules import WriteRules
from writeback.speaking.answers import Answer

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds that a read waits for its place."""
SOON = 30.0
"""Seconds ahead that a request for a token is counted at most: it is not held up."""
TokenSend = Callable[[RegisteredEhr, TokenRequest], Awaitable[TokenReply]]


class Run(Protocol):
    """The storage seam, ``database.run``."""

    async def __call__(self, work: Callable[[Connection, float], T], /) -> T: ...


class Rules(Protocol):
    """The gateway's senders, as far as they are asked here."""

    def rules(self, ehr: str) -> WriteRules: ...


class Answering(Protocol):
    """A FHIR base with a bearer, whose answers are whole."""

    base: str

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer: ...


class Counted:
    """Before a reader. ``seek`` gives the seconds until the next place, which is taken where they are not too many."""

    def __init__(self, inner: Answering, seek: Callable[[], Awaitable[float]]) -> None:
        self.inner, self.base, self._seek = inner, inner.base, seek

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``charts.Reader``."""
        wait = await self._seek()
        if wait > PATIENCE:
            return Answer(status=429, headers={"retry-after": str(ceil(wait))})
        await asyncio.sleep(wait)
        return await self.inner.send(method, path, headers=headers, body=body)


def counted(run: Run, senders: Rules, ehr: str, reader: Answering) -> Answering:
    """The reader itself where the EHR has no known limit."""
    per_minute = senders.rules(ehr).requests_per_minute
    if per_minute is None:
        return reader
    return Counted(reader, partial(run, partial(seek_place, ehr=ehr, per_minute=per_minute, most=PATIENCE)))


def bare(reader: Reader) -> Reader:
    """Who reads, without the count."""
    return reader.inner if isinstance(reader, Counted) else reader


def counting(run: Run, send: TokenSend) -> TokenSend:
    """Requests for tokens take their places as well, and do not wait for them."""

    async def counted_send(ehr: RegisteredEhr, request: TokenRequest) -> TokenReply:
        vendor = VENDORS.get(ehr.vendor)
        per_minute = None if vendor is None else vendor.write.requests_per_minute
        if per_minute is not None:
            await run(partial(seek_place, ehr=ehr.name, per_minute=per_minute, most=SOON))
        return await send(ehr, request)

    return counted_send
