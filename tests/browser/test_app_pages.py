"""What a person sees: in by link or launch, the outputs, and a confirmation that only a practitioner gives."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Sandbox

pytestmark = pytest.mark.browser

BRYANT = "f6336e67-2d11-3bab-603a-825e2cb5c72a"
HEATHER = "25e132aa-9e26-ffd3-a046-ab1b2ec5dc70"
QUINN = "1ab2cf94-6e8e-e18f-b83b-a0e36b8e76d7"
PATIENCE = 60_000


def practitioner(sandbox: Sandbox) -> str:
    return next(
        user["reference"] for user in sandbox.listed()["users"] if user["reference"].startswith("Practitioner/")
    )


def launched(page: Page, sandbox: Sandbox, patient: str, *, user: str | None = None) -> None:
    page.goto(sandbox.launch(patient, user=user))
    expect(page.locator("article").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("status")).to_have_count(0, timeout=PATIENCE)


def test_without_a_session_no_page_shows_anything(page: Page, sandbox: Sandbox) -> None:
    answer = page.goto(f"{sandbox.app}/")
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_role("heading", level=1)).to_have_text("Please sign in")


def test_the_one_time_link_opens_the_pages_once(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.enter)
    expect(page.get_by_role("heading", level=1)).to_have_text("Patients and outputs")
    page.context.clear_cookies()
    answer = page.goto(sandbox.enter)
    assert answer is not None
    assert answer.status >= 400


@pytest.mark.whole
def test_a_launch_crosses_from_the_ehrs_site_to_the_gateways_and_shows_the_patient(
    page: Page, sandbox: Sandbox
) -> None:
    launched(page, sandbox, BRYANT)
    assert page.url.startswith(f"{sandbox.app}/app?launch=")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Reilly981"))
    expect(page.get_by_role("region", name="Patient", exact=True)).to_contain_text(f"Patient/{BRYANT}")
    assert page.locator("article").count() >= 3


@pytest.mark.whole
def test_the_session_cookie_is_secure_and_out_of_reach_of_scripts(page: Page, sandbox: Sandbox) -> None:
    launched(page, sandbox, BRYANT)
    (cookie,) = (each for each in page.context.cookies() if each["name"].startswith("__Host-chartgate-session-"))
    assert (cookie["domain"], cookie["secure"], cookie["httpOnly"]) == ("localhost", True, True)
    assert "chartgate" not in page.evaluate("document.cookie")


def test_a_launch_without_a_practitioner_offers_no_confirmation(page: Page, sandbox: Sandbox) -> None:
    launched(page, sandbox, HEATHER)
    expect(page.get_by_role("button", name=re.compile("Confirm"))).to_have_count(0)
    expect(page.get_by_text("awaiting confirmation").first).to_be_visible()


def test_a_practitioner_confirms_and_the_note_is_written(page: Page, sandbox: Sandbox) -> None:
    launched(page, sandbox, HEATHER, user=practitioner(sandbox))
    note = page.locator("article").filter(has=page.get_by_role("button", name=re.compile("Confirm"))).first
    note.get_by_label("Reason").fill("Read against the chart and agreed.")
    note.get_by_role("button", name=re.compile("Confirm")).click()
    written = page.get_by_text(re.compile(r"DocumentReference/\S+")).first
    for _ in range(200):
        if written.is_visible():
            break
        page.reload()
    expect(written).to_be_visible()


@pytest.mark.whole
def test_a_form_on_the_ehrs_site_cannot_confirm(page: Page, sandbox: Sandbox) -> None:
    launched(page, sandbox, QUINN, user=practitioner(sandbox))
    action = page.locator("form").first.get_attribute("action")
    page.goto(f"{sandbox.ehr}/launch")
    page.set_content(f'<form method="post" action="{sandbox.app}{action}"><input name="reason" value="x"></form>')
    with page.expect_navigation() as navigation:
        page.evaluate("document.forms[0].submit()")
    assert navigation.value.status == 403


def test_pages_load_nothing_from_anywhere_else(page: Page, sandbox: Sandbox) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    launched(page, sandbox, BRYANT)
    page.get_by_role("link", name="This launch").click()
    assert all(url.startswith((sandbox.app, sandbox.ehr)) for url in asked)


def test_nothing_on_the_pages_fails_in_the_console(page: Page, sandbox: Sandbox) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    launched(page, sandbox, BRYANT)
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_is_no_wider_than_its_window(page: Page, sandbox: Sandbox, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    launched(page, sandbox, BRYANT)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
