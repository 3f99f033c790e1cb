"""Edge: what a browser sees of others' TLS, vouched for by the suite: it trusts the authorities of ``--tls-ca``, none of its own,
and shows the certificate of ``--tls-cert``.

A Chromium brings its own list of authorities, to which one can add and of which one cannot take away. So it is given a proxy on
loopback that ends TLS with a key of this run alone, the only one that the browser takes without asking, and begins it anew
towards the server, as strictly as the suite's own requests do: chain, name and time. What does not hold up there is not reached.
"""

import asyncio
import contextlib
import ssl
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SECONDS = 15.0
"""For a connection to a server to stand."""
HEAD = 16 * 1024
"""Bytes of a request of the browser's for a tunnel, at most."""
PORTION = 64 * 1024
REFUSED = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
FAILURES = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError)
"""OSError has ssl.SSLError among its own."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """``proxy`` is the address for the browser, ``spki`` the key that it takes: SHA-256 of the public key, base64."""

    proxy: str
    spki: str


@contextlib.asynccontextmanager
async def vouching(trust: ssl.SSLContext, *, through: str | None = None) -> AsyncIterator[Vouched]:
    """The proxy while the block runs. ``trust`` judges servers; ``through`` is an HTTP proxy on the way to them."""
    trust.set_alpn_protocols(["http/1.1"])
    own, spki = _own()
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            with contextlib.suppress(*FAILURES):
                await _tunnel(reader, writer, own=own, trust=trust, through=through)
        finally:
            open_ones.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=HEAD)
    try:
        yield Vouched(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", spki)
    finally:
        server.close()
        for task in tuple(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


def _own() -> tuple[ssl.SSLContext, str]:
    """What the browser is shown, of a key that nobody else has, and that key's SHA-256."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chartgate conform")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    shown = made.not_valid_after(now + timedelta(days=2)).sign(key, hashes.SHA256())
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="chartgate-") as folder:
        both = Path(folder) / "own.pem"
        both.touch(0o600)
        both.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + shown.public_bytes(pem))
        context.load_cert_chain(both)
    context.set_alpn_protocols(["http/1.1"])
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return context, b64encode(sha256(public).digest()).decode()


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, own: ssl.SSLContext, trust: ssl.SSLContext,
    through: str | None,
) -> None:  # fmt: skip
    """One connection of the browser's, to a server that has shown who it is before a byte of it passes."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)).decode("latin-1")
    method, target, *_ = f"{head.splitlines()[0]}  ".split(" ")
    try:
        if method != "CONNECT":
            raise ValueError("nothing but TLS")  # in clear nobody can be vouched for
        there, to = await asyncio.wait_for(_reach(target, trust, through), SECONDS)
    except FAILURES:
        writer.write(REFUSED)
        await writer.drain()
        return
    try:
        writer.write(OPEN)
        await writer.drain()
        await writer.start_tls(own)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pour(reader, to))
            both.create_task(_pour(there, writer))
    except* FAILURES:
        pass
    finally:
        to.close()


async def _reach(
    target: str, trust: ssl.SSLContext, through: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to ``host:port`` by TLS. Raises what of ``FAILURES`` kept it from standing."""
    parts = urlsplit(f"//{target}")
    host, port = parts.hostname or "", parts.port or 443
    if through is None:
        return await asyncio.open_connection(host, port, ssl=trust, server_hostname=host)
    between = urlsplit(through if "://" in through else f"http://{through}")
    there, to = await asyncio.open_connection(between.hostname, between.port or 80)
    to.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))
    answer = (await there.readuntil(b"\r\n\r\n")).split(b" ", 2)
    if answer[1:2] != [b"200"]:
        to.close()
        raise ValueError("the proxy does not connect")
    await to.start_tls(trust, server_hostname=host)
    return there, to


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while portion := await reader.read(PORTION):
        writer.write(portion)
        await writer.drain()
    writer.close()  # the other direction ends with it
