"""Who sends a request slowly, or a head without end, is cut off, and holds up nobody (reliability-performance reference, row 10)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.processes import wire

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"


class Quick(wire.Protocol):
    patience = 0.2


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    body = b"%d" % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(app: Any = echo) -> AsyncIterator[int]:
    config = uvicorn.Config(app, lifespan="off", http=Quick, log_level="critical")
    config.load()
    loop = asyncio.get_running_loop()
    make = lambda: Quick(config=config, server_state=ServerState(), app_state={})  # noqa: E731
    server = await loop.create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def spoken(port: int, parts: list[bytes], *, pause: float = 0.0) -> bytes:
    """All that comes back, until the server ends the connection or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(4096), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


SLOW = {
    "half a head": [b"GET / HTTP/1.1\r\nhost: local"],
    "a head byte by byte": [b"GET / HTTP/1.1\r\n", *[b"x" for _ in range(60)]],
    "no body": [HEAD % 100],
    "a body byte by byte": [HEAD % 100, *[b"x" for _ in range(60)]],
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_who_is_slow_is_cut_off_and_others_are_served_meanwhile(parts: list[bytes]) -> None:
    async def run() -> None:
        async with serving() as port:
            slow = [asyncio.create_task(spoken(port, parts, pause=0.02)) for _ in range(20)]
            await asyncio.sleep(0.05)
            assert (await spoken(port, [HEAD % 3 + b"abc"])).endswith(b"\r\n\r\n3")
            assert await asyncio.gather(*slow) == [b""] * 20

    asyncio.run(run())


def test_who_sends_enough_may_take_longer() -> None:
    async def run() -> bytes:
        async with serving() as port:
            part = b"x" * wire.LEAST
            return await spoken(port, [HEAD % (8 * len(part)), *[part] * 8], pause=0.08)

    assert asyncio.run(run()).endswith(b"\r\n\r\n%d" % (8 * wire.LEAST))


def test_an_application_that_does_not_read_is_no_slow_client() -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.6)
        await echo(scope, receive, send)

    async def run() -> bytes:
        async with serving(late) as port:
            return await spoken(port, [HEAD % 1_000_000, b"x" * 1_000_000])

    assert asyncio.run(run()).endswith(b"\r\n\r\n1000000")


def test_a_head_without_end_is_cut_off() -> None:
    async def run() -> bytes:
        async with serving() as port:
            line = b"x-y: " + b"z" * 8000 + b"\r\n"
            return await spoken(port, [b"GET / HTTP/1.1\r\n", *[line] * 40])

    assert asyncio.run(run()) == b""


def test_a_connection_that_stays_open_takes_the_next_request() -> None:
    async def run() -> list[bytes]:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            heard = []
            for _ in range(2):
                writer.write(HEAD % 1 + b"x")
                heard.append(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n1"), 5))
                await asyncio.sleep(2 * Quick.patience)
            writer.close()
            return heard

    assert len(asyncio.run(run())) == 2
