"""Searches that the differential test found to be answered otherwise than R4 says, each beside one that finds nothing."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.stores import Store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store()
    made.put("Patient", "alive")
    made.put("Patient", "told", deceasedBoolean=False)
    made.put("Patient", "gone", deceasedDateTime="2020-01-01")
    clinical = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    made.put("Condition", "c", clinicalStatus=clinical, subject={"reference": "Patient/alive"})
    span = {"start": "2020-01-15", "end": "2020-02-15"}
    made.put("Encounter", "e", status="finished", **{"class": {"code": "AMB"}}, period=span)
    for tenths in (50, 94, 95, 100, 104, 105):
        made.put(
            "RiskAssessment", f"r{tenths}", status="final", subject={"reference": "Patient/alive"},
            prediction=[{"probabilityDecimal": tenths / 10}],
        )  # fmt: skip
        made.put(
            "Observation", f"o{tenths}", status="final", subject={"reference": "Patient/alive"}, code={"text": "x"},
            valueQuantity={"value": tenths, "unit": "u"},
        )  # fmt: skip
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Patient?deceased=false", ["alive", "told"]),
        ("Patient?deceased=true", ["gone"]),
        ("Patient?deceased:missing=true", []),
        ("Patient?deceased:missing=false", ["alive", "gone", "told"]),
        ("Condition?subject=alive", ["c"]),
        ("Condition?subject=told", []),
        ("Encounter?date=ge2020-02", ["e"]),
        ("Encounter?date=ge2020-03", []),
        ("Encounter?date=le2020-01", ["e"]),
        ("Encounter?date=le2019-12", []),
        ("Observation?value-quantity=1e2", ["o100", "o104", "o95"]),
        ("Observation?value-quantity=1.0e2", ["o100", "o104", "o95"]),
        ("Observation?value-quantity=1.00e2", ["o100"]),
        ("Observation?value-quantity=100", ["o100"]),
        ("RiskAssessment?probability=1e1", ["r100", "r104", "r95"]),
        ("RiskAssessment?probability=ne1e1", ["r105", "r50", "r94"]),
        ("RiskAssessment?probability=gt1e1", ["r104", "r105"]),
        ("RiskAssessment?probability=5e0", ["r50"]),
    ],
)
def test_a_search_finds_what_r4_says(store: Store, path: str, wanted: list[str]) -> None:
    assert sorted(store.ids(path)) == wanted


def test_a_version_that_is_a_deletion_says_which_one() -> None:
    made = Store()
    made.put("Patient", "p")
    made.ask("DELETE", "Patient/p")
    answer = made.ask("GET", "Patient/p/_history/2")
    assert (answer.status, answer.headers["etag"]) == (410, 'W/"2"')
    assert made.ask("GET", "Patient/p/_history/3").status == 404
    made.database.close()
