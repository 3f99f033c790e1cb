"""The pages of fidelity in a real Chromium: from the feed to the feature to its days, and a feed by code; without scripts too."""

import json
import re
from collections.abc import Iterator

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect

from fidelity.document import document
from fidelity.profile import Profile, settings_of
from gateway.feeds import kept_profiles
from r4 import codec
from sandbox.seed import load, messy
from tests.browser.person import fits, heading, picture
from tests.browser.served import Site, serving
from tests.flow.delivery_world import ChartEhr, World
from tests.flow.fidelity_rows import DAY, fortnight


def feed(rate: float, *, without: str = ""):
    resources = [
        orjson.loads(codec.format(each))
        for each in messy.degrade(list(load.resources())[::2], messy.Messiness(rate=rate), arrived=1.78e9)
    ]
    kept = [each for each in resources if not without or without not in str(each.get("code"))]
    visits = dict(found for each in kept if (found := settings_of(each)))
    return json.loads(json.dumps(document(Profile().add(kept, visits))))


async def fill(world: World) -> None:
    """A fortnight of charts, and a feed that changed since yesterday."""
    await world.gateway.run(fortnight)
    before, after = feed(0.0), feed(0.4, without="8867-4")
    await world.gateway.run(lambda c, now: kept_profiles.keep(c, now - DAY, {"feed": "spec", "document": before}))
    await world.gateway.run(lambda c, now: kept_profiles.keep(c, now, {"feed": "spec", "document": after}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("fidelity"), ChartEhr(), fill) as made:
        yield made


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def person(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 1000, "height": 800})
    yield context.new_page()
    context.close()


def test_from_the_feed_to_the_feature_to_its_days(person: Page, site: Site) -> None:
    person.goto(f"{site.url}/fidelity")
    heading(person, "Please sign in")
    site.enter(person)
    person.get_by_role("link", name="Fidelity").click()
    heading(person, "Fidelity")
    picture(person, "fidelity", width=1000, height=900)
    picture(person, "fidelity-narrow", width=400, height=1000)
    person.set_viewport_size({"width": 1000, "height": 800})
    person.get_by_label("EHR").select_option(label="spec")
    person.get_by_role("button", name="Show").click()
    rows = person.locator("section", has_text="By model feature").locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.filter(has_text="mass").get_by_role("link").click()
    expect(person.get_by_role("heading", name="mass, day by day")).to_be_visible()
    expect(person.locator("main")).not_to_contain_text("Patient/")


def test_a_feed_by_code_with_what_vanished_first(person: Page, site: Site) -> None:
    site.enter(person)
    person.goto(f"{site.url}/fidelity")
    person.get_by_role("link", name=re.compile("^profile of")).click()
    heading(person, re.compile("^spec, "))
    first = person.locator("tbody tr").filter(has_text="8867-4")
    expect(first).to_contain_text("vanished")
    picture(person, "fidelity-codes", width=1000, height=900)
    fits(person)


def test_the_pages_fit_a_narrow_window_work_by_keyboard_and_break_no_rule(page: Page, site: Site) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    site.enter(page)
    for path in ("/fidelity", "/fidelity?ehr=spec&feature=mass", "/fidelity/codes?feed=spec"):
        page.goto(f"{site.url}{path}")
        fits(page)
        assert page.locator("svg").count() == page.locator("svg[role=img][aria-label]").count() > 0
    page.goto(f"{site.url}/fidelity")
    names = page.evaluate(
        "[...document.querySelectorAll('select,button,input')].map(e => (e.labels && e.labels[0] || e).innerText.trim())"
    )
    assert all(names)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("link", name=re.compile("^profile of")).focus()
    page.keyboard.press("Enter")
    heading(page, re.compile("^spec, "))
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
