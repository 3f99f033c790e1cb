"""With only a browser, scripts on and off: launch, pick, untick, allow, see the grant, revoke it."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App, running
from tests.browser.conftest import Sandbox
from tests.browser.person import fits, heading, picture, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(sandbox: Sandbox) -> Iterator[App]:
    with running(sandbox.ehr) as started:
        yield started


def test_a_person_launches_picks_unticks_allows_sees_and_revokes(person: Page, sandbox: Sandbox, app: App) -> None:
    listed = sandbox.listed()
    open_one = listed["encounters"][0]
    name = next(each["name"] for each in listed["patients"] if each["id"] == open_one["patient"])
    person.goto(f"{sandbox.ehr}/launch?client_id={app.client_id}")
    heading(person, "Launch an app from this EHR")
    expect(person.get_by_label("App", exact=True)).to_have_value(app.client_id)
    picture(person, "launcher")
    fits(person)
    person.get_by_role("button", name="Launch", exact=True).click()
    picture(person, "sign-in")
    fits(person)
    sign_in(person)
    heading(person, "Choose the patient for Growth chart")
    fits(person)
    picture(person, "patient")
    person.get_by_label("Find a patient by name").fill(name.split()[-1])
    person.get_by_role("button", name="Find").click()
    person.get_by_role("radio", name=re.compile(re.escape(name))).check()
    person.get_by_role("button", name="Choose this patient").click()
    heading(person, "Choose the encounter for Growth chart")
    fits(person)
    person.locator(f'input[value="{open_one["id"]}"]').check()
    person.get_by_role("button", name="Choose", exact=True).click()
    heading(person, "Allow Growth chart?")
    fits(person)
    expect(person.get_by_role("definition").filter(has_text=name)).to_be_visible()
    person.get_by_role("checkbox", name="patient/Condition.rs").uncheck()
    picture(person, "consent", height=860)
    picture(person, "consent-narrow", width=400, height=1240)
    person.get_by_role("button", name="Allow").click()
    expect(person.get_by_role("heading")).to_have_text("Back in the app")
    token = app.token()
    assert "patient/Condition.rs" not in token["scope"].split()
    assert {"patient/Observation.rs", "launch/encounter"} <= set(token["scope"].split())
    assert (token["patient"], token["encounter"]) == (open_one["patient"], open_one["id"])
    bearer, patient = token["access_token"], token["patient"]
    assert app.read(bearer, f"Patient/{patient}") == 200
    assert app.read(bearer, f"Condition?patient={patient}") == 403
    person.goto(f"{sandbox.ehr}/auth/manage")
    heading(person, "Apps you allowed")
    fits(person)
    picture(person, "manage")
    person.get_by_role("button", name=re.compile("Revoke Growth chart")).first.click()
    expect(person.get_by_role("status")).to_contain_text("Revoked")
    assert app.read(bearer, f"Patient/{patient}") == 401


def test_granular_scopes_are_read_in_words_and_allowed_alone(person: Page, sandbox: Sandbox) -> None:
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    granular = [f"patient/Observation.rs?category={category}|{code}" for code in ("laboratory", "vital-signs")]
    with running(sandbox.ehr) as app:
        app.scope = " ".join(["launch/patient", "patient/Observation.rs", *granular])
        person.goto(app.authorize_url())
        sign_in(person)
        person.get_by_role("radio").first.check()
        person.get_by_role("button", name="Choose this patient").click()
        heading(person, "Allow Growth chart?")
        for width in (360, 1280):
            fits(person, width)
            picture(person, f"consent-granular-{width}", width=width, height=1000)
        laboratory = person.get_by_role("checkbox", name="laboratory results of this patient")
        expect(laboratory).to_be_checked()
        expect(person.get_by_text("part of a broader one")).to_have_count(2)
        person.get_by_role("checkbox", name="observations (vital signs").uncheck()
        person.get_by_role("checkbox", name="Read and search vital signs of this patient").uncheck()
        person.get_by_role("button", name="Allow").click()
        expect(person.get_by_role("heading")).to_have_text("Back in the app")
        token = app.token()
        assert token["scope"].split() == ["launch/patient", granular[0]]
        assert app.read(token["access_token"], f"Observation?patient={token['patient']}") == 200
        assert app.read(token["access_token"], f"Patient/{token['patient']}") == 403


def test_deny_takes_the_person_back_without_a_code(person: Page, app: App) -> None:
    person.goto(app.authorize_url())
    person.get_by_role("button", name=re.compile("Cancel")).click()
    expect(person.get_by_role("heading")).to_have_text("Back in the app")
    assert app.answers[-1]["error"] == "access_denied"
    assert app.answers[-1]["iss"] == app.ehr
    assert "code" not in app.answers[-1]


def test_who_is_signed_in_already_is_asked_again(person: Page, app: App, sandbox: Sandbox) -> None:
    person.goto(app.authorize_url())
    sign_in(person)
    heading(person, re.compile("Choose the patient"))
    person.goto(app.authorize_url())
    heading(person, re.compile("Choose the patient"))
    cookie = next(each for each in person.context.cookies() if each["name"].startswith("__Host-"))
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    person.get_by_role("button", name="Sign out").click()
    heading(person, re.compile("^Sign in"))


def test_a_patient_signs_in_for_himself(person: Page, app: App, sandbox: Sandbox) -> None:
    patient = sandbox.listed()["patients"][0]["id"]
    person.goto(app.authorize_url())
    sign_in(person, f"Patient/{patient}")
    heading(person, re.compile("Choose the encounter"))
    person.get_by_role("radio", name=re.compile("No encounter")).check()
    person.get_by_role("button", name="Choose", exact=True).click()
    person.get_by_role("button", name="Allow").click()
    expect(person.get_by_role("heading")).to_have_text("Back in the app")
    token = app.token()
    assert token["patient"] == patient
    assert "encounter" not in token
    assert "launch/encounter" not in token["scope"].split()


@pytest.mark.whole
def test_a_post_from_the_apps_site_ends_on_a_page(page: Page, app: App) -> None:
    """SMART wants authorize to take a POST from anywhere; it never grants by itself."""
    page.goto(app.authorize_url())
    sign_in(page)
    page.goto(f"{app.url}/")
    address, _, query = app.authorize_url().partition("?")
    page.set_content(
        f'<form method="post" action="{address}">'
        + "".join(f'<input name="{name}" value="{value}">' for name, value in httpx2.QueryParams(query).multi_items())
        + "</form>"
    )
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")
    heading(page, re.compile("Choose the patient"))


def test_the_launcher_keeps_its_choices_in_the_address(person: Page, sandbox: Sandbox, app: App) -> None:
    person.goto(f"{sandbox.ehr}/launch")
    person.get_by_label("App", exact=True).select_option(value=app.client_id)
    person.get_by_label("Intent").fill("order-review")
    person.get_by_label(re.compile("Automatic")).check()
    person.locator("summary").first.click()
    person.locator("[name=fault-authorize-access-denied]").check()
    person.get_by_role("button", name=re.compile("in the address")).click()
    shared = person.url
    assert "intent=order-review" in shared
    person.goto("about:blank")
    person.goto(shared)
    expect(person.get_by_label("Intent")).to_have_value("order-review")
    expect(person.locator("[name=fault-authorize-access-denied]")).to_be_checked()
    person.get_by_role("button", name="Launch", exact=True).click()
    expect(person.get_by_role("heading")).to_have_text("Back in the app")
    assert app.answers[-1]["error"] == "access_denied"


def test_every_control_can_be_reached_by_keyboard_and_has_a_name(page: Page, app: App) -> None:
    page.goto(app.authorize_url())
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    sign_in(page)
    heading(page, re.compile("Choose the patient"))
    names = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]),select,button')].map(e => (e.labels && e.labels.length"
        " ? e.labels[0].innerText : e.innerText).trim())"
    )
    assert names
    assert all(names)
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    heading(page, re.compile("Choose the encounter"))


def test_the_pages_break_no_rule_of_their_own_policy(page: Page, app: App, sandbox: Sandbox) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.text} {message.location['url']}"))
    page.goto(f"{sandbox.ehr}/launch?client_id={app.client_id}")
    page.get_by_role("button", name="Launch", exact=True).click()
    sign_in(page)
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Choose this patient").click()
    page.get_by_role("radio").last.check()
    page.get_by_role("button", name="Choose", exact=True).click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading")).to_have_text("Back in the app")
    assert [text for text in complaints if "favicon.ico" not in text] == []


@pytest.mark.parametrize("kind", ["ehr", "standalone"])
def test_the_gateway_itself_is_launched_by_hand(person: Page, sandbox: Sandbox, kind: str) -> None:
    """Across both sites and back: every redirect on the way is one that the pages' own policy lets through."""
    open_one = sandbox.listed()["encounters"][0]
    person.goto(f"{sandbox.ehr}/launch?client_id=chartgate&kind={kind}&encounter={open_one['id']}")
    person.get_by_role("button", name="Launch", exact=True).click()
    sign_in(person)
    if kind == "standalone":
        heading(person, "Choose the patient for Chartgate")
        person.locator(f'input[value="{open_one["patient"]}"]').check()
        person.get_by_role("button", name="Choose this patient").click()
    heading(person, "Allow Chartgate?")
    person.get_by_role("button", name="Allow").click()
    expect(person.locator("main")).to_contain_text(f"Patient/{open_one['patient']}")  # by name once the chart is read
    assert person.url.startswith(f"{sandbox.app}/app?launch=")
