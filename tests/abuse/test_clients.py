"""Key sets that a stranger registers: what the server would have to call, follow or swallow to read them."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from gateway import ehr_face
from tests.abuse import holes_of_sign_in
from tests.abuse.target import Target
from tests.abuse.test_assertions import KIND, public, signed

ADDRESSES = (
    "http://127.0.0.1:{port}/jwks", "http://localhost:{port}/jwks", "http://[::1]:{port}/jwks", "http://0.0.0.0:{port}/jwks", "https://127.0.0.1:{port}/jwks",
    "http://169.254.169.254/latest/meta-data", "https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/latest", "https://10.0.0.1/jwks", "https://192.168.0.1/jwks",
    "https://172.16.0.1/jwks", "https://100.64.0.1/jwks", "http://2130706433:{port}/jwks", "http://0x7f.1:{port}/jwks", "http://127.1:{port}/jwks", "http://0177.0.0.1:{port}/jwks",
    "https://[::ffff:127.0.0.1]:{port}/jwks", "https://[::ffff:169.254.169.254]/jwks", "https://224.0.0.1/jwks", "https://inside.example:{port}/jwks", "https://both.example:{port}/jwks",
    "https://rebinding.example:{port}/jwks", "http://metadata.google.internal/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:{port}/x", "https://u:p@127.0.0.1:{port}/x",
    "https://127.0.0.1:{port}#@public.example/jwks", "//127.0.0.1:{port}/jwks", "jwks", "data:application/json,{{}}", "https://public.example\\@127.0.0.1:{port}/jwks",
)  # fmt: skip


@asynccontextmanager
async def _listening(answer: Callable[[Any, Any], Any]) -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _present(target: Target, uri: str, app: Any = None) -> int:
    """Registers a client with this key set and lets it show an assertion; the status, 0 when it was not registered."""
    behind = replace(target, app=app) if app else target
    document = {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "scope": "system/*.cruds", "jwks_uri": uri,
                "redirect_uris": ["https://app.example/callback"]}  # fmt: skip
    made = await behind.send("POST", "/auth/register", document=document, type="application/json")
    if made.status != 201:
        return 0
    who, now = made.json["client_id"], int(time.time())
    said = {"iss": who, "sub": who, "aud": f"{target.ehr.base}/auth/token", "exp": now + 200, "jti": uuid.uuid4().hex}
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.r",
        "client_assertion_type": KIND,
        "client_assertion": signed(said),
    }
    return (await behind.send("POST", "/auth/token", form=form)).status


def private(target: Target) -> list[str]:
    """Nothing inside is called, by whatever name; and a name that leads elsewhere the second time leads nowhere."""
    loop = target.runner.get_loop()
    loop.names |= {
        "inside.example": [["127.0.0.1"]], "both.example": [["169.254.169.254", "127.0.0.1"]], "metadata.google.internal": [["169.254.169.254"]],
        "rebinding.example": [["93.184.215.14"], ["127.0.0.1"]], "public.example": [["93.184.215.14"]],
    }  # fmt: skip
    loop.called.clear()

    async def attack() -> list[str]:
        heard: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append("a server on loopback was called")
            writer.close()

        async with _listening(answer) as port:
            statuses = [await _present(target, uri.format(port=port)) for uri in ADDRESSES]
        heard += [
            f"{uri} was answered {status}"
            for uri, status in zip(ADDRESSES, statuses, strict=True)
            if status not in (0, 400, 401)
        ]
        return heard

    heard = target.run(attack())
    inside = {address for address in loop.called if address != "93.184.215.14"}
    target.expect(not inside, f"{sorted(inside)} was called")
    return [*target.problems, *heard]


def test_b13_a_key_set_is_fetched_from_public_addresses_only(target: Target) -> None:
    assert private(target) == []


def test_b13_twin_that_checks_the_name_and_not_the_address(holed: Any) -> None:
    assert private(holed(holes_of_sign_in.every_address_is_permitted)) != []


KEYS = json.dumps({"keys": [public("rsa", "r")]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


async def _large(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"content-length: %d\r\n\r\n" % (len(KEYS) + 8_000_000) + KEYS[:-1])
    for _ in range(8):
        writer.write(b" " * 1_000_000)
        await writer.drain()
    writer.write(b"}")


async def _slow(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"content-length: 5000\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.25)


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(25)


async def _trickled_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for place in range(100):
        writer.write(b"x-%d: y\r\n" % place)
        await writer.drain()
        await asyncio.sleep(0.25)


async def _elsewhere(writer: asyncio.StreamWriter) -> None:
    port = writer.get_extra_info("sockname")[1]
    writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:%d/followed\r\ncontent-length: 0\r\n\r\n" % port)


async def _bomb(writer: asyncio.StreamWriter) -> None:
    import gzip

    body = gzip.compress(KEYS[:-1] + b" " * 20_000_000 + b"}")
    writer.write(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


ANSWERS = {
    "large": _large,
    "slow": _slow,
    "silent": _silent,
    "head": _trickled_head,
    "elsewhere": _elsewhere,
    "bomb": _bomb,
}


def hostile(target: Target, *kinds: str) -> list[str]:
    """On an EHR that may fetch from loopback: what such a server sends is bounded in time and size, and not followed."""
    ehr = replace(target.ehr, allow_loopback_jwks=True)
    app = ehr_face.application([ehr])

    async def attack() -> list[str]:
        seen: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = (await reader.readline()).split()[1].decode().strip("/")
            seen.append(path)
            try:
                await asyncio.wait_for(ANSWERS[path](writer), 30) if path in ANSWERS else writer.write(
                    HEAD + b"content-length: %d\r\n\r\n" % len(KEYS) + KEYS
                )
                await writer.drain()
            except (ConnectionError, TimeoutError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        async with _listening(answer) as port:
            began = time.monotonic()
            statuses = await asyncio.gather(
                *(_present(target, f"http://127.0.0.1:{port}/{path}", app) for path in kinds)
            )
            took, good = time.monotonic() - began, await _present(target, f"http://127.0.0.1:{port}/good", app)
        problems = [
            f"a key set that is {path} was answered {status}"
            for path, status in zip(kinds, statuses, strict=True)
            if status not in (400, 401)
        ]
        problems += [f"the fetches took {took:.0f} s"] if took > 20 else []  # the slow ones take 25
        problems += ["a redirect was followed"] if "followed" in seen else []
        return problems + ([f"a good key set was answered {good}"] if good != 200 else [])

    return [*target.run(attack()), *target.problems]


def ambiguous(target: Target) -> list[str]:
    """A ``kid`` that two keys of a published set have: signed with either, it names none."""
    keys = json.dumps({"keys": [public("rsa", "r"), public("evil", "r")]}).encode()
    app = ehr_face.application([replace(target.ehr, allow_loopback_jwks=True)])

    async def attack() -> int:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(keys) + keys)
            await writer.drain()
            writer.close()

        async with _listening(answer) as port:
            return await _present(target, f"http://127.0.0.1:{port}/twice", app)

    status = target.run(attack())
    target.expect(status in (400, 401), f"a kid of two keys was answered {status}")
    return target.problems


def test_b03_a_kid_that_two_keys_have_names_none(target: Target) -> None:
    assert ambiguous(target) == []


def test_b13_a_key_set_is_read_within_bounds(target: Target) -> None:
    assert hostile(target, *ANSWERS) == []


def test_b13_twin_that_reads_to_the_end(holed: Any) -> None:
    assert any("large" in each for each in hostile(holed(holes_of_sign_in.fetches_are_unbounded), "large"))
