"""A server under test is not to be trusted: what it answers with and names for us to ask. On sockets, by the suite's own client."""

import asyncio
import contextlib
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.evidence import Exchange
from conformance.probe import BYTES, CannotRun, Probe, Wire, open_client
from tests.flow.test_smart_tls import make_certificate

MUCH = 256 * 1024 * 1024


@contextlib.contextmanager
def endless(head: bytes, begin: bytes, piece: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that answers with this head, then this piece again and again; and how many bytes left."""
    sent = [0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(15)

        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(15)
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + begin)
                while sent[0] < MUCH:
                    sent[0] += connection.send(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir", sent
        thread.join(30)


def asked(base: str, url: str = "metadata", **headers: str) -> Exchange:
    async def act() -> Exchange:
        async with open_client(Wire()) as client:
            return await Probe(base, client=client).send("GET", url, headers=headers)

    return asyncio.run(act())


def test_an_answer_without_end_fills_no_memory() -> None:
    with endless(b"content-type: application/fhir+json\r\n", b"", b" " * 65536) as (base, sent):
        seen = asked(base)
    assert (seen.status, len(seen.body), seen.table) == (200, BYTES, {})
    assert sent[0] < MUCH // 4


def test_a_packed_answer_without_end_fills_no_memory() -> None:
    packing = zlib.compressobj(wbits=31)
    begin = packing.flush(zlib.Z_FULL_FLUSH)
    piece = packing.compress(b" " * 1024 * 1024) + packing.flush(zlib.Z_FULL_FLUSH)
    with endless(b"content-encoding: gzip\r\n", begin, piece) as (base, sent):
        assert len(asked(base).body) == BYTES
    assert sent[0] < MUCH // 4


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9.0xfe.0xa9.0xfe", "[::ffff:169.254.169.254]", "[fe80::1]"]
)
def test_a_link_local_address_that_the_server_names_is_not_asked(host: str) -> None:
    with pytest.raises(CannotRun, match="link-local"):
        asked("http://127.0.0.1:9/fhir", f"http://{host}/latest/meta-data")


@pytest.mark.parametrize("given", ["\x9b2J", "a\r\nb: c", "\u202e"])
def test_what_no_header_can_hold_is_a_missing_answer_and_no_end_of_the_run(given: str) -> None:
    with pytest.raises(CannotRun):
        asked("http://127.0.0.1:9/fhir", authorization=f"Bearer {given}")


@pytest.mark.parametrize(
    "address", [f"http://{'a' * 70}.example/x", "http://a..example/x", "http://[::1/x", "http://x:port/", "http:///x"]
)
def test_an_address_that_is_none_is_a_missing_answer_and_no_end_of_the_run(address: str) -> None:
    with pytest.raises(CannotRun):
        asked("http://127.0.0.1:9/fhir", address)


def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1024)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(CannotRun, match="--tls-ca"):
            asked(f"https://127.0.0.1:{listening.getsockname()[1]}/fhir")
        thread.join(10)
