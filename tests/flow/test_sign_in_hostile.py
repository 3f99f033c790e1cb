"""Whatever is sent to the sign-in pages by whoever is not the person they are for."""

from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from auth.server.requests import find_request
from auth.server.sessions import form_token
from sandbox.audit_tables import events
from tests.flow.sign_in_world import BASE, OWN, Forms, World, allow, consent_page, drive, heading, signed_in

NASTY = (
    "\x00",
    "..",
    "%",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "x" * 5000,
    "<b>",
    "p1\n",
    "Patient/p1?_id=p2",
    "é|,$\\",
)


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_whatever_is_sent_to_a_page_is_refused_or_ignored_and_never_repeated_as_markup(value: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        key = Forms(page.text).found[0]["fields"]["request"]
        answers = [
            await browser.send("GET", f"{BASE}/auth/sign-in?{urlencode({'request': key, 'name': value})}"),
            await browser.send("GET", f"{BASE}/auth/sign-in?{urlencode({'request': value})}"),
            await browser.send("GET", f"{BASE}/launch?{urlencode({'client_id': value, 'kind': value, 'intent': value, f'fault-{value}': value})}", headers={"accept": "text/html"}),
            await browser.submit(page, {"patient": value, "decision": value}, holds="patient"),
            await browser.submit(page, {"request": value}, holds="patient"),
            await browser.send("POST", f"{BASE}/auth/manage", data={"grant": value, "token": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/auth/sign-out", data={"request": value, "token": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/launch", data={"client_id": value, "patient": value, "user": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/auth/sign-in", content=value.encode() * 2, headers=OWN | {"content-type": "application/x-www-form-urlencoded"}),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
        assert not any('"<b>' in answer.text for answer in answers)
        for answer in answers:
            assert "code=" not in answer.headers.get("location", "")

    drive(act)


def test_a_browser_that_knows_the_whole_request_still_cannot_answer_anothers() -> None:
    """The app itself knows all of its request but the key; should that leak, the cookie is still the other browser's."""

    async def act(world: World) -> None:
        mine, other = world.browser(), world.browser()
        page = await mine.open(world.url())
        await signed_in(other, await other.open(world.url()))
        key = Forms(page.text).found[-1]["fields"]["request"]
        kept = await world.database.run(lambda c, now: find_request(c, now, key))
        assert kept is not None
        for step in ("sign-in", "patient", "consent"):
            token = form_token(other.cookies["__Host-spec-session"], key, step, kept.body)
            said = {"request": key, "token": token, "user": "Practitioner/d1", "patient": "p1", "decision": "allow"}
            answer = await other.send("POST", f"{BASE}/auth/sign-in", data=said, headers=OWN)
            assert (answer.status_code, "another browser" in answer.text) == (403, True)

    drive(act)


def test_signing_in_as_somebody_else_ends_the_session_before() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()), "Practitioner/d2")
        earlier = world.browser()
        earlier.cookies = dict(browser.cookies)
        assert heading(await earlier.open(f"{BASE}/auth/manage")) == "Apps you allowed"
        launch = await world.launch(patient="p1", user="Practitioner/d1")
        await signed_in(browser, await browser.open(world.url(launch=launch, scope="launch patient/Patient.rs")))
        assert heading(await earlier.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_what_a_person_does_is_in_the_audit_log() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await world.token(await allow(browser, await consent_page(world, browser)))
        denied = await browser.open(world.url(scope="user/Patient.rs"))
        await browser.submit(denied, {"decision": "deny"}, holds="decision")
        page = await browser.open(f"{BASE}/auth/manage")
        page = await browser.submit(page, holds="grant")
        await browser.submit(page)
        rows = await world.database.run(lambda c, now: c.execute(select(events).order_by(events.c.number)).all())
        told = [(row.what, row.status, row.user, row.patient) for row in rows if row.what != "search"]
        who = "Practitioner/d1"
        assert told == [
            ("sign-in", 200, who, None), ("code", 200, who, "p1"), ("token", 200, who, "p1"), ("sign-in", 400, None, None),
            ("revoke", 200, who, "p1"), ("sign-out", 200, who, None),
        ]  # fmt: skip

    drive(act)
