"""Forms of the sign-in pages from elsewhere, twice, late, or in another browser; and sessions."""

import asyncio

import pytest

from tests.flow.sign_in_world import (
    BASE,
    OTHER,
    SITE,
    Forms,
    World,
    allow,
    back,
    consent_page,
    drive,
    heading,
    signed_in,
)


def test_a_form_without_its_token_or_with_anothers_changes_nothing() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        page = await consent_page(world, browser)
        foreign = Forms((await consent_page(world, other)).text).found[-1]["fields"]["token"]
        for token in (None, "", "0" * 64, foreign, "ü"):
            answer = await allow(browser, page, token=token)
            assert answer.status_code == 403
            assert "code=" not in answer.headers.get("location", "")
        assert "code" in back(await allow(browser, page))

    drive(act)


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": SITE, "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
])  # fmt: skip
def test_a_form_posted_from_elsewhere_is_refused(headers: dict[str, str]) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        assert (await browser.submit(page, {"decision": "allow"}, holds="decision", headers=headers)).status_code == 403
        assert "code" in back(await allow(browser, page))

    drive(act)


def test_a_request_is_answered_once() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        assert "code" in back(await allow(browser, page))
        replay = await allow(browser, page)
        assert replay.status_code == 400
        assert "answered already" in replay.text

    drive(act)


def test_two_answers_at_once_give_one_code() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        answers = await asyncio.gather(*(allow(browser, page) for _ in range(8)))
        assert sum(answer.status_code == 303 for answer in answers) == 1

    drive(act)


def test_a_request_is_forgotten_after_ten_minutes() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        world.clock["now"] += 601
        assert (await allow(browser, page)).status_code == 400

    drive(act)


def test_another_browser_cannot_open_or_answer_a_request() -> None:
    async def act(world: World) -> None:
        mine, other = world.browser(), world.browser()
        started = await mine.send("GET", world.url())
        page = await mine.follow(started)
        assert (await other.open(started.headers["location"])).status_code == 403
        await signed_in(other, await other.open(world.url()))
        assert (await other.submit(page, {"user": "Practitioner/d1"}, holds="user")).status_code == 403

    drive(act)


def test_two_tabs_keep_their_own_patients() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        first = await signed_in(browser, await browser.open(world.url(scope="patient/Patient.rs", state="one")))
        second = await browser.open(world.url(scope="patient/Patient.rs", state="two"))
        first = await browser.submit(first, {"patient": "p1"}, holds="patient")
        second = await browser.submit(second, {"patient": "p2"}, holds="patient")
        for page, patient, state in ((first, "p1", "one"), (second, "p2", "two")):
            answer = await allow(browser, page)
            assert back(answer)["state"] == state
            assert (await world.token(answer)).json()["patient"] == patient

    drive(act)


def test_a_consent_page_whose_patient_was_changed_in_another_tab_grants_nothing() -> None:
    """The swap between picker and consent: the page showed one patient, the request holds another."""

    async def act(world: World) -> None:
        browser = world.browser()
        picker = await signed_in(browser, await browser.open(world.url(scope="patient/Patient.rs")))
        await browser.submit(picker, {"patient": "p1"}, holds="patient")
        late = await browser.submit(picker, {"patient": "p2"}, holds="patient")
        assert late.status_code == 403

        racing = world.browser()
        picker = await signed_in(racing, await racing.open(world.url(scope="patient/Patient.rs")))
        answers = await asyncio.gather(*(racing.submit(picker, {"patient": p}, holds="patient") for p in ("p1", "p2")))
        assert sorted(answer.status_code for answer in answers) == [200, 403]

    drive(act)


def test_signing_in_gives_a_cookie_that_nobody_knew_before() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url())
        name, before = next(iter(browser.cookies.items()))
        assert name == "__Host-spec-session"
        await signed_in(browser, page)
        assert browser.cookies[name] != before
        planted = world.browser()
        planted.cookies[name] = before
        assert heading(await planted.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_the_cookie_of_another_ehr_opens_nothing() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()))
        secret = browser.cookies["__Host-spec-session"]
        stranger = world.browser()
        stranger.cookies = {"__Host-other-session": secret, "__Host-spec-session": "x" * 43}
        assert heading(await stranger.open(f"{OTHER}/auth/manage")).startswith("Sign in")
        assert heading(await stranger.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_a_session_lasts_eight_hours() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()))
        world.clock["now"] += 8 * 3600 - 1
        assert heading(await browser.open(f"{BASE}/auth/manage")) == "Apps you allowed"
        world.clock["now"] += 2
        assert heading(await browser.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


@pytest.mark.parametrize(("extra", "survives"), [("online_access", False), ("online_access offline_access", True)])
def test_online_access_ends_at_sign_out_and_offline_access_does_not(extra: str, survives: bool) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser, scope=f"patient/Patient.rs {extra}")
        token = (await world.token(await allow(browser, page))).json()
        renewed = await world.refresh(token["refresh_token"])
        assert renewed.status_code == 200
        await browser.submit(await browser.open(f"{BASE}/auth/manage"))
        answer = await world.refresh(renewed.json()["refresh_token"])
        assert answer.status_code == (200 if survives else 400)
        assert survives or answer.json()["error"] == "invalid_grant"

    drive(act)


@pytest.mark.parametrize(("extra", "survives"), [("online_access", False), ("offline_access", True)])
def test_an_automatic_launch_has_a_session_of_the_same_life(extra: str, survives: bool) -> None:
    async def act(world: World) -> None:
        launch = await world.launch(patient="p1", automatic=True)
        answer = await world.browser().send("GET", world.url(launch=launch, scope=f"launch patient/*.rs {extra}"))
        token = (await world.token(answer)).json()
        world.clock["now"] += 8 * 3600 - 60
        renewed = await world.refresh(token["refresh_token"])
        assert renewed.status_code == 200
        world.clock["now"] += 61
        assert (await world.refresh(renewed.json()["refresh_token"])).status_code == (200 if survives else 400)

    drive(act)


def test_a_session_is_no_consent() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        assert "code" in back(await allow(browser, await consent_page(world, browser)))
        for method, options in (("GET", {"params": world.asked()}), ("POST", {"data": world.asked(), "headers": {"origin": "https://app.example", "sec-fetch-site": "cross-site"}})):  # fmt: skip
            answer = await browser.follow(await browser.send(method, f"{BASE}/auth/authorize", **options))
            assert (answer.status_code, heading(answer)) == (200, "Choose the patient for The app")

    drive(act)
