"""A client of HTTP/1.1 for figures: connections that stay open, one request at a time on each, nothing in between."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from httptools import HttpResponseParser

FHIR = "application/fhir+json"


class Sent(NamedTuple):
    """One request: ``path`` below the base, ``body`` (of the media ``type``) empty for none, ``more`` whole lines of its head."""

    method: str
    path: str
    body: bytes = b""
    bearer: str = ""
    type: str = FHIR
    more: tuple[str, ...] = ()


class Rate(NamedTuple):
    """``per_second`` of all clients together; ``middle`` is the median of one request, in seconds."""

    per_second: float
    middle: float


Making = Callable[[int, int], Sent]
"""The request of a client, by its number and how many it sent before."""


async def measure(base: str, making: Making, *, clients: int, seconds: float, expected: frozenset[int]) -> Rate:
    """Sends for so many seconds. Raises AssertionError for an answer of another status."""
    until = time.perf_counter() + seconds
    began = time.perf_counter()
    lasted = await asyncio.gather(*(_client(base, making, number, until, expected) for number in range(clients)))
    taken = time.perf_counter() - began
    every = sorted(one for some in lasted for one in some)
    return Rate(len(every) / taken, every[len(every) // 2])


async def _client(base: str, making: Making, number: int, until: float, expected: frozenset[int]) -> list[float]:
    lasted: list[float] = []
    async with Wire(base) as wire:
        while (now := time.perf_counter()) < until or not lasted:
            await wire.send(making(number, len(lasted)), expected)
            lasted.append(time.perf_counter() - now)
    return lasted


class _Ends(asyncio.Protocol):
    """One connection: collects the answer to what was written last. ``goes_on`` until the server ends it."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.goes_on = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """The status and the body of the answer, when it is whole."""
        self._parts.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.goes_on = False
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        self.goes_on = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if self._answer is not None:
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._parts)))

    def connection_lost(self, failure: Exception | None) -> None:
        self.goes_on = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure or ConnectionResetError("ended before the answer was whole"))


class Wire:
    """One connection, opened again where the server has ended it (Tomcat does after a hundred requests)."""

    def __init__(self, base: str) -> None:
        self._base = urlsplit(base)
        self._ends: _Ends | None = None

    async def __aenter__(self) -> "Wire":
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def _open(self) -> _Ends:
        self._close()
        loop = asyncio.get_running_loop()
        _, self._ends = await loop.create_connection(_Ends, self._base.hostname or "", self._base.port or 80)
        return self._ends

    def _close(self) -> None:
        if self._ends is not None:
            self._ends.close()
            self._ends = None

    async def send(self, sent: Sent, expected: frozenset[int]) -> bytes:
        """One request, and the body of its answer. Raises AssertionError for another status."""
        ends = self._ends if self._ends is not None and self._ends.goes_on else await self._open()
        where = f"{self._base.path}/{sent.path}" if sent.path else self._base.path
        lines = [f"{sent.method} {where} HTTP/1.1", f"Host: {self._base.netloc}", f"Accept: {sent.type}", *sent.more]
        lines += [f"Authorization: Bearer {sent.bearer}"] if sent.bearer else []
        lines += [f"Content-Type: {sent.type}", f"Content-Length: {len(sent.body)}"] if sent.body else []
        status, content = await ends.ask("\r\n".join([*lines, "", ""]).encode() + sent.body)
        if status not in expected:
            raise AssertionError(f"{sent.method} {sent.path[:60]}: {status} {content[:300]!r}")
        return content
