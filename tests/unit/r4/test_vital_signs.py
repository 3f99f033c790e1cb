"""What is called a vital sign by its LOINC code is a measurement of one, in its unit and of its category (R4 vital-signs profile)."""

from typing import Any

import pytest

from r4 import house_rules

UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def coded(code: str, system: str = "http://loinc.org") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: int, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def observation(code: str, unit: str, *, category: str = "vital-signs", **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "category": [coded(category, CATEGORY)], "code": coded(code),
        "valueQuantity": quantity(7, unit), **members,
    }  # fmt: skip


def rules(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.element, issue.rule) for issue in house_rules.check(resource)]


@pytest.mark.parametrize("code", house_rules.VITALS)
def test_a_measurement_in_its_unit_is_taken_and_a_score_under_its_code_is_not(code: str) -> None:
    for unit in house_rules.VITALS[code]:
        assert rules(observation(code, unit)) == []
    assert rules(observation(code, "{score}")) == [("Observation", "house-vital-signs")]


def test_a_vital_sign_is_filed_as_one() -> None:
    assert rules(observation("8867-4", "/min", category="survey")) == [("Observation.category", "house-vital-signs")]


@pytest.mark.parametrize("value", [{"valueString": "7"}, {"valueCodeableConcept": {"text": "fast"}}])
def test_a_value_that_is_no_quantity_is_no_measurement(value: dict[str, Any]) -> None:
    wrong = {name: each for name, each in observation("8867-4", "/min").items() if name != "valueQuantity"} | value
    assert rules(wrong) == [("Observation", "house-vital-signs")]
    absent = {name: each for name, each in wrong.items() if not name.startswith("value")}
    assert rules({**absent, "dataAbsentReason": {"text": "not done"}}) == []


def test_the_parts_are_looked_at_too() -> None:
    parts = [{"code": coded("8480-6"), "valueQuantity": quantity(120, unit)} for unit in ("mm[Hg]", "{score}")]
    assert rules(observation("85354-9", "{score}", component=parts)) == [
        ("Observation.component[1]", "house-vital-signs")
    ]


def test_a_code_of_another_kind_or_of_another_system_is_free() -> None:
    assert rules(observation("9269-2", "{score}", category="survey")) == []
    other = {**observation("1", "{score}", category="survey"), "code": coded("8867-4", "urn:site")}
    assert rules(other) == []
