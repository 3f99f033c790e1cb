"""A client of HTTP/1.1 for figures: connections that stay open, one request at a time on each, nothing in between."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit


class Sent(NamedTuple):
    """One request: ``path`` below the base, ``body`` empty for none."""

    method: str
    path: str
    body: bytes = b""
    bearer: str = ""


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


class Wire:
    """One connection, opened again where the server has ended it (Tomcat does after a hundred requests)."""

    def __init__(self, base: str) -> None:
        self._base = urlsplit(base)
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "Wire":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None

    async def send(self, sent: Sent, expected: frozenset[int]) -> bytes:
        """One request, and the body of its answer. Raises AssertionError for another status."""
        if self._ends is None:
            self._ends = await asyncio.open_connection(self._base.hostname, self._base.port, limit=2**24)
        reader, writer = self._ends
        where = f"{self._base.path}/{sent.path}" if sent.path else self._base.path
        lines = [f"{sent.method} {where} HTTP/1.1", f"Host: {self._base.netloc}", "Accept: application/fhir+json"]
        lines += [f"Authorization: Bearer {sent.bearer}"] if sent.bearer else []
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(sent.body)}"] if sent.body else []
        writer.write("\r\n".join([*lines, "", ""]).encode() + sent.body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        content = await _body(reader, head)
        if b"\r\nconnection: close" in head:
            self._close()
        if int(head[9:12]) not in expected:
            raise AssertionError(f"{sent.method} {sent.path[:60]}: {int(head[9:12])} {content[:300]!r}")
        return content


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"\r\ncontent-length:" in head:
        return await reader.readexactly(int(head.partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0]))
    if b"chunked" not in head:
        return b""
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return found
