"""In by the one-time link, out by logout, and what is public besides; ``drive`` is in conftest.py."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
import pytest
from starlette.applications import Starlette

from auth.client.errors import GrantEnded
from auth.client.store import load_tokens
from gateway.launches.launch_limits import Buckets, LaunchLimits, Pace
from gateway.people.links import add_link
from gateway.routes import launches
from tests.flow.conftest import FHIR, KEYS

Drive = Callable[..., None]
APP = "http://localhost:8700"


def test_the_one_time_link_opens_a_session_once(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        await browser.gateway.run(lambda c, now: add_link(c, now, "link"))
        assert (await browser.client.head("/enter?token=link")).status_code == 405
        assert (await browser.get("/enter?token=other")).status_code == 403
        assert (await browser.get("/enter?token=link")).status_code == 303
        session = await browser.session()
        assert session is not None
        assert session.roles == {"engineer", "informatics"}
        assert (await browser.get("/enter?token=link")).status_code == 403

    drive(act)


def test_logout_ends_the_session_for_our_own_page_only(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        await browser.finish(await browser.begin())
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        for origin in ("https://evil.example", "null"):
            response = await browser.client.post("/app/logout", headers={**cookie, "origin": origin})
            assert (response.status_code, await browser.session() is None) == (403, False)
        response = await browser.client.post("/app/logout", headers={**cookie, "origin": APP})
        assert (response.status_code, await browser.session()) == (303, None)

    drive(act)


def test_the_public_keys_are_published_and_nothing_else_of_them(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        answer = await browser.client.get("/app/jwks.json")
        assert answer.headers["cache-control"] == "max-age=300"
        published = answer.json()["keys"]
        assert {key["kty"] for key in published} == {"RSA", "EC"}
        assert all("d" not in key and key["kid"] for key in published)

    drive(act)


REVOKE = {"revocation_endpoint": "https://ehr.example/revoke"}


async def leave(browser: Any) -> httpx2.Response:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer: httpx2.Response = await browser.client.post("/app/logout", headers={"cookie": cookie, "origin": APP})
    return answer


async def dropped(browser: Any) -> bool:
    """Whether nothing of the launch's tokens is kept here."""
    (id,) = browser.gateway.launched
    try:
        await browser.gateway.run(lambda c, now: load_tokens(c, now, id=id, cipher=KEYS.cipher))
    except GrantEnded:
        return bool(browser.gateway.left == [id])
    return False


def revoked(browser: Any) -> list[tuple[str, str]]:
    """What the EHR was told: tokens and what they are, in order."""
    forms = [parse_qs(each.content.decode()) for each in browser.ehr.seen if each.url.path == "/revoke"]
    return [(form["token"][0], form["token_type_hint"][0]) for form in forms]


def test_logout_revokes_the_launch_s_tokens_at_the_ehr_the_refresh_token_first(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        browser.ehr.answers["/revoke"] = lambda request: httpx2.Response(200)
        await browser.finish(await browser.begin())
        assert not await dropped(browser)
        assert (await leave(browser)).status_code == 303
        assert await dropped(browser)
        assert revoked(browser) == [("secret-rt", "refresh_token"), ("secret-at", "access_token")]
        (form, _) = [parse_qs(each.content.decode()) for each in browser.ehr.seen if each.url.path == "/revoke"]
        said = form["client_assertion"][0].split(".")[1]
        assert json.loads(urlsafe_b64decode(said + "=="))["aud"] == "https://ehr.example/token"
        assert (await leave(browser)).status_code == 303
        assert len(revoked(browser)) == 2

    drive(act, configuration=REVOKE)


def test_an_ehr_without_the_address_or_with_a_foreign_one_is_told_nothing_and_the_tokens_go(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        await browser.finish(await browser.begin())
        assert (await leave(browser)).status_code == 303
        assert await dropped(browser)
        assert not [each for each in browser.ehr.seen if each.url.path == "/revoke"]

    drive(act)
    drive(act, configuration={"revocation_endpoint": "https://elsewhere.example/revoke"})


@pytest.mark.parametrize("answer", [500, 400, None], ids=["failing", "refusing", "silent"])
def test_an_ehr_that_fails_does_not_keep_anybody_from_leaving(drive: Drive, answer: int | None) -> None:
    async def act(browser: Any) -> None:
        def told(request: httpx2.Request) -> httpx2.Response:
            if answer is None:
                raise httpx2.ReadTimeout("nothing came", request=request)
            return httpx2.Response(answer)

        browser.ehr.answers["/revoke"] = told
        await browser.finish(await browser.begin())
        assert (await leave(browser)).status_code == 303
        assert await dropped(browser)
        assert revoked(browser)[0] == ("secret-rt", "refresh_token")

    drive(act, configuration=REVOKE)


def test_the_page_does_not_wait_for_a_slow_ehr_that_is_told_all_the_same(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        answered = asyncio.Event()

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await answered.wait()
            return httpx2.Response(200)

        browser.ehr.answers["/revoke"] = slow
        await browser.finish(await browser.begin())
        began = time.monotonic()
        assert (await leave(browser)).status_code == 303
        assert 0.9 < time.monotonic() - began < 3
        assert await dropped(browser)
        assert len(revoked(browser)) == 1
        answered.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(revoked(browser)) == 2:
                return
        raise AssertionError("the EHR was not told the rest")

    drive(act, configuration=REVOKE)


def test_more_launches_than_the_pace_get_429_and_when_to_come_again(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        limits = LaunchLimits(behind_proxy=True, addresses=Buckets(pace=Pace(burst=3, rate=0.1)),
                              issuers=Buckets(pace=Pace(burst=5, rate=0.5)))  # fmt: skip
        site = httpx2.ASGITransport(Starlette(routes=launches.routes(browser.gateway, limits)))
        address = f"/app/launch?{urlencode({'iss': FHIR, 'launch': 'xyz'})}"
        async with httpx2.AsyncClient(transport=site, base_url=APP) as client:

            async def launched(whom: str, path: str = address) -> httpx2.Response:
                return await client.get(path, headers={"x-forwarded-for": f"203.0.113.1, {whom}"})

            assert [(await launched("198.51.100.1")).status_code for _ in range(4)] == [303, 303, 303, 429]
            refused = await launched("198.51.100.1")
            assert int(refused.headers["retry-after"]) in range(8, 11)
            assert "Too many launches" in refused.text
            assert [(await launched("198.51.100.2")).status_code for _ in range(3)] == [303, 303, 429]
            assert (
                await launched("198.51.100.3", "/app/launch?iss=https://unknown.example&launch=x")
            ).status_code == 400
            assert int((await launched("198.51.100.4")).headers["retry-after"]) in (1, 2)

    drive(act)
