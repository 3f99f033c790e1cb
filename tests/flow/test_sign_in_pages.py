"""A person at the EHR's own pages: sign-in, pickers and consent, from authorize to code."""

import pytest

from tests.flow.sign_in_world import BASE, SCOPE, Forms, World, allow, back, consent_page, drive, heading, signed_in


def test_sign_in_pickers_and_consent_lead_to_a_token_with_what_was_chosen() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        answer = await allow(browser, await consent_page(world, browser))
        assert back(answer)["state"] == "st"
        assert back(answer)["iss"] == BASE
        token = (await world.token(answer)).json()
        assert (token["patient"], token["encounter"]) == ("p1", "e1")
        assert token["scope"].split() == SCOPE.split()
        assert token["smart_style_url"].startswith(f"{BASE}/style.json?v=")
        assert (await world.http.get(token["smart_style_url"])).json()["color_text"]
        assert await world.read(token["access_token"]) == 200

    drive(act)


def test_what_is_unticked_is_not_granted() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        place = SCOPE.split().index("patient/Patient.rs")
        token = (await world.token(await allow(browser, page, **{f"scope-{place}": None}))).json()
        assert token["scope"].split() == [scope for scope in SCOPE.split() if scope != "patient/Patient.rs"]
        assert await world.read(token["access_token"]) == 403

    drive(act)


def test_nothing_ticked_is_access_denied() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        said = back(await allow(browser, page, **{f"scope-{n}": None for n in range(7)}))
        assert (said["error"], said["state"], said["iss"]) == ("access_denied", "st", BASE)

    drive(act)


def test_deny_is_access_denied_at_every_step() -> None:
    async def act(world: World) -> None:
        first, second = world.browser(), world.browser()
        page = await first.open(world.url())
        assert back(await first.submit(page, holds="decision"))["error"] == "access_denied"
        page = await consent_page(world, second)
        assert back(await second.submit(page, {"decision": "deny"}, holds="decision"))["error"] == "access_denied"

    drive(act)


@pytest.mark.parametrize("scope", ["made-up", "patient/*.cruds", "openid"])
def test_a_scope_that_the_page_did_not_list_is_refused(scope: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        for name in ("scope-5", "scope-99"):
            assert (await allow(browser, page, **{name: scope})).status_code == 403

    drive(act)


def test_no_encounter_may_be_chosen_and_its_scope_is_not_granted() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        page = await browser.submit(page, {"patient": "p1"}, holds="patient")
        page = await browser.submit(page, {"encounter": "none"}, holds="encounter")
        token = (await world.token(await allow(browser, page))).json()
        assert "encounter" not in token
        assert "launch/encounter" not in token["scope"].split()

    drive(act)


@pytest.mark.parametrize(("field", "value"), [
    ("patient", "p9"), ("patient", ""), ("patient", ".."), ("patient", "p1/../p2"), ("patient", "Patient/p1"), ("patient", "\x00"),
])  # fmt: skip
def test_a_patient_that_the_ehr_does_not_have_is_refused(field: str, value: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        answer = await browser.submit(page, {field: value}, holds=field)
        assert answer.status_code in (400, 403)
        assert value == "" or value == ".." or value not in answer.text
        assert heading(await browser.submit(page, {"patient": "p1"}, holds="patient")).startswith(
            "Choose the encounter"
        )

    drive(act)


def test_an_encounter_of_another_patient_is_refused() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        page = await browser.submit(page, {"patient": "p1"}, holds="patient")
        assert "e2" not in Forms(page.text).found[0]["choices"].get("encounter", [])
        assert (await browser.submit(page, {"encounter": "e2"}, holds="encounter")).status_code == 403

    drive(act)


def test_a_user_who_is_nobody_here_is_refused() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url())
        for user in ("Practitioner/d9", "Patient/p9", "Device/x", "d1", ""):
            assert (await browser.submit(page, {"user": user}, holds="user")).status_code == 403

    drive(act)


def test_a_patient_is_his_own_patient_and_nobody_elses() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()), "Patient/p2")
        assert heading(page).startswith("Choose the encounter")
        forged = await browser.submit(page, {"patient": "p1", "encounter": "none"}, holds="encounter")
        token = (await world.token(await allow(browser, forged))).json()
        assert token["patient"] == "p2"
        assert await world.read(token["access_token"]) == 404

    drive(act)


def test_a_patient_cannot_answer_a_launch_for_another_patient() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url(launch=await world.launch(patient="p1"), scope="launch patient/*.rs"))
        assert "Patient/p2" not in page.text
        assert (await browser.submit(page, {"user": "Patient/p2"}, holds="user")).status_code == 403
        assert heading(await signed_in(browser, page, "Patient/p1")) == "Allow The app?"

    drive(act)


def test_a_launch_for_one_user_is_answered_by_no_other_even_one_who_is_signed_in() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()), "Practitioner/d2")
        launch = await world.launch(patient="p1", user="Practitioner/d1")
        page = await browser.open(world.url(launch=launch, scope="launch patient/Patient.rs"))
        assert heading(page).startswith("Sign in")
        assert "Practitioner/d2" not in page.text
        assert (await browser.submit(page, {"user": "Practitioner/d2"}, holds="user")).status_code == 403
        assert heading(await signed_in(browser, page)) == "Allow The app?"

    drive(act)


def test_a_launch_that_brings_the_patient_needs_no_picker() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        launch = await world.launch(patient="p1", encounter="e1", user="Practitioner/d1", intent="review", tenant="t1")
        page = await consent_page(world, browser, launch=launch, scope="launch openid fhirUser patient/Patient.rs")
        token = (await world.token(await allow(browser, page))).json()
        assert (token["patient"], token["encounter"], token["intent"], token["tenant"]) == ("p1", "e1", "review", "t1")

    drive(act)


def test_a_launch_is_used_up_by_one_request() -> None:
    async def act(world: World) -> None:
        browser, launch = world.browser(), await world.launch(patient="p1")
        assert heading(await browser.open(world.url(launch=launch))).startswith("Sign in")
        assert back(await browser.open(world.url(launch=launch)))["error"] == "invalid_request"

    drive(act)
