"""The search parameters that US Core defines itself, at the face before the embedded store; before HAPI, which does not
know them, they are refused and not advertised."""

from typing import Any

import pytest

from r4.us_core import ASSERTED, PARAMETERS
from tests.contract.face_world import World

ALL = "system/*.cruds"


def _concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "urn:us", "code": code}]}


def _bodies(world: World) -> list[dict[str, Any]]:
    subject = {"subject": {"reference": f"Patient/{world.id('p1')}"}}
    member = {"role": [_concept("nurse")], "member": {"reference": f"Patient/{world.id('p1')}"}}
    asserted = {"url": ASSERTED, "valueDateTime": "2024-03-10T12:00:00Z"}
    other = {"url": "urn:other", "valueDateTime": "2019-01-01"}
    visit = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    disposition = {"dischargeDisposition": _concept("home")}
    return [
        {"resourceType": "CareTeam", "id": world.id("team"), "participant": [member], **subject},
        {"resourceType": "Condition", "id": world.id("said"), "extension": [other, asserted], **subject},
        {"resourceType": "Encounter", "id": world.id("visit"), "status": "finished", "class": visit, "hospitalization": disposition, **subject},
        {"resourceType": "Goal", "id": world.id("goal"), "lifecycleStatus": "active", "description": _concept("walk"), **subject},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def furnished(world: World) -> World:
    for body in _bodies(world):
        world.put(body)
    return world


CASES = [
    ("CareTeam", "role=nurse", True), ("CareTeam", "role=urn:us|nurse,urn:us|x", True), ("CareTeam", "role=doctor", False), ("CareTeam", "role:missing=true", False),
    ("Condition", "asserted-date=2024-03-10", True), ("Condition", "asserted-date=ge2024-03-10T12:00:00Z", True), ("Condition", "asserted-date=lt2020", False), ("Condition", "asserted-date:missing=false", True),
    ("Encounter", "discharge-disposition=urn:us|home", True), ("Encounter", "discharge-disposition=|home", False), ("Encounter", "discharge-disposition:not=home", False),
    ("Goal", "description=walk", True), ("Goal", "description=run", False),
]  # fmt: skip


@pytest.mark.parametrize(("type", "said", "found"), CASES)
def test_what_us_core_defines_is_searched(furnished: World, type: str, said: str, found: bool) -> None:
    name = {"CareTeam": "team", "Condition": "said", "Encounter": "visit", "Goal": "goal"}[type]
    query = f"{type}?patient={furnished.id('p1')}&{said}"
    answer = furnished.ask("GET", query, furnished.token(ALL, patient=None))
    if furnished.ehr.upstream is not None:
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "not-supported")
    else:
        assert (name in furnished.ids(answer)) == found


def test_it_is_advertised_with_its_definition_where_it_is_served(furnished: World) -> None:
    stated = furnished.ask("GET", "metadata").json()["rest"][0]["resource"]
    told = {
        (row["type"], each["name"]): each["definition"]
        for row in stated for each in row["searchParam"] if "definition" in each
    }  # fmt: skip
    defined = {(type, name): rule[3] for type, names in PARAMETERS.items() for name, rule in names.items()}
    assert told == ({} if furnished.ehr.upstream is not None else defined)
