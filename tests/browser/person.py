"""What a person does and sees on any page of an EHR."""

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pictures import shrink

IMAGES = os.environ.get("CHARTGATE_SCREENSHOTS")
"""A folder: then pictures of the pages are saved there. ``CHARTGATE_SCREENSHOTS=docs/images`` renews the documents'."""


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def picture(page: Page, name: str, *, width: int = 760, height: int = 720) -> None:
    """The upper part of the page as it is now, when pictures are wanted."""
    if IMAGES is None:
        return
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": width, "height": height})
    (Path(IMAGES) / f"{name}.png").write_bytes(shrink(page.screenshot()))
    page.set_viewport_size(size)


def fits(page: Page, width: int = 400) -> None:
    """Nothing is wider than a window of so many pixels."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(size)


def behaves(page: Page, url: str) -> None:
    """The page fits a narrow window, begins with a way past its links, and breaks no rule of its own."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(url)
    fits(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def sign_in(page: Page, user: str | None = None) -> None:
    heading(page, re.compile("^Sign in"))
    if user is not None:
        page.get_by_label("Who are you?").select_option(value=user)
    page.get_by_role("button", name="Sign in").click()
