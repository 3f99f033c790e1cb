"""A sandbox in a process of its own, and a real Chromium in front of it: app on ``localhost``, EHR on ``127.0.0.1``.

Chromium serves the folder and is gone after it: while Playwright runs, its thread has a loop and can start no other."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import programs, web
from tests.furnished import furnish

expect.set_options(timeout=60_000)
"""Milliseconds. A machine with three test runs and a JVM on two cores is slow, not wrong."""


@dataclass(frozen=True)
class Sandbox:
    """``app`` and ``ehr`` (the ``spec`` EHR's address) without a final slash; ``enter`` is the one-time link."""

    app: str
    ehr: str
    enter: str

    def launch(self, patient: str, *, user: str | None = None, client_id: str = "chartgate") -> str:
        """The address of an EHR launch, of the gateway unless another app is named, that signs in by itself."""
        body = {"client_id": client_id, "patient": patient, "user": user, "automatic": True}
        asked = {name: value for name, value in body.items() if value is not None}
        return str(web.post(f"{self.ehr}/launch", json=asked).raise_for_status().json()["url"])

    def listed(self) -> Any:
        """The launcher's patients, users, encounters and clients."""
        return web.get(f"{self.ehr}/launch", headers={"Accept": "application/json"}).json()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("cg")
    furnish(directory)
    where = ["--data", str(directory), "--persona", "spec", "--port", "0"]
    with programs.cli("up", *where, "--json", stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            yield Sandbox(app=started["app"], ehr=started["ehr"]["spec"].removesuffix("/fhir"), enter=started["enter"])
        finally:
            process.terminate()
            process.wait(120)


@pytest.fixture(scope="package")
def browsers() -> Iterator[Callable[[str], Browser]]:
    """``browsers(path)`` is the running one of this executable."""
    # Chromium's own sandbox refuses to run as root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    running: dict[str, Browser] = {}
    with sync_playwright() as playwright:

        def of(path: str) -> Browser:
            if path not in running:
                running[path] = playwright.chromium.launch(executable_path=path, args=flags)
            return running[path]

        yield of
        for each in running.values():
            each.close()


@pytest.fixture
def browser(request: pytest.FixtureRequest, browsers: Callable[[str], Browser], shell: str, chromium: str) -> Browser:
    """The headless shell; the whole Chromium for a test that is marked ``whole``, because it is about what one site may do
    to another: what is a third party's, and may have cookies in a frame, is decided above the shell."""
    return browsers(chromium if request.node.get_closest_marker("whole") else shell)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own."""
    context = browser.new_context()
    context.set_default_timeout(90_000)
    yield context.new_page()
    context.close()


@pytest.fixture(params=[True, False], ids=["scripts on", "scripts off"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def person(browser: Browser, scripts: bool) -> Iterator[Page]:
    """A page in a profile of its own, with or without scripts."""
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1000, "height": 800})
    context.set_default_timeout(90_000)
    yield context.new_page()
    context.close()
