"""Key sets of clients by address: who is asked, how long an answer is kept, and what a hostile one costs (B13)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from auth.errors import OAuthError
from auth.keys import SigningKeys
from auth.server.clients import Client
from gateway.sandbox_ehrs.client_keys import BYTES, FAILED, LONGEST, REFETCH, USUAL, ClientKeys, life_of

KEYS = SigningKeys.generate()
KID = str(KEYS.key("ES384").kid)
BODY = json.dumps(KEYS.jwks("RS384", "ES384")).encode()
URL = "https://app.example/jwks.json"


class Site:
    """The client's site: what it answers, and how often it was asked."""

    def __init__(self, **headers: str) -> None:
        self.headers, self.status, self.body, self.asked = headers, 200, BODY, 0
        self.pause = 0.0

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        assert "authorization" not in request.headers
        await asyncio.sleep(self.pause)
        return httpx2.Response(self.status, stream=httpx2.ByteStream(self.body), headers=self.headers)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(url: str = URL) -> Client:
    return Client(id="app", method="private_key_jwt", jwks_uri=url)


def drive(act: Callable[[ClientKeys, Clock], Awaitable[None]], site: Site, **options: Any) -> None:
    async def story() -> None:
        clock = Clock()
        wire = httpx2.MockTransport(site.answer)
        keys = ClientKeys(clock=clock, transports=(wire, wire), **{"loopback": False, **options})
        try:
            await act(keys, clock)
        finally:
            await keys.aclose()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("header", "age", "seconds"),
    [
        ("max-age=120", "0", 120.0),
        ("public, max-age=120", "0", 120.0),
        ('max-age="120"', "0", 120.0),
        ("max-age=120", "100", 20.0),
        ("max-age=120", "500", 0.0),
        ("max-age=5", "0", 5.0),
        ("max-age=0", "0", 0.0),
        ("max-age=99999999", "0", LONGEST),
        ("no-store", "0", 0.0),
        ("no-cache, max-age=600", "0", 0.0),
        ("max-age=600, NO-STORE", "0", 0.0),
        ("s-maxage=600", "0", USUAL),
        ("max-age=a", "0", 0.0),
        ("max-age=-1", "0", 0.0),
        ("", "0", USUAL),
        ("public", "x", USUAL),
    ],
)
def test_a_key_set_is_kept_as_long_as_it_says_and_never_longer(header: str, age: str, seconds: float) -> None:
    assert life_of(header, age) == seconds


def test_a_kept_key_set_is_not_fetched_again_until_its_end() -> None:
    site = Site(**{"cache-control": "max-age=90"})

    async def act(keys: ClientKeys, clock: Clock) -> None:
        for moment in (0.0, 89.0):
            clock.now = 1000.0 + moment
            assert KID in (await keys.find(client(), kid=KID)).key_ids
        assert site.asked == 1
        clock.now = 1090.0
        await keys.find(client(), kid=KID)
        assert site.asked == 2

    drive(act, site)


def test_a_key_set_that_must_not_be_kept_is_fetched_for_every_request() -> None:
    site = Site(**{"cache-control": "no-store"})

    async def act(keys: ClientKeys, clock: Clock) -> None:
        await keys.find(client(), kid=KID)
        await keys.find(client(), kid=KID)
        assert site.asked == 2

    drive(act, site)


def test_requests_at_once_share_one_fetch() -> None:
    site = Site(**{"cache-control": "no-store"})
    site.pause = 0.02

    async def act(keys: ClientKeys, clock: Clock) -> None:
        await asyncio.gather(*(keys.find(client(), kid=KID) for _ in range(20)))
        assert site.asked <= 2

    drive(act, site)


def test_a_new_key_is_found_and_invented_ones_cost_one_fetch_a_minute() -> None:
    site = Site(**{"cache-control": "max-age=3600"})

    async def act(keys: ClientKeys, clock: Clock) -> None:
        await keys.find(client(), kid=KID)
        for number in range(50):
            await keys.find(client(), kid=f"invented-{number}")
        assert site.asked == 1
        clock.now += REFETCH
        for number in range(50):
            await keys.find(client(), kid=f"invented-{number}")
        assert site.asked == 2

    drive(act, site)


REFUSED: dict[str, dict[str, Any]] = {
    "a redirect": {"status": 302},
    "not found": {"status": 404},
    "an error": {"status": 500},
    "no JSON": {"body": b"<html>"},
    "no key set": {"body": b"[]"},
    "keys without end": {"body": json.dumps({"keys": [{}] * 65}).encode()},
    "nested without end": {"body": b'{"keys":' + b"[" * 100_000},
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
def test_an_answer_that_is_no_key_set_authenticates_nobody(answer: dict[str, Any]) -> None:
    site = Site(location="https://elsewhere.example/jwks.json")
    site.status, site.body = answer.get("status", 200), answer.get("body", BODY)

    async def act(keys: ClientKeys, clock: Clock) -> None:
        for _ in range(10):
            with pytest.raises(OAuthError) as refused:
                await keys.find(client(), kid=KID)
            assert refused.value.code == "invalid_client"
        assert site.asked == 1
        clock.now += FAILED
        site.status, site.body = 200, BODY
        assert KID in (await keys.find(client(), kid=KID)).key_ids

    drive(act, site)


async def _served(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> tuple[asyncio.Server, str]:
    """A real socket on loopback that answers as it likes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"


async def _sent(writer: asyncio.StreamWriter, parts: AsyncIterator[bytes], seen: list[int]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 52428800\r\n\r\n")
    async for part in parts:
        writer.write(part)
        seen[0] += len(part)
        await writer.drain()


def test_fifty_megabytes_are_not_read() -> None:
    seen = [0]

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(800):
            yield b" " * 65536

    async def story() -> None:
        server, url = await _served(lambda writer: _sent(writer, flood(), seen))
        keys = ClientKeys(clock=Clock(), loopback=True)
        with pytest.raises(OAuthError):
            await keys.find(client(url), kid=KID)
        await keys.aclose()
        server.close()

    asyncio.run(story())
    assert BYTES <= seen[0] < 40 * 2**20


def test_a_site_that_trickles_is_left_after_its_time() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    async def story() -> None:
        server, url = await _served(lambda writer: _sent(writer, trickle(), [0]))
        keys = ClientKeys(clock=Clock(), loopback=True, seconds=0.3)
        began = asyncio.get_running_loop().time()
        with pytest.raises(OAuthError):
            await keys.find(client(url), kid=KID)
        assert asyncio.get_running_loop().time() - began < 2.0
        await keys.aclose()
        server.close()

    asyncio.run(story())


ADDRESSES = [
    "http://127.0.0.1:9/jwks", "https://127.0.0.1:9/jwks", "https://localhost:9/jwks", "https://[::1]:9/jwks",
    "https://169.254.169.254/latest/meta-data", "http://169.254.169.254/latest/meta-data", "https://10.0.0.1/jwks",
    "https://192.168.1.1/jwks", "https://[::ffff:127.0.0.1]/jwks", "https://[fe80::1]/jwks", "https://0.0.0.0/jwks",
    "https://[64:ff9b::7f00:1]/jwks", "https://100.64.0.1/jwks", "https://2130706433/jwks", "https://0x7f.1/jwks",
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
def test_no_address_of_this_machine_or_its_network_is_reached(url: str) -> None:
    async def story() -> None:
        keys = ClientKeys(clock=Clock(), loopback=False)
        with pytest.raises(OAuthError):
            await keys.find(client(url), kid=KID)
        await keys.aclose()

    asyncio.run(story())


def test_a_key_set_on_this_machine_is_read_when_the_operator_allowed_it_and_else_not() -> None:
    async def good(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY)
        await writer.drain()

    async def story() -> None:
        server, url = await _served(good)
        allowed, usual = ClientKeys(clock=Clock(), loopback=True), ClientKeys(clock=Clock(), loopback=False)
        assert KID in (await allowed.find(client(url), kid=KID)).key_ids
        with pytest.raises(OAuthError):
            await usual.find(client(url), kid=KID)
        await allowed.aclose()
        await usual.aclose()
        server.close()

    asyncio.run(story())


def test_a_public_address_is_reached_though_loopback_is_allowed() -> None:
    """The transports are chosen by address: the one for this machine does not serve the world, nor the other way round."""
    public, local = Site(), Site()

    async def story() -> None:
        wires = (httpx2.MockTransport(public.answer), httpx2.MockTransport(local.answer))
        keys = ClientKeys(clock=Clock(), loopback=True, transports=wires)
        await keys.find(client(), kid=KID)
        await keys.find(client("http://localhost:9/jwks"), kid=KID)
        await keys.find(client("https://127.0.0.1.app.example/jwks"), kid=KID)
        await keys.aclose()

    asyncio.run(story())
    assert (public.asked, local.asked) == (2, 1)
