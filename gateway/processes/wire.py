"""Edge: HTTP below ASGI: uvicorn's protocol with its transport within reach, and answers written onto it by hand.

Only faults need this: an answer that is cut, reset or trickled cannot be sent through ASGI, which sends whole ones. Those that
are whole leave whole: uvicorn writes the head and the body of each apart, which is two calls of the system and wakes the client
for the head alone.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "chartgate.transport"
PATIENCE, LEAST = 10.0, 10_000
"""Seconds in which at least so many bytes of a request come, or all of it."""
HEAD_BYTES = 64 * 1024
BODILESS = (204, 304)
"""Statuses whose answers have neither a body nor its length (RFC 9110 §8.6)."""
PARTS = 20
"""In how many parts a trickled body comes."""


class Gathered:
    """A transport; what is written to it in one turn of the loop leaves at once."""

    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Sends it with what else is written until the loop goes on."""
        if not self._parts:
            self._loop.call_soon(self.leave)
        self._parts.append(data)

    def close(self) -> None:
        """Ends the connection when all that was written is sent."""
        self.leave()
        self._transport.close()

    def leave(self) -> None:
        """Sends what was written by now."""
        if self._parts:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """Puts the transport where an application finds it: ``scope["extensions"]``. Who sends a request so slowly that ``LEAST``
    bytes take longer than ``PATIENCE``, or a head without end, is cut off: uvicorn waits for ever."""

    patience = PATIENCE
    _heard, _head, _watch = 0, 0, None
    _reading = _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Gathered(transport, self.loop)  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Looks after a request that did not come whole."""
        self._heard += len(data)
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self.transport.close()
        if self._reading and self._watch is None:
            self._watch = self.loop.call_later(self.patience, self._look)

    def _look(self) -> None:
        """Goes on waiting where something comes, or where it is the application that does not read."""
        self._watch = None
        if self._heard < LEAST and not self.flow.read_paused:
            self.transport.close()
        else:
            self._heard, self._watch = 0, self.loop.call_later(self.patience, self._look)

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading = self._in_head = True
        self._heard = self._head = 0
        self.scope["extensions"] = {EXTENSION: {"transport": self.transport}}

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._reading = False
        self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer that is whole leaves at once, before anything else is done."""
        self.transport.leave()  # type: ignore[attr-defined]
        super().on_response_complete()


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An answer as it goes onto the wire, and what goes wrong there. Times in seconds; ``reset_at`` and ``end_at`` count
    bytes of the body: a reset there, or a length that says that it is all. ``lost``: nothing is sent at all."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    lost: bool = False
    head_late: float = 0.0
    body_late: float = 0.0
    reset_at: int | None = None
    end_at: int | None = None


async def write(message: Message, scope: Scope, receive: Receive) -> None:
    """Sends it, ends the connection, and returns when that is over. Raises LookupError where there is no transport."""
    transport = scope.get("extensions", {})[EXTENSION]["transport"]
    if not message.lost:
        await _send(message, transport, head=scope["method"] == "HEAD")
    if message.lost or message.reset_at is None:
        transport.close()
    else:
        await asyncio.sleep(0.05)  # what was written leaves first
        _reset(transport)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _send(message: Message, transport: Any, *, head: bool) -> None:
    body = message.body if message.end_at is None else message.body[: message.end_at]
    length = b"" if message.status in BODILESS else b"content-length: %d\r\n" % len(body)
    body = b"" if head else body
    reason = HTTPStatus(message.status).phrase.encode()
    transport.write(b"HTTP/1.1 %d %s\r\n" % (message.status, reason))
    await asyncio.sleep(message.head_late)
    lines = [b"%s: %s\r\n" % pair for pair in message.headers if pair[0] not in (b"content-length", b"connection")]
    transport.write(b"".join(lines) + b"connection: close\r\n" + length + b"\r\n")
    if message.reset_at is not None:
        body = body[: message.reset_at]
    if not message.body_late:
        transport.write(body)
        return
    size = max(1, -(-len(body) // PARTS))
    for start in range(0, len(body), size):
        await asyncio.sleep(message.body_late / PARTS)
        transport.write(body[start : start + size])


def _reset(transport: Any) -> None:
    """A reset (RST) in place of an orderly end: SO_LINGER with no time left."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
