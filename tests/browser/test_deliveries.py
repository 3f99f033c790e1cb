"""The pages of deliveries in a real Chromium: an engineer reads a dead letter and sends it again; without scripts too."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.served import Site, serving
from tests.browser.test_sign_in import fits, heading, picture
from tests.flow.delivery_world import ChartEhr, World
from tests.flow.test_deliveries_api import minute_ago, refusing
from writeback import recall


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site"), ChartEhr(), fill) as made:
        yield made


async def fill(world: World) -> None:
    """Some that went well, two dead letters."""
    key = await world.key("outputs.write")
    for n in range(3):
        await world.submit(key, patient=f"Patient/p{1 + n % 2}", version="2.0.0", as_of=minute_ago())
    await world.settle()
    world.ehr.fault = refusing
    for n in range(2):
        await world.submit(key, patient=f"Patient/p{1 + n}")
    await world.settle()
    world.ehr.fault = lambda method, path: None


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def person(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 1000, "height": 800})
    yield context.new_page()
    context.close()


def test_without_a_session_nothing_is_shown(person: Page, site: Site) -> None:
    for path in ("/deliveries", "/deliveries/x"):
        person.goto(f"{site.url}{path}")
        heading(person, "Please sign in")


def test_an_engineer_finds_a_dead_letter_reads_it_and_sends_it_again(person: Page, site: Site) -> None:
    site.enter(person)
    person.get_by_role("link", name="Deliveries").click()
    heading(person, "Deliveries")
    picture(person, "deliveries", width=1000, height=620)
    picture(person, "deliveries-narrow", width=400, height=900)
    person.set_viewport_size({"width": 1000, "height": 800})
    person.get_by_label("State").select_option(label="dead letters")
    person.get_by_role("button", name="Show").click()
    rows = person.locator("tbody tr")
    expect(rows.filter(has_text="RiskAssessment").first).to_contain_text("422")
    before = rows.filter(has_text="rejected").count()
    rows.filter(has_text="rejected").first.get_by_role("link").click()
    heading(person, "RiskAssessment to spec")
    expect(person.locator("main")).to_contain_text("business-rule/59189")
    expect(person.locator("main")).not_to_contain_text("Mustermann")
    picture(person, "delivery", width=1000, height=900)
    person.get_by_role("button", name="Send again").click()
    heading(person, "RiskAssessment to spec")
    expect(person.locator("main")).to_contain_text("sent again by a person")
    expect(person.get_by_role("button", name="Send again")).to_have_count(0)
    site.do(site.world.settle())
    person.reload()
    expect(person.locator("dd .state").first).to_have_text("delivered")
    person.goto(f"{site.url}/deliveries?state=dead-letter")
    assert person.locator("tbody tr").filter(has_text="rejected").count() == before - 1


def test_a_clinician_accepts_what_stands_in_the_chart(person: Page, site: Site) -> None:
    world = site.world
    id = site.do(world.submit(site.do(world.key("outputs.write"))))["id"]
    site.do(world.settle())
    cookie = site.do(world.clinician())["cookie"].partition("=")[2]
    person.context.add_cookies(
        [{"name": "chartgate_session", "value": cookie, "url": site.url, "secure": True, "httpOnly": True}]
    )
    person.goto(f"{site.url}/outputs/{id}")
    fits(person)
    picture(person, "amend", width=900, height=620)
    person.get_by_text("Change what stands in the chart").click()
    person.get_by_label("What stands in the chart").select_option(value="final")
    person.get_by_label(re.compile("Reason")).fill("Read against the chart.")
    person.get_by_role("button", name="Change it in the chart").click()
    expect(person.get_by_role("heading", name="Changed since it was written")).to_be_visible()
    site.do(world.settle())
    person.reload()
    expect(person.locator("table").last).to_contain_text("delivered")
    expect(person.get_by_role("link", name="Deliveries")).to_have_count(0)
    person.goto(f"{site.url}/deliveries")
    heading(person, "Not for this launch")


def test_every_page_fits_a_narrow_window_and_its_controls_have_names(page: Page, site: Site) -> None:
    site.enter(page)
    page.goto(f"{site.url}/deliveries")
    fits(page)
    names = page.evaluate(
        "[...document.querySelectorAll('select,button,input')].map(e => (e.labels && e.labels[0] || e).innerText.trim())"
    )
    assert all(names)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("link", name=re.compile("^RiskAssessment")).first.focus()
    page.keyboard.press("Enter")
    heading(page, re.compile("RiskAssessment to spec"))
    fits(page)


def test_the_pages_break_no_rule_of_their_own_policy(page: Page, site: Site) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    site.enter(page)
    page.goto(f"{site.url}/deliveries")
    page.get_by_role("link", name=re.compile("^RiskAssessment")).first.click()
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


@pytest.mark.whole
def test_a_form_from_another_site_sends_nothing(page: Page, site: Site, tmp_path: Path) -> None:
    site.enter(page)
    page.goto(f"{site.url}/deliveries")
    page.get_by_role("link", name=re.compile("^RiskAssessment")).first.click()
    address = page.url
    foreign = tmp_path / "foreign.html"
    foreign.write_text(f'<form method="post" action="{address}/resend"><button>Go</button></form>')
    page.goto(f"file://{foreign}")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Refused|Please sign in"))


def test_a_recall_is_read_at_phone_width_and_by_keyboard(person: Page, site: Site) -> None:
    def recalled(connection: Any, now: float) -> Any:
        reason = "أوزان الموقع الخطأ: " + "Gewichtungsverwechslung" * 12
        return recall.start(connection, now, id="r1", model="echo", version="9.9.9", reason=reason, by="test")

    site.enter(person)
    site.do(site.world.gateway.run(recalled))
    person.goto(f"{site.url}/recalls")
    fits(person, 360)
    person.get_by_role("link", name="echo 9.9.9").focus()
    person.keyboard.press("Enter")
    heading(person, "Recall of echo 9.9.9")
    fits(person, 360)
