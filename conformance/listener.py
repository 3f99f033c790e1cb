"""Edge: a small HTTP server of the suite's own, one answer a connection: it can be slow, and answer without end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

HEAD, BODY = 64 * 1024, 8 * 1024 * 1024
CHUNK = 64 * 1024
LONGEST = 64 * 1024 * 1024
"""Bytes after which an answer without end ends all the same."""
Way = Literal["whole", "slow", "endless"]
REASONS = {200: "OK", 201: "Created", 302: "Found", 303: "See Other", 307: "Temporary Redirect"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked of us. ``path`` has its query; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What is answered. A ``slow`` body comes a space at a time for half a minute, an ``endless`` one goes on."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    way: Way = "whole"


Respond = Callable[[Request], Reply]


@contextlib.asynccontextmanager
async def listening(host: str, port: int, respond: Respond) -> AsyncIterator[str]:
    """Serves while the block runs; gives ``http://host:port``. Raises OSError when the port is taken."""
    open_still: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_still.add(task)
        try:
            await _answer(writer, respond(await _read(reader)))
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, asyncio.CancelledError):
            pass  # whoever asked has gone, or asked nothing that is HTTP, or the listener ends
        finally:
            writer.transport.abort()
            open_still.discard(task)

    server = await asyncio.start_server(connected, host, port, limit=HEAD)
    try:
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in open_still:
            task.cancel()
        await asyncio.gather(*open_still, return_exceptions=True)
        await asyncio.sleep(0)  # the transports hear that they are closed


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Request(method=method, path=path, headers=headers, body=await _chunks(reader))
    length = min(int(headers.get("content-length", "0")), BODY)
    return Request(method=method, path=path, headers=headers, body=await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        if len(body) + size > BODY:
            raise ValueError("a body without end")
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def _answer(writer: asyncio.StreamWriter, reply: Reply) -> None:
    headers = {**reply.headers, "connection": "close"}
    if reply.way == "whole":
        headers["content-length"] = str(len(reply.body))
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Said')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
    await writer.drain()
    if reply.way == "slow":
        for _ in range(150):
            await asyncio.sleep(0.2)
            writer.write(b" ")
            await writer.drain()
    sent = 0
    while reply.way == "endless" and sent < LONGEST:
        writer.write(b" " * CHUNK)
        sent += CHUNK
        await writer.drain()
