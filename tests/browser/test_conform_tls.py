"""The browser of ``conform --login`` trusts the authorities of ``--tls-ca``, and nobody else."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conformance.doors import BrowserDoor, Step
from conformance.evidence import Exchange, Missing
from conformance.probe import Wire
from tests.flow.test_vouching import Authority, serving

pytestmark = pytest.mark.browser
BACK = "http://localhost:1/callback"
CLICK = (Step(does="click", selector="a"),)


def elsewhere(work: Coroutine[Any, Any, Exchange]) -> Exchange:
    """In a thread of its own: where Playwright's loop runs, no other may."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def signed_in(folder: Path, *, trusted: str, shown: str) -> Exchange:
    """What comes of a sign-in at a server whose certificate is of one authority, where another may be trusted."""
    authorities = {each: Authority(folder, each) for each in {trusted, shown}}
    door = BrowserDoor(steps=CLICK, wire=Wire(ca=authorities[trusted].file))
    async with serving(authorities[shown].server(), then=f"{BACK}?code=c") as port:
        try:
            return await door(f"https://localhost:{port}/authorize", BACK)
        finally:
            await door.close()


def test_a_login_page_of_the_named_authority_is_opened_and_left_by_the_redirect(chromium: str, tmp_path: Path) -> None:
    found = elsewhere(signed_in(tmp_path, trusted="known", shown="known"))
    assert (found.status, found.headers["location"]) == (302, f"{BACK}?code=c")


def test_one_of_another_authority_is_not_opened(chromium: str, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="the browser could not open it"):
        elsewhere(signed_in(tmp_path, trusted="known", shown="other"))
