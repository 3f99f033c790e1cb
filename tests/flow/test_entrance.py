"""In by the one-time link, out by logout, and what is public besides; ``drive`` is in conftest.py."""

from collections.abc import Callable
from typing import Any

from gateway.sessions import add_link

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
