"""Edge: HTTP/1.1 as deliveries need it: one request and its whole answer on a kept connection, and nothing besides.

No redirect, cookie or repeat; what was compressed unasked, or begins with a byte order mark (RFC 8259 §8.1), is read.
llhttp (by httptools) reads the answers. What was written and not answered is ``AnswerLost``; ``Unsent`` says that not one
byte left. Reasons and figures: docs/decisions/0007.
"""

import asyncio
import codecs
import re
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from ipaddress import ip_address
from math import inf
from time import monotonic
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from writeback.errors import AnswerLost, Unsent
from writeback.speaking.answers import Answer
from writeback.wire.tunnel import through

SECONDS = 10.0
CONNECT_SECONDS = 5.0
CONNECTIONS = 64
BYTES = 8 * 1024 * 1024
HEAD_BYTES = 64 * 1024
KEPT_OPEN = 4.0
"""Seconds that an idle connection is kept: shorter than servers do, so that none is used that is just being closed."""

LATEST: ContextVar[float] = ContextVar("LATEST", default=inf)
"""On the system's monotonic clock: no request is written later. Whoever speaks under a lease sets it, so that a process that
was frozen and goes on does not say what another has said meanwhile."""
Permits = Callable[[str], bool]
_TARGET = re.compile(r"[!-~]+")
_VALUE = re.compile(r"[\t -~]*")


class Connection(asyncio.Protocol):
    """One connection, one request at a time. ``reusable`` while nothing is under way and both sides keep it open."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.reusable, self.since, self.abandoned = True, 0.0, False
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[Answer] | None = None

    def ask(self, data: bytes, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Answer]":
        """Writes one request; the future has its answer, or AnswerLost."""
        self.reusable, self._waiter = False, loop.create_future()
        self.transport.write(data)
        return self._waiter

    def give_up(self, why: str = "the EHR's answer did not come in time") -> None:
        """Ends the connection: an answer that comes later must not be taken for another's."""
        self.reusable = False
        self.transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(AnswerLost(why))
            self.abandoned = True
        elif self._waiter is not None and self._waiter.cancelled():
            self.abandoned = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            return self.give_up()  # nobody asked
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, AnswerLost):
            self.give_up("what came back is no answer")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._waiter is None or self._waiter.done():
            return
        if exc is None and self._until_close and self._headed:
            self._finish()
        else:
            self._waiter.set_exception(AnswerLost("the EHR's answer did not come"))

    # what the parser calls

    def on_message_begin(self) -> None:
        if self._waiter is None or self._waiter.done():
            raise AnswerLost("more than one answer")
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._length = self._head = 0
        self._headed = self._until_close = False

    _headed = _until_close = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > HEAD_BYTES:
            raise AnswerLost("the head is too long to be one")
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        length = self._headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BYTES:
            raise AnswerLost("the answer is too long to be one")
        chunked = "chunked" in self._headers.get("transfer-encoding", "").lower()
        self._headed, self._until_close = True, not chunked and "content-length" not in self._headers

    def on_body(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > BYTES:
            raise AnswerLost("the answer is too long to be one")
        self._body.append(data)

    def on_message_complete(self) -> None:
        if 100 <= self._parser.get_status_code() < 200:
            return  # the answer itself is still to come
        self._finish()
        self.reusable = self._parser.should_keep_alive()

    def _finish(self) -> None:
        assert self._waiter is not None
        body = b"".join(self._body)
        if self._headers.get("content-encoding", "identity") != "identity":
            body = unpacked(body)
        answer = Answer(
            status=self._parser.get_status_code(), headers=self._headers, body=body.removeprefix(codecs.BOM_UTF8)
        )  # fmt: skip
        if not self._waiter.done():
            self._waiter.set_result(answer)


def unpacked(body: bytes) -> bytes:
    """What a proxy has compressed although nobody asked (gzip or deflate); the same where it is neither, or too long."""
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = reader.decompress(body, BYTES)
    except zlib.error:
        return body
    return plain if reader.eof else body


class Pool:
    """The connections to one origin, at most so many: one whose answer was not waited for counts for ``lingers`` seconds more,
    in which the EHR may still be at it. ``permits`` says of an IP address, as text, whether it may be
    connected to (None: all); what is connected to is the very address that was asked about. ``trust`` verifies the
    certificate of an ``https`` base, None by the system's authorities. ``proxy`` (``http://host:port``) is what an ``https``
    base is reached through, so that ``permits`` is asked about its address."""

    def __init__(
        self, *, base: str, permits: Permits | None = None, connections: int = CONNECTIONS, lingers: float = 0.0,
        trust: ssl.SSLContext | None = None, proxy: str | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(base)
        secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if secure else 80)
        self._host_line = f"host: {parts.netloc.rpartition('@')[2]}\r\n"
        self._tls = (trust or ssl.create_default_context()) if secure else None
        self._permits, self._lingers = permits, lingers
        near = urlsplit(proxy) if proxy is not None and secure else None
        self._proxied = near is not None
        self._near = (near.hostname or "", near.port or 80) if near else (self._host, self._port)
        self._room = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()
        self._sweeping: asyncio.TimerHandle | None = None

    async def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """One request and its answer. ``target`` is path and query, encoded. Raises Unsent, AnswerLost."""
        data = self._written(method, target, headers, body)
        loop = asyncio.get_running_loop()
        connection = await self._take()
        if monotonic() > LATEST.get():
            self._put(connection, loop)
            raise Unsent("its time was over before it could be sent")
        timer = loop.call_later(SECONDS, connection.give_up)
        try:
            return await connection.ask(data, loop)
        finally:
            timer.cancel()
            self._put(connection, loop)

    async def close(self) -> None:
        """Closes what is idle; what is under way ends by itself."""
        while self._idle:
            self._idle.pop().transport.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _written(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if not _TARGET.fullmatch(target) or not all(map(_VALUE.fullmatch, headers.values())):
            raise Unsent("a request was about to be sent that is none")
        length = f"content-length: {len(body)}\r\n" if body is not None else ""
        return f"{method} {target} HTTP/1.1\r\n{self._host_line}{lines}{length}\r\n".encode() + (body or b"")

    async def _take(self) -> Connection:
        """A connection that is open, for the caller alone. Raises Unsent."""
        if not self._room.locked() and (kept := self._kept()) is not None:
            await self._room.acquire()  # there is room: at once
            return kept
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._room.acquire()
                try:
                    return self._kept() or await self._connect()
                except BaseException:
                    self._room.release()
                    raise
        except (OSError, ValueError) as failure:  # TimeoutError and ssl.SSLError are OSErrors
            raise Unsent("the EHR could not be reached") from failure

    def _kept(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - KEPT_OPEN
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.since > oldest and not connection.transport.is_closing():
                return connection
            connection.transport.abort()
        return None

    def _put(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        if not connection.reusable or connection.transport.is_closing():
            connection.give_up()
            if connection.abandoned and self._lingers:
                loop.call_later(self._lingers, self._room.release)
            else:
                self._room.release()
            return
        self._room.release()
        connection.since = loop.time()
        self._idle.append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(KEPT_OPEN, self._sweep, loop)
        return

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes what was idle for too long; looks again while something is left."""
        while self._idle and self._idle[0].since <= loop.time() - KEPT_OPEN:
            self._idle.popleft().transport.abort()
        self._sweeping = loop.call_later(KEPT_OPEN, self._sweep, loop) if self._idle else None

    async def _connect(self) -> Connection:
        loop, failed = asyncio.get_running_loop(), OSError("the EHR's name leads to no network it was registered with")
        for address in await self._addresses(loop):
            try:
                if self._proxied and self._tls is not None:
                    made, place = Connection(), (address, self._near[1])
                    await through(place, host=self._host, port=self._port, tls=self._tls, protocol=made)
                    return made
                _, connection = await loop.create_connection(
                    Connection, address, self._port, ssl=self._tls, server_hostname=self._host if self._tls else None
                )
                return connection
            except OSError as failure:
                failed = failure
        raise failed

    async def _addresses(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """The permitted addresses of the host. Raises OSError when its name cannot be resolved."""
        try:
            found = [str(ip_address(self._near[0]))]
        except ValueError:
            listed = await loop.getaddrinfo(*self._near, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in listed))
        return [address for address in found if self._permits is None or self._permits(address)]
