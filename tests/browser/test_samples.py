"""The sentences that people judge in a real Chromium: read, judged by keyboard, on a narrow screen, with scripts and without."""

from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from monitoring import samples
from monitoring.grounding import checker
from monitoring.grounding.merging import Sample
from tests.browser.person import fits, heading, picture
from tests.browser.served import Site, serving
from tests.browser.test_deliveries import person as person
from tests.flow.delivery_world import World
from tests.flow.grounding_world import TRUE, post, writer

SENTENCES = ("Hypertension since 2019.", "Potassium 4.1 mmol/L on 2026-01-02.")


async def fill(world: World) -> None:
    """A text, two of its sentences in the queue; and one that somebody has judged."""
    output = str((await post(world, TRUE)).json()["id"])
    await world.gateway.run(lambda c, now: c.execute(samples.samples.delete()))
    for number, sentence in enumerate((*SENTENCES, SENTENCES[0])):
        start = TRUE.index(sentence)
        drawn = Sample(
            span=(start, start + len(sentence)),
            rules="supported",
            checker=checker.NAME,
            version=checker.VERSION,
            verdict="supported",
            weight=50,
        )
        id = f"{number:032x}"
        await world.gateway.run(partial(samples.save_samples, output=output, found=[drawn], new_id=lambda id=id: id))
    await world.gateway.run(partial(samples.save_judgement, id=f"{2:032x}", verdict="supported", by="somebody"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("samples")
    with serving(folder, writer(folder), fill) as made:
        yield made


def test_a_sentence_is_read_in_its_text_and_judged_by_keyboard(person: Page, site: Site) -> None:
    person.goto(f"{site.url}/samples")
    heading(person, "Please sign in")
    site.enter(person)
    person.get_by_role("link", name="Sentences").click()
    heading(person, "Sentences to read")
    waiting = person.get_by_role("button", name="Keep this verdict").count()
    marked = person.locator("mark").first.inner_text()
    assert marked in SENTENCES
    picture(person, "samples", width=1000, height=860)
    fits(person)
    person.get_by_role("radio", name="The chart bears it out").first.focus()
    person.keyboard.press("Space")
    person.get_by_role("button", name="Keep this verdict").first.focus()
    person.keyboard.press("Enter")
    expect(person.get_by_role("status")).to_have_text("Kept. Thank you.")
    assert person.get_by_role("button", name="Keep this verdict").count() == waiting - 1
    expect(person.get_by_text(f"rules {checker.VERSION}")).to_be_visible()
    fits(person)
