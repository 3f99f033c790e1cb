"""The suite signs in at a login page as somebody else's EHR has one: Chromium follows a script, or a person pastes an address.

The sandbox's own pages stand for the vendor's: no launcher is asked, and no sign-in is automatic.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from conformance import CannotRun, report
from conformance.client import REDIRECT, App
from conformance.doors import BrowserDoor, PastedDoor, load_script
from conformance.evidence import Evidence, Exchange, Missing
from conformance.opening import open_session
from conformance.probe import Probe, Wire, open_client
from conformance.report import FORMATS
from tests import web
from tests.browser.conftest import Sandbox
from tests.browser.person import picture
from tests.mutants import tables
from tests.mutants.world import judged, open_ehr

pytestmark = pytest.mark.browser
SCRIPT = """
[[step]]
click = "button:has-text('Sign in')"
[[step]]
click = "input[type=radio][value='{patient}']"
[[step]]
click = "button:has-text('Choose this patient')"
[[step]]
click = "button:has-text('{last}')"
"""


def elsewhere(work: Callable[[], Any]) -> Any:
    """In a thread of its own: in this one Playwright's loop runs, and no other may."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def doing(sandbox: Sandbox, door: Any, work: Callable[[App, Evidence], Awaitable[Any]]) -> Any:
    """The work with a client that was registered at the sandbox, and that door."""

    async def run() -> Any:
        async with open_client(Wire()) as http:
            evidence, patients = Evidence(), [each["id"] for each in sandbox.listed()["patients"][:2]]
            session, missing = await open_session(
                Probe(f"{sandbox.ehr}/fhir", client=http), evidence, None, door=door, patients=patients
            )
            assert missing == []
            assert session.launcher is None
            try:
                return await work(session.client(), evidence)
            finally:
                await door.close()

    return elsewhere(lambda: asyncio.run(run()))


def script(tmp_path: Path, sandbox: Sandbox, last: str = "Allow") -> BrowserDoor:
    file = tmp_path / "login.toml"
    file.write_text(SCRIPT.format(patient=sandbox.listed()["patients"][0]["id"], last=last))
    return BrowserDoor(steps=load_script(file))


def test_a_browser_follows_the_script_to_a_token(sandbox: Sandbox, chromium: str, tmp_path: Path) -> None:
    async def work(app: App, evidence: Evidence) -> tuple[Exchange, Exchange]:
        token = await app.sign_in(scope="launch patient/Patient.rs")
        refused = await app.authorize(
            challenge="x" * 43, scope="launch patient/Patient.rs", changes={"aud": "https://x.example"}
        )
        return token, refused

    token, refused = doing(sandbox, script(tmp_path, sandbox), work)
    assert token.table["patient"] == sandbox.listed()["patients"][0]["id"]
    assert "error" in refused.redirected
    assert "code" not in refused.redirected


def test_what_a_person_denies_comes_back_as_an_error(sandbox: Sandbox, chromium: str, tmp_path: Path) -> None:
    async def work(app: App, evidence: Evidence) -> Exchange:
        return await app.authorize(challenge="x" * 43, scope="launch patient/Patient.rs")

    assert doing(sandbox, script(tmp_path, sandbox, "Deny"), work).redirected["error"] == "access_denied"


def test_a_step_that_does_not_come_up_is_named(
    sandbox: Sandbox, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.doors.PATIENCE", 6.0)
    with pytest.raises(Missing, match=r"step 4 \(click\)"):
        doing(
            sandbox,
            script(tmp_path, sandbox, "No such button"),
            lambda app, _: app.sign_in(scope="launch patient/Patient.rs"),
        )


def test_a_person_pastes_the_address_and_is_not_asked_for_ever(sandbox: Sandbox) -> None:
    asked: list[str] = []

    def paste(address: str) -> str:
        """The person opens the address elsewhere; here the EHR signs in by itself."""
        asked.append(address)
        query = httpx2.URL(address).params
        body = {"client_id": query["client_id"], "automatic": True, "standalone": True, "code_challenge": query["code_challenge"],
                "patient": sandbox.listed()["patients"][0]["id"]}  # fmt: skip
        web.post(f"{sandbox.ehr}/launch", json=body).raise_for_status()
        return f"{web.get(address).headers['location']}\n"

    door = PastedDoor(ask=paste)
    token = doing(sandbox, door, lambda app, _: app.sign_in(scope="launch patient/Patient.rs"))
    assert token.table["access_token"]
    assert len(asked) == 1
    door.times = 99
    with pytest.raises(Missing, match="--login"):
        elsewhere(lambda: asyncio.run(door("http://x/authorize", REDIRECT)))
    ended = elsewhere(lambda: asyncio.run(PastedDoor(ask=lambda address: "\n")("http://x/authorize", REDIRECT)))
    assert (ended.status, ended.redirected) == (400, {})


def test_a_page_where_no_chromium_is_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.doors.CHROMIUM", ("no-such-browser",))
    with pytest.raises(CannotRun, match="Chromium"):
        elsewhere(lambda: asyncio.run(BrowserDoor(steps=())("http://127.0.0.1:9/", REDIRECT)))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with two failures."""
    folder = tmp_path_factory.mktemp("report")
    with open_ehr() as ehr:
        found = elsewhere(lambda: judged(ehr, tables()["takes any verifier"](), suites=("smart",)))
        report.write(found, folder, FORMATS)
    return folder / "conformance.html"


def test_the_page_fits_a_telephone_works_by_keyboard_and_loads_nothing(written: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 400, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written.as_uri())
    assert asked == [written.as_uri()]
    assert page.locator("body").bounding_box()["width"] <= 400  # type: ignore[index]
    assert page.locator("script").count() == 0
    first = page.locator("#suites ~ details").first
    assert first.get_attribute("open") is None
    first.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is not None
    assert page.get_by_text("answered 200 instead of 400 or 401").first.is_visible()
    assert page.get_by_role("img", name="Results by suite").is_visible()
    page.set_viewport_size({"width": 900, "height": 800})
    picture(page, "conformance-report", width=900, height=1300)
    context.close()
