"""The pages of declared sites in a real Chromium: what is live, what is red and what to do about it, what differs elsewhere."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import behaves, heading, picture
from tests.browser.served import Site, serving
from tests.flow.delivery_world import ChartEhr, World
from tests.flow.test_sites import EXAMPLES


async def nothing(world: World) -> None:
    """The sites are declared in the folder; no output is needed."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sites")
    for name in ("lakeside", "riverside"):
        shutil.copytree(EXAMPLES / name, folder / "sites" / name)
    with serving(folder, ChartEhr(), nothing) as made:
        yield made


def test_from_the_sites_to_one_and_to_what_differs_elsewhere(person: Page, site: Site) -> None:
    person.goto(f"{site.url}/sites")
    heading(person, "Please sign in")
    site.enter(person)
    person.get_by_role("link", name="Sites").click()
    heading(person, "Sites")
    person.get_by_role("link", name="Lakeside").first.focus()
    person.keyboard.press("Enter")
    heading(person, "Lakeside Medical Center (example) not ready")
    expect(person.locator("main")).to_contain_text("Shadow period")
    picture(person, "site", width=1000, height=1300)
    picture(person, "site-narrow", width=400, height=1300)
    person.get_by_role("link", name="riverside").first.click()
    expect(person.get_by_role("heading", name="What differs from riverside")).to_be_visible()
    expect(person.get_by_role("table").first.locator("tbody tr").first).to_contain_text("site.id")


@pytest.mark.parametrize("path", ["/sites", "/sites/lakeside", "/sites/lakeside?with=riverside"])
def test_the_pages_fit_a_narrow_window_and_break_no_rule_of_their_own(page: Page, site: Site, path: str) -> None:
    site.enter(page)
    behaves(page, f"{site.url}{path}")
