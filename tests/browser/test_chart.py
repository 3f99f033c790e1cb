"""In a real browser, scripts on and off, wide and narrow: patients, a chart with plots, and the log of an app's refusals."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.app import App, running
from tests.browser.conftest import Sandbox
from tests.browser.person import fits, heading, picture, sign_in

pytestmark = pytest.mark.browser

BRYANT = "f6336e67-2d11-3bab-603a-825e2cb5c72a"


@pytest.fixture(scope="module")
def app(sandbox: Sandbox) -> Iterator[App]:
    with running(sandbox.ehr) as started:
        yield started


@pytest.fixture(scope="module")
def scored(sandbox: Sandbox, browsers: Callable[[str], Browser], shell: str) -> None:
    """The models have written into the chart."""
    page = browsers(shell).new_page()
    page.goto(sandbox.launch(BRYANT))
    expect(page.locator("article")).to_have_count(3, timeout=60_000)
    expect(page.get_by_text("RiskAssessment/").first).to_be_visible(timeout=60_000)
    page.close()


def listen(page: Page) -> list[str]:
    """What the browser complains about."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.text} {message.location['url']}"))
    return complaints


def test_a_clinician_finds_a_patient_and_reads_the_chart(person: Page, sandbox: Sandbox, scored: None) -> None:
    complaints = listen(person)
    person.goto(f"{sandbox.ehr}/patients")
    sign_in(person)
    heading(person, "Patients")
    fits(person)
    person.get_by_label("Find a patient by name").fill("Reilly")
    person.get_by_role("button", name="Find").click()
    person.get_by_role("link", name=re.compile("Bryant")).click()
    heading(person, re.compile("Bryant"))
    models = person.get_by_role("region", name="Written by models")
    expect(models.get_by_text("AIAST").first).to_be_visible()
    expect(models.get_by_text(re.compile("Author: 10-year cardiovascular risk"))).to_be_visible()
    expect(models.get_by_text(re.compile("Provenance/")).first).to_be_visible()
    plot = person.get_by_role("img", name=re.compile("^Heart rate"))
    expect(plot).to_be_visible()
    expect(plot).to_have_accessible_description(re.compile(r"Heart rate from \d+ to \d+ /min, .* values\."))
    fits(person)
    person.get_by_role("link", name="Trends").click()
    picture(person, "chart", width=1000, height=900)
    person.get_by_role("link", name="All observations").click()
    heading(person, re.compile("^Observations of Bryant"))
    fits(person)
    person.get_by_role("link", name="Older ones").click()
    person.get_by_role("link", name="Laboratory").click()
    expect(person.get_by_role("table")).to_be_visible()
    assert [text for text in complaints if "favicon.ico" not in text] == []


def test_the_log_says_what_the_app_did_and_why_it_was_refused(
    person: Page, sandbox: Sandbox, app: App, scripts: bool
) -> None:
    app.scope = "launch/patient patient/Patient.rs"
    person.goto(app.authorize_url())
    sign_in(person)
    person.get_by_role("radio").first.check()
    person.get_by_role("button", name="Choose this patient").click()
    person.get_by_role("button", name="Allow").click()
    expect(person.get_by_role("heading")).to_have_text("Back in the app")
    complaints = listen(person)
    person.goto(f"{sandbox.ehr}/log")
    heading(person, "What apps just did here")
    token, type = app.token(), "CarePlan" if scripts else "CareTeam"
    expect(person.get_by_text(f"{type}?patient")).to_have_count(0)
    assert app.read(token["access_token"], f"{type}?patient={token['patient']}") == 403
    refused = person.get_by_role("row").filter(has_text=f"{type}?patient").first
    expect(refused).to_contain_text("refused: forbidden")  # by its own script, or by loading itself again
    expect(refused).to_contain_text(f"needs patient/{type}.s")
    expect(refused).to_contain_text(f"granted: none for {type}")
    expect(refused).to_contain_text("Growth chart")
    picture(person, "log", width=1000, height=760)
    fits(person)
    person.get_by_label("Refusals only").check()
    person.get_by_role("button", name="Show").click()
    expect(person.get_by_text("allowed", exact=True)).to_have_count(0)
    person.get_by_role("link", name="Hold it still").click()
    person.get_by_role("link", name="Older: the audit log").click()
    heading(person, "Audit log")
    fits(person)
    assert [text for text in complaints if "favicon.ico" not in text] == []


def test_every_table_scrolls_by_keyboard_and_every_part_has_a_name(page: Page, sandbox: Sandbox, scored: None) -> None:
    page.goto(f"{sandbox.ehr}/patients/{BRYANT}")
    sign_in(page)
    heading(page, re.compile("Bryant"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('table')].filter(e => !e.caption || !e.closest('[tabindex=\"0\"][aria-label]')).length"
        " + [...document.querySelectorAll('main section')].filter(e => !e.hasAttribute('aria-label') && !e.hasAttribute("
        "'aria-labelledby')).length + document.querySelectorAll('th:not([scope])').length"
    )
    assert unnamed == 0
    assert page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size === document.querySelectorAll('[id]').length"
    )
    assert page.locator("h1").count() == 1
