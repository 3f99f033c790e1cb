"""The proxy by which a browser sees the TLS of others: a server that the suite would not trust is not reached, for any reason."""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.probe import Wire, trust
from conformance.vouching import Vouched, vouching

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


class Authority:
    """An authority of our own, and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._shown = self._made(name, self._key, authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._shown.public_bytes(PEM))

    def _made(self, name: str, key: Any, *, authority: bool = False, until: datetime.datetime = NOW + DAY) -> Any:
        def named(word: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)])

        made = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(self.name))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(NOW - 9 * DAY).not_valid_after(until)
        made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return made.sign(self._key, hashes.SHA256())

    def server(self, name: str = "localhost", **changes: Any) -> ssl.SSLContext:
        """What a server of this name shows, with the authority beside it, as servers do."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        shown = self._made(name, key, **changes)
        path = self.folder / f"{id(key)}.pem"
        path.write_bytes(private + shown.public_bytes(PEM) + self._shown.public_bytes(PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


PAGE = b"<!doctype html><title>Sign in</title><a href='%s'>In</a>"


@contextlib.asynccontextmanager
async def serving(context: ssl.SSLContext | None, then: str = "/") -> AsyncIterator[int]:
    """A page with one link, at a port of loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await (reader.readuntil(b"\r\n\r\n") if context else reader.read(1))
            body = PAGE % then.encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def asked(vouched: Vouched, target: str) -> bytes:
    """What a client gets that goes through the proxy, and takes whatever key it is shown."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(vouched.proxy.rpartition(":")[2]))
    writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        writer.close()
        return head
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(blind)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def drive(act: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(act(), 30))


def trusting(authority: Authority) -> ssl.SSLContext:
    made = trust(Wire(ca=authority.file))
    assert made is not None
    return made


def test_a_server_of_the_authority_is_reached_and_its_page_comes(tmp_path: Path) -> None:
    async def act() -> None:
        known = Authority(tmp_path, "known")
        async with serving(known.server()) as port, vouching(trusting(known)) as vouched:
            assert b"Sign in" in await asked(vouched, f"localhost:{port}")

    drive(act)


WRONG: dict[str, Callable[[Authority, Authority], ssl.SSLContext | None]] = {
    "of another authority": lambda known, other: other.server(),
    "of another name": lambda known, other: known.server("elsewhere"),
    "past": lambda known, other: known.server(until=NOW - DAY),
    "without TLS": lambda known, other: None,
}


@pytest.mark.parametrize("made", WRONG.values(), ids=WRONG)
def test_a_server_that_the_suite_would_not_trust_is_not_reached(
    tmp_path: Path, made: Callable[[Authority, Authority], ssl.SSLContext | None]
) -> None:
    async def act() -> None:
        known, other = Authority(tmp_path, "known"), Authority(tmp_path, "other")
        async with serving(made(known, other)) as port, vouching(trusting(known)) as vouched:
            assert (await asked(vouched, f"localhost:{port}")).startswith(b"HTTP/1.1 502")

    drive(act)


def test_a_proxy_on_the_way_is_gone_through_and_vouches_for_nobody(tmp_path: Path) -> None:
    async def act() -> None:
        known, other = Authority(tmp_path, "known"), Authority(tmp_path, "other")
        between: list[str] = []

        async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            between.append(head.split(" ")[1])
            there, to = await asyncio.open_connection("127.0.0.1", int(between[-1].rpartition(":")[2]))
            writer.write(b"HTTP/1.1 200 Fine\r\n\r\n")

            async def pour(one: asyncio.StreamReader, two: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError):
                    while portion := await one.read(65536):
                        two.write(portion)
                    two.close()

            await asyncio.gather(pour(reader, to), pour(there, writer))

        proxy = await asyncio.start_server(pipe, "127.0.0.1", 0)
        through = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        for authority, words in ((known, b"Sign in"), (other, b"HTTP/1.1 502")):
            async with serving(authority.server()) as port, vouching(trusting(known), through=through) as vouched:
                assert words in await asked(vouched, f"localhost:{port}")
                assert between[-1] == f"localhost:{port}"
        proxy.close()

    drive(act)


@pytest.mark.parametrize(
    "head", [b"GET http://localhost/ HTTP/1.1\r\n\r\n", b"CONNECT localhost:x HTTP/1.1\r\n\r\n", b"\r\n\r\n"]
)
def test_what_is_no_tunnel_goes_nowhere(tmp_path: Path, head: bytes) -> None:
    async def act() -> None:
        async with vouching(trusting(Authority(tmp_path, "known"))) as vouched:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(vouched.proxy.rpartition(":")[2]))
            writer.write(head)
            assert (await reader.read()).startswith(b"HTTP/1.1 502")
            writer.close()

    drive(act)
