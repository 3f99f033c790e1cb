"""Requests over a real socket whose end two readers would see in two places."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from tests.abuse.sign_in import FULL, token
from tests.abuse.target import FORM, Target, exchange

Server = Callable[[Any, list[bytes]], Awaitable[list[bytes]]]


def _raw(target: Target, hidden: str, bearer: str) -> list[bytes]:
    """Requests whose length can be read in two ways; the hidden one asks for p2 with somebody else's token."""
    head = f"POST /ehr/spec/fhir/Observation/_search HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\nContent-Type: {FORM}\r\n"
    chunk = "c\r\nstatus=final\r\n0\r\n\r\n"
    return [
        each.encode()
        for each in (
            f"{head}Content-Length: {len(hidden) + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            f"{head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunk}{hidden}",
            f"{head}Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
            f"{head}Content-Length: +{len(hidden)}\r\n\r\n{hidden}", f"{head}Content-Length: 0x10\r\n\r\n{hidden}",
            f"{head}Transfer-Encoding: chunked, identity\r\n\r\n{chunk}{hidden}", f"{head}Transfer-Encoding: xchunked\r\n\r\n{chunk}{hidden}",
            f"{head}Transfer-Encoding : chunked\r\n\r\n{chunk}{hidden}", f"{head}Transfer-Encoding:\x0bchunked\r\n\r\n{chunk}{hidden}",
            f"{head}Content-Length: 0\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n{chunk}{hidden}",
        )
    ]  # fmt: skip


async def _say(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(200_000), 3.0)
    except (TimeoutError, ConnectionError):
        return b""
    finally:
        writer.close()


async def _served(app: Any, requests: list[bytes]) -> list[bytes]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", http="httptools"))
    task = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    said = list(await asyncio.gather(*(_say(port, each) for each in requests)))
    server.should_exit = True
    await task
    return said


def framed(target: Target, served: Server = _served) -> list[str]:
    """Over a real socket: what follows a request that two readers would end differently is not answered as one more."""
    bearer, second = token(target, FULL), token(target, FULL, patient="p2")
    hidden = f"GET /ehr/spec/fhir/{target.chart.ref('Patient/p2')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {second}\r\n\r\n"
    for place, answer in enumerate(target.run(served(target.app, _raw(target, hidden, bearer)))):
        target.expect(target.chart.secret.encode() not in answer, f"framing {place} let a hidden request through")
        target.expect(b" 500 " not in answer, f"framing {place} was answered 500")
    return target.problems


def test_a38_a_request_ends_where_everybody_reads_its_end(target: Target) -> None:
    assert framed(target) == []


async def _scanning(app: Any, requests: list[bytes]) -> list[bytes]:
    """A server that takes whatever looks like the head of a request for one, wherever it stands."""
    said = []
    for whole in requests:
        answers = b""
        for part in whole.split(b"GET ")[1:]:
            head, _, _ = part.partition(b"\r\n\r\n")
            line, *lines = head.split(b"\r\n")
            headers = [
                (name.lower().strip(), value.strip()) for name, _, value in (each.partition(b":") for each in lines)
            ]
            reply = await exchange(app, "GET", line.split()[0].decode(), "", headers, b"")
            answers += reply.body
        said.append(answers)
    return said


def test_a38_twin_that_takes_every_head_for_a_request(holed: Any) -> None:
    assert framed(holed(), _scanning) != []
