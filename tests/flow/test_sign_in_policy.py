"""What every sign-in page is served with, and the page on which a person revokes."""

from auth.server.clients import Client, save_client
from tests.flow.sign_in_world import BASE, OWN, Forms, World, allow, consent_page, drive, heading, signed_in


def test_every_page_is_unframeable_uncached_and_leads_nowhere_but_to_the_app() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        pages = [await browser.open(world.url())]
        pages.append(await signed_in(browser, pages[0]))
        pages.append(await consent_page(world, world.browser()))
        for page in pages:
            policy = page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "form-action 'self' https://app.example;" in policy
            assert "script" not in policy
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "same-origin"
            assert "<script" not in page.text
        refused = await browser.open(f"{BASE}/auth/sign-in?request=unknown")
        assert (refused.status_code, "frame-ancestors 'none'" in refused.headers["content-security-policy"]) == (
            400,
            True,
        )

    drive(act)


def test_an_address_of_an_app_cannot_write_into_the_policy() -> None:
    async def act(world: World) -> None:
        uri = "https://x; script-src 'unsafe-inline'/back"
        client = Client(id="sly", redirect_uris=(uri,), name="<b>Sly</b>")
        await world.database.run(lambda c, now: save_client(c, now, client=client))
        page = await world.browser().open(world.url(client_id="sly", redirect_uri=uri))
        assert "script-src" not in page.headers["content-security-policy"]
        assert "<b>Sly</b>" not in page.text

    drive(act)


def test_a_person_sees_what_was_allowed_and_revokes_it_at_once() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        bearer = (await world.token(await allow(browser, await consent_page(world, browser)))).json()["access_token"]
        await signed_in(other, await other.open(f"{BASE}/auth/sign-in"), "Practitioner/d2")
        assert "The app" not in (await other.open(f"{BASE}/auth/manage")).text
        page = await browser.open(f"{BASE}/auth/manage")
        assert "Ada One" in page.text
        assert "patient/Patient.rs" in page.text
        grant = next(f["fields"]["grant"] for f in Forms(page.text).found if "grant" in f["fields"])
        theirs = await other.open(f"{BASE}/auth/manage")
        token = Forms(theirs.text).found[0]["fields"]["token"]
        for said in (token, Forms(page.text).found[-1]["fields"]["token"]):
            refused = await other.send("POST", f"{BASE}/auth/manage", data={"grant": grant, "token": said}, headers=OWN)
            assert refused.status_code == 403
        assert await world.read(bearer) == 200
        done = await browser.submit(page, holds="grant")
        assert "Revoked." in done.text
        assert await world.read(bearer) == 401
        assert "Growth" not in done.text
        assert "No app may do anything" in done.text

    drive(act)


def test_somebody_else_cannot_revoke_a_grant_with_a_form_of_his_own() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        bearer = (await world.token(await allow(browser, await consent_page(world, browser)))).json()["access_token"]
        page = await consent_page(world, other)
        await allow(other, page)
        await other.submit(await other.open(f"{BASE}/auth/manage"))
        theirs = await signed_in(other, await other.open(f"{BASE}/auth/sign-in"), "Practitioner/d2")
        again = await other.open(world.url(scope="user/Patient.rs"))
        await allow(other, again)
        theirs = await other.open(f"{BASE}/auth/manage")
        grant = next(f["fields"]["grant"] for f in Forms((await browser.open(f"{BASE}/auth/manage")).text).found if "grant" in f["fields"])  # fmt: skip
        assert (await other.submit(theirs, {"grant": grant}, holds="grant")).status_code == 404
        assert await world.read(bearer) == 200

    drive(act)


def test_before_a_server_that_is_not_ours_only_the_operator_signs_in() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url(scope="user/Patient.rs"))
        for said in ("", "wrong", "ü"):
            refused = await browser.submit(page, {"user": "Practitioner/d1", "operator": said}, holds="user")
            assert refused.status_code == 403
        page = await browser.submit(page, {"user": "Practitioner/d1", "operator": "the secret"}, holds="user")
        assert heading(page) == "Allow The app?"

    drive(act, secret="the secret")
