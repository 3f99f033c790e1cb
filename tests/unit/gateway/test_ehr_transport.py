"""How a hospital wants to be reached: its own authority, a client certificate, a proxy. Real sockets, real handshakes, and both
ways by which the gateway speaks to an EHR: what asks (httpx2) and what writes (its own pool)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, EhrUnavailable
from gateway.ehrs.fetch import Reach
from gateway.ehrs.reachable import trust
from gateway.ehrs.senders import Senders
from tests.flow.test_smart_tls import make_certificate
from writeback.errors import SendFailed

LOCAL = ("127.0.0.0/8",)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("mtls"))


async def close(writer: asyncio.StreamWriter) -> None:
    """Ends a connection, whatever state it is in."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def server(pair: tuple[Path, Path], *, wants_certificate: bool = False) -> AsyncIterator[int]:
    """An https server that answers everything with an empty object; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if wants_certificate:
        context.load_verify_locations(pair[0])
        context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        await close(writer)

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@asynccontextmanager
async def proxy(seen: list[bytes], *, refuses: bool = False) -> AsyncIterator[int]:
    """A proxy that connects wherever it is told to, on this machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(4096):
                writer.write(part)
                await writer.drain()
        finally:
            await close(writer)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head.split(b"\r\n")[0])
        if refuses:
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            await close(writer)
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    listening = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def both(ehr: RegisteredEhr) -> list[Any]:
    """What comes of asking this EHR, by either way: the status, or the class of the failure."""
    reach, senders = Reach(clock=lambda: 0.0, seconds=5.0), Senders(means=None, clock=lambda: 0.0)  # type: ignore[arg-type]
    found: list[Any] = []
    try:
        found.append((await reach.look(ehr, f"{ehr.issuer}/metadata")).status)
    except (EhrFault, EhrUnavailable) as failure:
        found.append(type(failure))
    try:
        found.append((await senders._open(ehr, None).send("GET", "metadata")).status)
    except SendFailed as failure:
        found.append(type(failure).__name__)
    await reach.aclose()
    await senders.aclose()
    return found


def ehr(port: int, **members: Any) -> RegisteredEhr:
    return RegisteredEhr(
        name="hospital",
        issuer=f"https://localhost:{port}/r4",
        client_id="c",
        networks=members.pop("networks", LOCAL),
        **members,
    )


def test_an_own_authority_is_trusted_for_the_ehr_that_has_it_and_for_no_other(pair: tuple[Path, Path]) -> None:
    async def story() -> None:
        async with server(pair) as port:
            assert await both(ehr(port, ca=pair[0].read_text())) == [200, 200]
            assert await both(ehr(port)) == [EhrUnavailable, "Unsent"]

    asyncio.run(story())


def test_a_client_certificate_is_shown_to_an_ehr_that_wants_one(pair: tuple[Path, Path]) -> None:
    async def story() -> None:
        ca, key = pair[0].read_text(), pair[1].read_text()
        async with server(pair, wants_certificate=True) as port:
            assert await both(ehr(port, ca=ca, certificate=ca, key=key)) == [200, 200]
            without = await both(ehr(port, ca=ca))
            assert 200 not in without
            assert without[0] is EhrUnavailable

    asyncio.run(story())


def test_a_proxy_is_asked_to_connect_by_name_and_sees_nothing_else(pair: tuple[Path, Path]) -> None:
    async def story() -> None:
        seen: list[bytes] = []
        async with server(pair) as port, proxy(seen) as through:
            declared = ehr(port, ca=pair[0].read_text(), proxy=f"http://localhost:{through}")
            assert await both(declared) == [200, 200]
            assert seen == [f"CONNECT localhost:{port} HTTP/1.1".encode()] * 2

    asyncio.run(story())


def test_a_proxy_that_refuses_or_lies_outside_the_networks_gets_nothing(pair: tuple[Path, Path]) -> None:
    async def story() -> None:
        seen: list[bytes] = []
        async with server(pair) as port, proxy(seen, refuses=True) as through:
            for address in ("localhost", "127.0.0.1"):
                declared = ehr(
                    port, ca=pair[0].read_text(), proxy=f"http://{address}:{through}", networks=("10.0.0.0/8",)
                )
                reach = Reach(clock=lambda: 0.0)
                with pytest.raises(EhrFault):
                    await reach.look(declared, f"{declared.issuer}/metadata")
                await reach.aclose()
            assert seen == []
            declared = ehr(port, ca=pair[0].read_text(), proxy=f"http://127.0.0.1:{through}")
            assert await both(declared) == [EhrUnavailable, "Unsent"]

    asyncio.run(story())


def test_nothing_older_than_tls_1_2_is_spoken_to_an_ehr(pair: tuple[Path, Path]) -> None:
    """Every way to an EHR takes its context from there; its certificate and its name are always verified."""
    for context in (trust(None), trust(pair[0].read_text())):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
