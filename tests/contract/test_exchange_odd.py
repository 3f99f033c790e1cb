"""The client of deliveries on a real socket, once more: bodies that were compressed unasked, and links to further pages."""

import asyncio
import codecs
import contextlib
import gzip
import zlib

import pytest

from tests.contract.test_exchange import OK, asked, server
from writeback.errors import Unsent
from writeback.speaking.answers import Answer
from writeback.wire.exchange import BYTES
from writeback.wire.transport import HttpSender, open_session


def packed(coding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body + b"\0"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (packed("gzip", gzip.compress(b"{}")), b"{}"),
        (packed("deflate", zlib.compress(b"{}")), b"{}"),
        (packed("br", b"{}"), b"{}"),
        (packed("gzip", gzip.compress(codecs.BOM_UTF8 + b"{}")), b"{}"),
        (packed("identity", codecs.BOM_UTF8 + b"{}"), b"{}"),
        (packed("gzip", gzip.compress(b"{}")[:-4]), gzip.compress(b"{}")[:-4]),
    ],
    ids=["gzip", "deflate", "not compressed at all", "both", "a byte order mark", "cut"],
)
def test_what_was_compressed_unasked_or_begins_with_a_mark_is_read(answer: bytes, body: bytes) -> None:
    found, _ = asked(answer)
    assert [each.body for each in found if isinstance(each, Answer)] == [body]


def test_what_would_grow_beyond_the_limit_is_left_as_it_came() -> None:
    bomb = gzip.compress(b"0" * (BYTES + 1))
    found, _ = asked(packed("gzip", bomb))
    assert [each.body for each in found if isinstance(each, Answer)] == [bomb]


@pytest.mark.parametrize(
    ("link", "line"),
    [
        ("{base}?_getpages=1&_offset=2", b"GET /fhir?_getpages=1&_offset=2 "),
        ("{base}/Observation?page=2", b"GET /fhir/Observation?page=2 "),
        ("/fhir/Observation?page=2", b"GET /fhir/Observation?page=2 "),
        ("Observation?page=2", b"GET /fhir/Observation?page=2 "),
        ("?page=2", b"GET /fhir?page=2 "),
        ("http://elsewhere/fhir/Observation?page=2", None),
        ("{base}er/Observation?page=2", None),
        ("{base}/../admin?page=2", None),
        ("/admin?page=2", None),
        ("//elsewhere/fhir/x", None),
    ],
)
def test_a_link_to_a_further_page_is_followed_below_the_base_alone(link: str, line: bytes | None) -> None:
    async def work() -> list[bytes]:
        async with server(OK) as said:
            session = open_session(base=said.base)
            with contextlib.nullcontext() if line else pytest.raises(Unsent):
                await HttpSender(base=said.base, session=session).send("GET", link.format(base=said.base))
            await session.close()
            return said.heads

    heads = asyncio.run(work())
    assert [head.startswith(line or b"-") for head in heads] == ([True] if line else [])
