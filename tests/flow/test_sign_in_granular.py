"""Granular scopes at the EHR's own page: said in words, ticked and unticked one by one, and the token holds to it."""

from typing import Any

import httpx2
import pytest

from gateway.face.serving import rules_of
from sandbox import loading
from tests.flow.sign_in_world import BASE, Forms, World, allow, consent_page, drive

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LAB, VITAL = (f"patient/Observation.rs?category={CATEGORY}|{code}" for code in ("laboratory", "vital-signs"))
BROAD = "patient/Observation.rs"
RECORDS: list[dict[str, Any]] = [
    {
        "resourceType": "Observation", "id": code, "status": "final", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"system": CATEGORY, "code": code}]}], "code": {"text": "a measurement"},
    }
    for code in ("laboratory", "vital-signs")
]  # fmt: skip


async def _asked(world: World, scope: str) -> tuple[Any, httpx2.Response]:
    """A browser at the page that asks for these."""
    await world.ehr.database.run(lambda c, now: loading.load(c, now, RECORDS, rules_of(world.ehr)))
    browser = world.browser()
    return browser, await consent_page(world, browser, scope=scope)


async def _opens(world: World, answer: httpx2.Response) -> tuple[str, list[int]]:
    """What the token says that it is good for, and what a laboratory result and a vital sign are answered with."""
    token = (await world.token(answer)).json()
    headers = {"authorization": f"Bearer {token['access_token']}"}
    found = [(await world.http.get(f"{BASE}/fhir/Observation/{each['id']}", headers=headers)) for each in RECORDS]
    return token["scope"], [each.status_code for each in found]


def _offered(page: httpx2.Response) -> list[str]:
    """The scopes that the page offers, all of them ticked."""
    form = next(each for each in Forms(page.text).found if "decision" in each["choices"])
    names = [name for name in form["choices"] if name.startswith("scope-")]
    assert all(form["fields"][name] == form["choices"][name][0] for name in names)
    return [form["choices"][name][0] for name in names]


def test_each_granular_scope_is_said_in_words_and_unticked_by_itself() -> None:
    async def act(world: World) -> None:
        browser, page = await _asked(world, f"launch/patient {LAB} {VITAL}")
        assert _offered(page) == ["launch/patient", LAB, VITAL]
        assert "Read and search laboratory results of this patient" in page.text
        assert "Read and search vital signs of this patient" in page.text
        assert "only where category" not in page.text
        assert "part of a broader one" not in page.text
        answer = await allow(browser, page, **{"scope-2": None})
        assert await _opens(world, answer) == (f"launch/patient {LAB}", [200, 404])

    drive(act)


def test_a_granular_scope_beside_a_broader_one_is_offered_and_granted_alone() -> None:
    async def act(world: World) -> None:
        browser, page = await _asked(world, f"launch/patient {BROAD} {LAB}")
        assert _offered(page) == ["launch/patient", BROAD, LAB]
        assert page.text.count("part of a broader one") == 1
        answer = await allow(browser, page, **{"scope-1": None})
        assert await _opens(world, answer) == (f"launch/patient {LAB}", [200, 404])

    drive(act)


@pytest.mark.parametrize("left", [{}, {"scope-2": None}], ids=["both ticked", "the granular one off"])
def test_the_broader_one_that_is_left_ticked_is_what_is_granted(left: dict[str, None]) -> None:
    async def act(world: World) -> None:
        browser, page = await _asked(world, f"launch/patient {BROAD} {LAB}")
        answer = await allow(browser, page, **left)
        assert await _opens(world, answer) == (f"launch/patient {BROAD}", [200, 200])

    drive(act)


def test_what_a_launch_leaves_of_a_broad_scope_is_offered_in_the_words_of_what_is_left() -> None:
    """The client is registered for more: the launch allows no more than the laboratory."""

    async def act(world: World) -> None:
        launch = await world.launch(patient="p1", scopes=f"launch {LAB}")
        browser = world.browser()
        page = await consent_page(world, browser, launch=launch, scope=f"launch {BROAD} {VITAL}")
        assert _offered(page) == ["launch", LAB]
        assert "laboratory results of this patient" in page.text

    drive(act)


def test_a_granular_scope_that_the_page_did_not_list_is_refused() -> None:
    async def act(world: World) -> None:
        browser, page = await _asked(world, f"launch/patient {LAB}")
        for name, value in (("scope-1", BROAD), ("scope-1", VITAL), ("scope-2", VITAL), ("scope-1", f"{LAB}&code=x")):
            assert (await allow(browser, page, **{name: value})).status_code == 403

    drive(act)
