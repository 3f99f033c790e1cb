"""The clinician's page in a real browser: inside the EHR's frame on another site, in two tabs, by keyboard, at 400 pixels and
without scripts; and a stranger's app at the same EHR."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.browser import stranger
from tests.browser.conftest import Sandbox
from tests.browser.person import fits, picture
from tests.browser.test_app_pages import BRYANT, HEATHER, PATIENCE, QUINN, practitioner

pytestmark = pytest.mark.browser
CLIFTON, DENIS = "a28e5fb1-cff9-fc90-4d8e-9e37e0761774", "49974bb3-6141-04ff-d7bb-4927d20b2409"
NAMES = {BRYANT: re.compile("Reilly981"), HEATHER: re.compile("Luettgen772"), DENIS: re.compile("Nicolas769")}


def opened(page: Page | FrameLocator) -> None:
    """The models have run."""
    expect(page.locator("article")).to_have_count(3, timeout=PATIENCE)


def waiting(page: Page | FrameLocator) -> Locator:
    return page.locator("article").filter(has=page.get_by_role("button", name=re.compile("^Confirm"))).first


def launched_inside(page: Page, sandbox: Sandbox, patient: str) -> FrameLocator:
    """A launch from the launcher's own page into a frame of it."""
    page.goto(f"{sandbox.ehr}/launch")
    page.get_by_label("App", exact=True).select_option(value="chartgate")
    page.get_by_label("Patient", exact=True).select_option(value=patient)
    page.get_by_label("User", exact=True).select_option(value=practitioner(sandbox))
    page.get_by_role("radio", name=re.compile("Automatic")).check()
    page.get_by_role("checkbox", name=re.compile("Inside this EHR's page")).check()
    page.get_by_role("button", name="Launch", exact=True).click()
    return page.frame_locator("iframe")


@pytest.mark.whole
def test_a_clinician_confirms_inside_the_ehrs_frame_and_finds_it_in_the_chart(
    person: Page, sandbox: Sandbox, scripts: bool
) -> None:
    patient = HEATHER if scripts else DENIS
    frame = launched_inside(person, sandbox, patient)
    opened(frame)
    assert person.url.startswith(sandbox.ehr)
    assert {each.url.split("/")[2] for each in person.frames} == {sandbox.ehr.split("/")[2], sandbox.app.split("/")[2]}
    expect(frame.get_by_role("heading", level=1)).to_have_text(NAMES[patient])
    picture(person, "app-in-ehr", width=1000, height=800)
    card = waiting(frame)
    card.get_by_label("Reason").fill("Read against the chart and agreed.")
    card.get_by_role("button", name=re.compile("^Confirm")).click()
    expect(frame.get_by_role("status")).to_contain_text("Confirmed", timeout=PATIENCE)
    written = frame.get_by_text(re.compile(r"DocumentReference/\S+")).first
    expect(written).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_text("It stands in the chart.")).to_have_count(3)
    person.goto(f"{sandbox.ehr}/patients/{patient}")
    if person.get_by_role("heading", level=1).inner_text().startswith("Sign in"):
        person.get_by_role("button", name="Sign in").click()
    models = person.get_by_role("region", name="Written by models")
    expect(models.get_by_text(re.compile("Chart summary")).first).to_be_visible()


@pytest.mark.whole
def test_a_page_of_nobody_registered_cannot_frame_it(page: Page, sandbox: Sandbox) -> None:
    url = sandbox.launch(HEATHER)
    page.route(
        "http://localhost:9/",
        lambda route: route.fulfill(body=f'<iframe src="{url}"></iframe>', content_type="text/html"),
    )
    page.goto("http://localhost:9/")
    for _ in range(1000):
        if page.frames[1].url.startswith("chrome-error:"):
            break
        page.wait_for_timeout(50)
    assert page.frames[1].url == "chrome-error://chromewebdata/"


def test_two_tabs_have_two_patients_and_neither_takes_the_others_place(browser: Browser, sandbox: Sandbox) -> None:
    context = browser.new_context()
    one, other = context.new_page(), context.new_page()
    user = practitioner(sandbox)
    one.goto(sandbox.launch(BRYANT, user=user), wait_until="commit")
    other.goto(sandbox.launch(QUINN, user=user), wait_until="commit")
    opened(one)
    opened(other)
    names = [each.get_by_role("heading", level=1).inner_text() for each in (one, other)]
    for page in (one, other):
        page.reload()
    assert [each.get_by_role("heading", level=1).inner_text() for each in (one, other)] == names
    assert len(set(names)) == 2
    card = waiting(one)
    card.get_by_label("Reason").fill("Not this one.")
    card.get_by_role("button", name="Reject").click()
    expect(one.get_by_role("status")).to_contain_text("Rejected")
    expect(one.get_by_role("heading", level=1)).to_have_text(names[0])
    other.get_by_role("link", name=names[0]).click()
    expect(other.get_by_role("heading", level=1)).to_have_text(names[0])
    expect(other.get_by_text("Not this one.")).to_be_visible()
    context.close()


def test_it_is_used_by_keyboard_alone_and_fits_four_hundred_pixels(page: Page, sandbox: Sandbox) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(sandbox.launch(CLIFTON, user=practitioner(sandbox)))
    opened(page)
    picture(page, "app-narrow", width=400, height=800)
    for part in page.locator("details > summary").all():
        part.press("Enter")
    fits(page)
    expect(page.get_by_text(re.compile(r"/_history/\d+")).first).to_be_visible()
    card = waiting(page)
    card.get_by_label("Reason").press_sequentially("Agreed.")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Reject"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Confirmed", timeout=PATIENCE)


def test_what_a_screen_reader_is_told(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.launch(BRYANT, user=practitioner(sandbox)))
    opened(page)
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Record number")
    named = page.get_by_role("article", name=re.compile("^10-year cardiovascular risk"))
    expect(named.get_by_role("link", name=re.compile("^Model card of 10-year"))).to_be_visible()
    unnamed = "[...document.querySelectorAll('input, select, textarea')].filter(e => !e.labels.length).length"
    assert page.evaluate(unnamed) == 0
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    named.get_by_role("link", name=re.compile("^Model card")).click()
    expect(page.get_by_role("heading", name="Developer")).to_be_visible()
    picture(page, "model-card", width=760, height=720)
    page.get_by_role("link", name="Back to the patient").click()
    opened(page)


def test_signing_out_ends_it_and_the_way_back_shows_nobody(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.launch(BRYANT))
    opened(page)
    expect(page.get_by_role("button", name=re.compile("^Confirm"))).to_have_count(0)
    expect(page.get_by_text("without a validated identity")).to_be_visible()
    address = page.url
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Please sign in")


@pytest.fixture(scope="module")
def strange(sandbox: Sandbox) -> Iterator[str]:
    with stranger.serving(sandbox.ehr) as client_id:
        yield client_id


def test_an_app_by_a_strangers_library_launches_reads_and_knows_who_launched(
    page: Page, sandbox: Sandbox, strange: str
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    user = practitioner(sandbox)
    page.goto(sandbox.launch(BRYANT, user=user, client_id=strange))
    expect(page.get_by_role("heading", level=1)).to_have_text(NAMES[BRYANT], timeout=PATIENCE)
    expect(page.locator("#user")).to_have_text(re.compile(f"{user}$"))
    expect(page.locator("#seen")).to_have_text("60 observations")
    assert complaints == []
