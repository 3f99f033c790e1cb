"""The pages of models and of conformance in a real Chromium: what is live, two versions side by side, what failed at which EHR."""

import random
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from monitoring.labels import Label, save_label
from tests.browser.person import behaves, heading, picture
from tests.browser.served import Site, serving
from tests.flow.delivery_world import ChartEhr, World
from tests.flow.test_conformance_pages import keep, report
from tests.flow.test_model_pages import BESIDE
from vocabulary.instant import format_instant

CHARTS = 60
SEEN = (
    ("no_token_reads_another_patient", "A patient's token reads that patient and no other",
     "GET Observation?patient=$PATIENT_2 answered 200 with 14 resources", "Check the compartment before answering."),
    ("a_code_is_taken_once", "An authorization code is taken once", "the second exchange answered 200",
     "Delete the code in the transaction that spends it."),
)  # fmt: skip


async def fill(world: World) -> None:
    """Sixty charts scored by both versions, most with an outcome; the second says less, and abstains now and then."""
    key, draw, began = await world.key("outputs.write"), random.Random(4), time.time() - 3600
    for n in range(CHARTS):
        chance = draw.betavariate(2, 8) * 0.5
        other = max(chance * 0.7 + draw.gauss(0, 0.02), 0.0)
        at, patient = format_instant(began + n), f"Patient/p{1 + n % 2}"
        first = await world.submit(key, version="1.0.0", patient=patient, as_of=at, value=round(chance, 4))
        changes = {"value": None, "abstained": "too young"} if n % 12 == 0 else {"value": round(min(other, 0.5), 4)}
        await world.submit(key, version="2.0.0", patient=patient, as_of=at, **changes)
        if n % 4:
            event = draw.random() < chance
            label = Label(output=first["id"], event=event, observed=began, source="api", mature=began)
            await world.gateway.run(lambda c, now, label=label: save_label(c, now, label=label))
    await world.settle()
    document = report(fails=2)
    for each, (id, title, problem, fix) in zip(document["checks"], SEEN, strict=False):
        each |= {"id": id, "title": title, "problems": [problem], "fix": fix}
    await keep(world, document)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("models"), ChartEhr(), fill, rehearsed={"spec": BESIDE}) as made:
        yield made


def test_from_the_models_to_two_versions_side_by_side(person: Page, site: Site) -> None:
    person.goto(f"{site.url}/models")
    heading(person, "Please sign in")
    site.enter(person)
    person.get_by_role("link", name="Models").click()
    heading(person, "Models")
    picture(person, "models", width=1000, height=700)
    picture(person, "models-narrow", width=400, height=1000)
    person.set_viewport_size({"width": 1000, "height": 800})
    expect(person.locator("h3").first).to_contain_text("live")
    person.get_by_role("link", name="1.0.0 and 2.0.0").focus()
    person.keyboard.press("Enter")
    heading(person, "Versions of echo")
    expect(person.locator("main")).to_contain_text(f"{CHARTS} charts were scored by both")
    plots = person.get_by_role("img")
    expect(plots).to_have_count(2)
    expect(person.get_by_role("table", name="Distribution of the values").locator("tbody tr")).to_have_count(10)
    picture(person, "compare", width=1000, height=1500)
    picture(person, "compare-narrow", width=400, height=1400)


def test_the_form_asks_again_and_what_is_wrong_is_said(person: Page, site: Site) -> None:
    site.enter(person)
    person.goto(f"{site.url}/models/echo/compare")
    person.get_by_label("Since").fill("yesterday")
    person.get_by_role("button", name="Compare").click()
    expect(person.get_by_role("alert")).to_contain_text("since must be a date")
    person.get_by_label("Since").fill("2999-01-01")
    person.get_by_role("button", name="Compare").click()
    expect(person.locator("main")).to_contain_text("0 charts were scored by both")


def test_what_an_ehr_was_seen_to_do_and_the_report_behind_it(person: Page, site: Site) -> None:
    site.enter(person)
    person.get_by_role("link", name="Conformance").click()
    heading(person, "Conformance")
    picture(person, "conformance", width=1000, height=800)
    picture(person, "conformance-narrow", width=400, height=1000)
    person.get_by_role("link", name="The whole report").click()
    expect(person).to_have_title("Report")


@pytest.mark.parametrize("path", ["/models", "/models/echo/compare?one=1.0.0&other=2.0.0", "/conformance"])
def test_the_pages_fit_a_narrow_window_and_break_no_rule_of_their_own(page: Page, site: Site, path: str) -> None:
    site.enter(page)
    behaves(page, f"{site.url}{path}")
