"""The client of deliveries on a real socket: what it makes of every way in which an answer can come, or not come."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.flow.test_smart_tls import make_certificate
from writeback.errors import AnswerLost, Unsent
from writeback.speaking.answers import Answer
from writeback.wire.exchange import LATEST
from writeback.wire.transport import HttpSender, open_session

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: W/"1"\r\n\r\n{}'


@dataclass
class Said:
    """What a server was asked, head by head, and on how many connections."""

    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    base: str = ""


@asynccontextmanager
async def server(*answers: bytes | None, tls: ssl.SSLContext | None = None, pause: float = 0.0) -> AsyncIterator[Said]:
    """Answers the requests in turn with these bytes, the last one again and again; None ends the connection, and so do
    bytes that end in a zero byte, which is not sent."""
    said, left = Said(), list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                said.heads.append(head)
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                said.bodies.append(await reader.readexactly(int(length or 0)))
                answer = left.pop(0) if len(left) > 1 else left[0]
                await asyncio.sleep(pause)
                writer.write((answer or b"\0").removesuffix(b"\0"))
                await writer.drain()
                if answer is None or answer.endswith(b"\0"):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    said.base = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/fhir"
    async with listening:
        yield said


def asked(
    *answers: bytes | None, times: int = 1, method: str = "PUT", pause: float = 0.0, seconds: float = 5.0
) -> tuple[list[Answer | Exception], Said]:  # fmt: skip
    """What a sender makes of these answers, and what the server saw."""

    async def work() -> tuple[list[Answer | Exception], Said]:
        async with server(*answers, pause=pause) as said:
            session = open_session(base=said.base)
            sender = HttpSender(base=said.base, session=session)
            found: list[Answer | Exception] = []
            for _ in range(times):
                try:
                    async with asyncio.timeout(seconds):
                        body = None if method == "GET" else b"{}"
                        found.append(await sender.send(method, "Basic/1", headers={"a": "b"}, body=body))
                except (OSError, TimeoutError) as failure:
                    found.append(failure)
            await session.close()
            return found, said

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("answer", "waits"), [(b"", True), (b"HTTP/1.1 200 OK\r\nContent-Le\0", False)], ids=["silent", "cut"]
)
def test_what_was_not_waited_for_keeps_its_place_at_the_ehr(answer: bytes, waits: bool) -> None:
    """The EHR may be at it still; what it has cut itself is over."""

    async def work() -> float:
        async with server(answer, OK) as said:
            session = open_session(base=said.base, connections=1, lingers=0.4)
            sender = HttpSender(base=said.base, session=session)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(0.1):
                    await sender.send("PUT", "Basic/1", body=b"{}")
            began = monotonic()
            await sender.send("PUT", "Basic/2", body=b"{}")
            await session.close()
            return monotonic() - began

    assert (asyncio.run(work()) >= 0.35) is waits


def test_a_request_and_its_answer_on_one_kept_connection() -> None:
    found, said = asked(OK, times=3)
    assert [answer for answer in found if not isinstance(answer, Answer)] == []
    assert found[0] == Answer(status=200, headers={"content-length": "2", "etag": 'W/"1"'}, body=b"{}")
    assert said.connections == 1
    assert said.bodies == [b"{}"] * 3
    assert said.heads[0].startswith(b"PUT /fhir/Basic/1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\na: b\r\naccept-encoding: identity\r\ncontent-length: 2\r\n\r\n" in said.heads[0]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (CHUNKED, 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 1),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}\0", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}\0", 2),
        (b"HTTP/1.1 200 OK\r\n\r\n{}\0", 2),
    ],
    ids=["chunked", "100", "103", "connection: close", "1.0", "until close"],
)
def test_each_way_to_end_a_body_is_understood(answer: bytes, connections: int) -> None:
    found, said = asked(answer, times=2)
    assert [(each.status, each.body) for each in found if isinstance(each, Answer)] == [(200, b"{}")] * 2
    assert said.connections == connections


def test_an_answer_without_a_body_ends_with_its_head() -> None:
    found, said = asked(b"HTTP/1.1 204 No Content\r\n\r\n", times=2)
    assert [each.status for each in found if isinstance(each, Answer)] == [204, 204]
    assert said.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}\0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}\0",
        b"HTTP/1.1 200 OK\r\nContent-Le\0",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (9 * 1024 * 1024) + b"\0",
    ],
    ids=["silence", "short", "short chunk", "cut head", "no http", "too long", "two lengths", "long head", "upgrade", "endless"],
)  # fmt: skip
def test_what_is_no_whole_answer_is_a_lost_one_and_a_write_is_not_repeated(answer: bytes | None) -> None:
    found, said = asked(answer)
    assert [type(each) for each in found] == [AnswerLost]
    assert len(said.heads) == 1


def test_a_read_is_sent_once_more() -> None:
    found, said = asked(None, OK, method="GET")
    assert isinstance(found[0], Answer)
    assert len(said.heads) == 2


def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next_ones() -> None:
    late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
    found, said = asked(late, OK, times=2, pause=0.2, seconds=0.1)
    assert [type(each) for each in found] == [TimeoutError, TimeoutError]
    assert said.connections == 2
    found, said = asked(OK + late, OK, times=2)
    assert [each.body for each in found if isinstance(each, Answer)] == [b"{}", b"{}"]
    assert said.connections == 2


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_where_nobody_listens_or_may_be_asked_nothing_is_sent() -> None:
    async def work() -> None:
        async with server(OK) as said:
            refused = open_session(base=said.base.replace("127.0.0.1", "localhost"), permits=lambda address: False)
            with pytest.raises(Unsent):
                await HttpSender(base=said.base, session=refused).send("PUT", "Basic/1", body=b"{}")
            with pytest.raises(Unsent):
                open_session(base=said.base, permits=lambda address: False)
            for path, headers in (("Basic/1 HTTP/1.1\r\nx: y", {}), ("Basic/1", {"a": "b\r\nx: y"}), ("../x", {})):
                sender = HttpSender(base=said.base, session=open_session(base=said.base))
                with pytest.raises(Unsent):
                    await sender.send("PUT", path, headers=headers, body=b"{}")
            assert said.heads == []
        with pytest.raises(Unsent):
            await HttpSender(base=said.base, session=open_session(base=said.base)).send("PUT", "Basic/1", body=b"{}")

    run(work)


def test_no_more_connections_than_allowed_are_open_at_once() -> None:
    async def work() -> None:
        async with server(OK, pause=0.01) as said:
            session = open_session(base=said.base, connections=2)
            sender = HttpSender(base=said.base, session=session)
            answers = await asyncio.gather(*(sender.send("PUT", "Basic/1", body=b"{}") for _ in range(8)))
            assert [answer.status for answer in answers] == [200] * 8
            assert said.connections == 2
            await session.close()

    run(work)


def test_a_certificate_is_verified_for_the_name(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def work() -> None:
        async with server(OK, tls=context) as said:
            trusting = ssl.create_default_context(cafile=str(certificate))
            session = open_session(base=said.base, trust=trusting)
            answer = await HttpSender(base=said.base, session=session).send("PUT", "Basic/1", body=b"{}")
            assert answer.status == 200
            await session.close()
            strange = HttpSender(base=said.base, session=open_session(base=said.base))
            with pytest.raises(Unsent):
                await strange.send("PUT", "Basic/1", body=b"{}")
            assert len(said.heads) == 1

    run(work)


def test_nothing_is_written_once_its_time_is_over() -> None:
    """A process that was frozen meanwhile has a connection, and says nothing on it."""
    before = LATEST.set(monotonic() - 0.001)
    try:
        answers, said = asked(OK)
    finally:
        LATEST.reset(before)
    assert [type(each) for each in answers] == [Unsent]
    assert said.heads == []
