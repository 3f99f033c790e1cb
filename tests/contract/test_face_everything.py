"""``$everything`` with what supports the records (R4 patient-operation-everything: "the server also returns whatever resources
are needed to support the records - e.g. linked practitioners, medications, locations, organizations etc."), before both stores."""

from typing import Any

import pytest

from tests.contract.face_world import World


@pytest.fixture(scope="module")
def doctor(world: World) -> str:
    """A practitioner whom records of p1 name; another whom nobody names; and a Device of p2 that a record of p1 names."""
    for name in ("doctor", "stranger"):
        world.put({"resourceType": "Practitioner", "id": world.id(name), "name": [{"family": name}]})
    foreign = {"resourceType": "Device", "id": world.id("pump"), "patient": {"reference": f"Patient/{world.id('p2')}"}}
    world.put(foreign)
    said = [{"reference": f"Practitioner/{world.id('doctor')}"}]
    for name in ("seen-one", "seen-two"):
        world.put(world.observation(name, "p1", performer=said, device={"reference": f"Device/{world.id('pump')}"}))
    return world.id("doctor")


def _pages(world: World, query: str, token: str) -> list[list[dict[str, Any]]]:
    where, pages = f"Patient/{world.id('p1')}/$everything{query}", []
    while where:
        answer = world.ask("GET", where, token)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json().get("entry", []))
        links = {link["relation"]: link["url"] for link in answer.json()["link"]}
        where = links.get("next", "").partition("/fhir/")[2]
    return pages


def _of(entries: list[dict[str, Any]], type: str) -> list[str]:
    return [each["resource"]["id"] for each in entries if each["resource"]["resourceType"] == type]


def test_who_made_the_records_stands_beside_them(world: World, doctor: str) -> None:
    for page in _pages(world, "?_type=Observation,Practitioner,Device&_count=3", world.token("patient/*.rs")):
        named = any(f"Practitioner/{doctor}" in str(each["resource"]) for each in page)
        assert _of(page, "Practitioner") == ([doctor] if named else [])
        assert _of(page, "Device") == []
        modes = {each["resource"]["resourceType"]: each["search"]["mode"] for each in page}
        assert modes.get("Practitioner", "include") == "include"


@pytest.mark.parametrize(
    ("scopes", "query", "there"),
    [("patient/Patient.rs patient/Observation.rs patient/Practitioner.rs", "", True), ("patient/Patient.rs patient/Observation.rs", "", False),
     ("patient/*.rs", "?_type=Observation", False), ("patient/*.rs", "?_since=2999-01-01", False), ("patient/*.rs", "", True)],
)  # fmt: skip
def test_only_what_is_granted_and_asked_for_supports(
    world: World, doctor: str, scopes: str, query: str, there: bool
) -> None:
    found = [each for page in _pages(world, query, world.token(scopes)) for each in _of(page, "Practitioner")]
    assert (doctor in found) == there
    assert world.id("stranger") not in found
