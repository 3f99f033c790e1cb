"""The dashboard and the inbox in a real Chromium: what watches a model, an alert taken in hand and settled; without scripts too."""

import math
import random
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from monitoring import evaluations
from monitoring.alerting import marks
from monitoring.alerting.marks import Marker
from monitoring.alerting.raising import Finding, raise_alert
from monitoring.evaluations import Folded
from tests.browser.served import Site
from tests.browser.test_deliveries import person as person
from tests.browser.test_deliveries import site as site
from tests.browser.test_sign_in import fits, heading, picture
from vocabulary.signal import Level, Signal

PLACE = ("echo", "1.0.0", "spec")
HOUR = 3600.0
WATCHED: tuple[tuple[str, str, float, float, float], ...] = (
    ("M-IN-03", "pulse", 1.0, 9.5, 14.0), ("M-IN-01", "temperature", 0.03, 0.12, 0.25), ("M-OUT-03", "high", 2.0, 13.0, 16.0),
    ("M-PERF-02", "observed_over_expected", 1.02, 1.25, 1.5), ("M-HAL-01", "", 1.4, 12.0, 16.0),
)  # fmt: skip
"""Monitor, source, where it usually is, and its limits."""


def series(now: float) -> list[list[Signal]]:
    """A week, hour by hour: the pulse's unit goes wrong on the last day."""
    draw = random.Random(1)
    points = []
    for hour in range(168):
        at, wrong = now - (168 - hour) * HOUR, max(0, hour - 150)
        points.append([
            signal(at, monitor, source, usual * (1 + 0.2 * draw.random() + 0.1 * math.sin(hour / 8)) + wrong * (monitor == "M-IN-03"), warn, critical)
            for monitor, source, usual, warn, critical in WATCHED
        ])  # fmt: skip
    return points


def signal(at: float, monitor: str, source: str, value: float, warn: float, critical: float) -> Signal:
    level: Level = "critical" if value >= critical else "warning" if value >= warn else "quiet"
    return Signal(
        monitor=monitor, model="echo", version="1.0.0", ehr="spec", source=source, level=level, value=value, low=value * 0.8,
        high=value * 1.2, warn=warn, critical=critical, n=4200, at=at,
    )  # fmt: skip


def fill(connection: Any, now: float) -> None:
    """What the evaluator and the alerts would have written in that week."""
    lease = evaluations.take_lease(connection, now, holder="picture")
    assert lease is not None
    for number, signals in enumerate(series(time.time())):
        folded = [Folded(place=PLACE, at=signals[0].at, state=b"", signals=signals, point=True)]
        evaluations.save(connection, now, lease=lease, cursor=(now, number), folded=folded, changed=[])
    marks.mark(connection, now, Marker(at=time.time() - 19 * HOUR, what="laboratory interface upgraded", ehr="spec"))
    for number, (monitor, severity, source) in enumerate(
        (("M-IN-03", "critical", "pulse"), ("M-IN-01", "warning", "pulse"), ("M-OUT-03", "warning", "high"))
    ):
        finding = Finding(
            monitor=monitor, model="echo", version="1.0.0", ehr="spec", severity=severity, owners=("engineering",),  # type: ignore[arg-type]
            source=source, value=18.2, limit=14.0,
        )  # fmt: skip
        raise_alert(connection, now, finding, new_id=lambda n=number: f"{n:032x}")


@pytest.fixture(scope="module")
def watched(site: Site) -> Site:
    site.do(site.world.gateway.run(fill))
    return site


def test_the_models_at_a_glance_and_each_signal_with_its_limits(watched: Site, person: Page) -> None:
    watched.enter(person)
    person.goto(f"{watched.url}/monitors")
    heading(person, "Monitors")
    person.get_by_role("link", name="echo 1.0.0").click()
    heading(person, "echo 1.0.0 at spec")
    expect(person.get_by_role("img").first).to_be_visible()
    assert person.get_by_role("img").count() == len(WATCHED)
    expect(person.get_by_text("laboratory interface upgraded").last).to_be_visible()
    picture(person, "monitors", width=1000, height=1300)
    person.set_viewport_size({"width": 400, "height": 800})
    fits(person)


def test_an_alert_is_taken_in_hand_by_keyboard_and_settled(watched: Site, person: Page, browser: Browser) -> None:
    watched.enter(person)
    person.goto(f"{watched.url}/alerts?show=all")
    heading(person, "Alerts")
    expect(person.get_by_text("explained by")).to_be_visible()
    picture(person, "alerts", width=1000, height=620)
    person.get_by_role("link", name="How often the output is an alert").first.focus()
    person.keyboard.press("Enter")
    heading(person, "How often the output is an alert warning")
    if person.get_by_role("button", name="Acknowledge").count():
        person.get_by_label("What you are doing about it").fill("asking ward 3")
        person.keyboard.press("Tab")
        person.keyboard.press("Enter")
        expect(person.get_by_text("asking ward 3")).to_be_visible()
    if person.get_by_role("button", name="Resolve").count():
        person.get_by_label("How it was settled").fill("the threshold of the new policy")
        person.get_by_role("button", name="Resolve").click()
    expect(person.get_by_text("the threshold of the new policy")).to_be_visible()
    person.set_viewport_size({"width": 400, "height": 800})
    fits(person)
