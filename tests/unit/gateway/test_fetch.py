"""What is fetched from an EHR is bounded, kept for a while, and asked for again no oftener than it may be."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey

from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, EhrUnavailable
from auth.client.requests import TokenRequest
from gateway.ehrs import fetch
from gateway.ehrs.fetch import Reach, key_life

FHIR = "https://ehr.example/r4"
JWKS = "https://ehr.example/jwks"
EHR = RegisteredEhr(name="spec", issuer=FHIR, client_id="gateway", networks=("127.0.0.0/8",))
OLD, NEW = (RSAKey.generate_key(2048, {"kid": kid}).as_dict(private=False) for kid in ("old", "new"))
CONFIGURATION = {
    "authorization_endpoint": "https://ehr.example/authorize", "token_endpoint": "https://ehr.example/token",
    "grant_types_supported": ["authorization_code"], "capabilities": ["launch-ehr"],
    "code_challenge_methods_supported": ["S256"],
}  # fmt: skip


@dataclass
class Remote:
    """An EHR that answers every request alike, and a clock."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    now: float = 0.0
    seen: list[httpx2.Request] = field(default_factory=list)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(self.status, content=self.body, headers=self.headers)


def drive(act: Callable[[Remote, Reach], Awaitable[None]], **members: Any) -> None:
    async def story() -> None:
        remote = Remote(**members)
        reach = Reach(clock=lambda: remote.now, transport=lambda _: httpx2.MockTransport(remote.handle))
        await act(remote, reach)
        await reach.aclose()

    asyncio.run(story())


def test_discovery_is_asked_for_below_the_issuer_and_kept_for_five_minutes() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        for remote.now in (0.0, 299.0, 300.0):
            assert (await reach.configuration(EHR)).token_endpoint == "https://ehr.example/token"
        assert [str(request.url) for request in remote.seen] == [f"{FHIR}/.well-known/smart-configuration"] * 2
        assert {(request.method, request.headers["accept"]) for request in remote.seen} == {("GET", "application/json")}

    drive(act, body=json.dumps(CONFIGURATION).encode())


def test_what_could_not_be_read_is_not_kept() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        with pytest.raises(EhrFault):
            await reach.configuration(EHR)
        remote.body = json.dumps(CONFIGURATION).encode()
        assert (await reach.configuration(EHR)).token_endpoint

    drive(act, body=b"<html>")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404])
def test_an_answer_that_is_no_document_is_a_fault_and_a_redirect_is_not_followed(status: int) -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        with pytest.raises(EhrFault):
            await reach.configuration(EHR)
        assert len(remote.seen) == 1

    drive(act, status=status, headers={"location": "https://evil.example/"})


@pytest.mark.parametrize(("status", "header", "wait"), [(429, "7", 7.0), (503, "soon", None), (500, "-1", None)])
def test_an_ehr_that_cannot_now_says_for_how_long(status: int, header: str, wait: float | None) -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        with pytest.raises(EhrUnavailable) as waiting:
            await reach.configuration(EHR)
        assert waiting.value.retry_after == wait

    drive(act, status=status, headers={"retry-after": header})


@pytest.mark.parametrize("size", [fetch.BYTES + 1, 10 * fetch.BYTES])
def test_a_body_longer_than_any_honest_one_is_a_fault(size: int) -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        with pytest.raises(EhrFault, match="too long"):
            await reach.send(EHR, TokenRequest(url="https://ehr.example/token", form=()))

    drive(act, body=b"x" * size)


def test_a_body_of_the_longest_length_is_read() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        reply = await reach.send(EHR, TokenRequest(url="https://ehr.example/token", form=(("a", "b"),)))
        assert len(reply.body) == fetch.BYTES
        assert remote.seen[0].content == b"a=b"

    drive(act, body=b"x" * fetch.BYTES)


def test_an_address_that_is_not_the_ehrs_is_not_contacted() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        for url in ("https://evil.example/token", "http://ehr.example/token", "https://ehr.example:99999/token"):
            with pytest.raises(EhrFault):
                await reach.send(EHR, TokenRequest(url=url, form=()))
        assert remote.seen == []

    drive(act)


def test_no_answer_is_unavailable() -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("late", request=request)

    async def story() -> None:
        reach = Reach(clock=lambda: 0.0, transport=lambda _: httpx2.MockTransport(fail))
        with pytest.raises(EhrUnavailable):
            await reach.configuration(EHR)
        await reach.aclose()

    asyncio.run(story())


def test_a_key_id_that_is_held_fetches_nothing_more() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        for _ in range(3):
            await reach.key_set(EHR, JWKS, key_id="old")
        assert len(remote.seen) == 1

    drive(act, body=json.dumps({"keys": [OLD]}).encode())


def test_a_rotated_key_is_found_and_a_flood_of_invented_ones_asks_once_a_minute() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        await reach.key_set(EHR, JWKS, key_id="old")
        remote.body = json.dumps({"keys": [OLD, NEW]}).encode()
        for remote.now in (1.0, 30.0, 59.0):
            assert "new" not in {key.kid for key in await reach.key_set(EHR, JWKS, key_id="new")}
        remote.now = 60.0
        assert "new" in {key.kid for key in await reach.key_set(EHR, JWKS, key_id="new")}
        for kid in "abcdef":
            await reach.key_set(EHR, JWKS, key_id=kid)
        assert len(remote.seen) == 2

    drive(act, body=json.dumps({"keys": [OLD]}).encode())


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"keys": {}}', b'{"keys": 1}', b"\xff"])
def test_what_is_no_key_set_is_a_fault(body: bytes) -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        with pytest.raises(EhrFault):
            await reach.key_set(EHR, JWKS, key_id=None)

    drive(act, body=body)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 300.0), ("max-age=600", 600.0), ("public, max-age=600, immutable", 600.0), ("Max-Age=600", 600.0),
        ("max-age=0", 60.0), ("max-age=86400", 3600.0), ("s-maxage=600", 300.0), ("max-age=x", 300.0),
        ("no-store", 300.0),
    ],
)  # fmt: skip
def test_a_key_set_is_kept_as_long_as_it_says_within_bounds(header: str, seconds: float) -> None:
    assert key_life(header) == seconds


def test_a_client_is_made_once_for_an_ehr_and_follows_no_redirect() -> None:
    async def act(remote: Remote, reach: Reach) -> None:
        client = reach.client(EHR)
        assert reach.client(EHR) is client
        assert (await client.get(f"{FHIR}/Patient/1")).status_code == 302
        assert len(remote.seen) == 1

    drive(act, status=302, headers={"location": "https://evil.example/"})


def test_a_slow_answer_is_given_up() -> None:
    """Over a real socket: a byte every 50 ms never trips a read timeout, the whole is bounded all the same."""

    gone = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        writer.close()
        gone.set()

    async def story() -> None:
        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/r4"
        ehr = RegisteredEhr(name="slow", issuer=issuer, client_id="g", networks=("127.0.0.0/8",))
        reach = Reach(clock=lambda: 0.0, seconds=0.3)
        with pytest.raises(EhrUnavailable):
            await reach.configuration(ehr)
        await reach.aclose()
        await asyncio.wait_for(gone.wait(), 30.0)
        server.close()

    asyncio.run(story())
