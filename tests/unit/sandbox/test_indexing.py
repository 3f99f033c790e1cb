"""What a resource says for each kind of search parameter (R4 §3.1.1.4)."""

from typing import Any

import pytest

from sandbox.indexing import NO_DATE, date_of, index, key, logical, together
from sandbox.values import FOREVER, READERS, mark
from tests.unit.sandbox.stores import BASE


def terms(name: str, type: str = "Observation", **members: Any) -> list[tuple[Any, ...]]:
    number = key(type, name)
    return [term[1:] for term in index({"resourceType": type, **members}, base=BASE) if term[0] == number]


def test_each_kind_of_parameter_is_read() -> None:
    assert set(READERS) == {"token", "reference", "string", "date", "quantity", "number", "uri"}


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"start": "1970-01-02"}, 86400.0, FOREVER), ({"end": "1970-01-02"}, -FOREVER, 172800.0), ({"start": "1970-01-01", "end": "1970-01-02"}, 0.0, 172800.0)],
)  # fmt: skip
def test_a_period_ends_where_it_says_or_never(said: dict[str, str], low: float, high: float) -> None:
    assert terms("date", effectivePeriod=said) == [(0, None, 0, low, high)]


def test_what_is_no_date_says_none() -> None:
    assert terms("date", effectivePeriod={"id": "x"}) == []
    assert terms("date", effectiveDateTime="yesterday") == []
    assert terms("date", effectiveTiming={"repeat": {}}) == []
    assert terms("date", effectiveTiming={"event": ["yesterday"]}) == []


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"event": ["1970-01-05", "1970-01-02"]}, 86400.0, 432000.0), ({"event": ["1970-01-01"]}, 0.0, 86400.0),
     ({"repeat": {"boundsPeriod": {"start": "1970-01-02", "end": "1970-01-03"}}}, 86400.0, 259200.0),
     ({"event": ["1970-01-01"], "repeat": {"boundsPeriod": {"start": "1970-01-02"}}}, 0.0, FOREVER)],
)  # fmt: skip
def test_a_schedule_is_as_long_as_its_outer_limits(said: dict[str, Any], low: float, high: float) -> None:
    assert terms("date", effectiveTiming=said) == [(0, None, 0, low, high)]


UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"value": 5, "system": UCUM, "code": "kg", "unit": "kg"}, [(0, "kg", mark(UCUM), 5.0, 5.0)]),
        ({"value": 5, "system": UCUM, "code": "kg", "unit": "kilo"}, [(0, "kg", mark(UCUM), 5.0, 5.0), (0, "kilo", mark(UCUM), 5.0, 5.0)]),
        ({"value": 5, "unit": "kilo"}, [(0, "kilo", 0, 5.0, 5.0)]), ({"value": 5, "code": "kg"}, [(0, "kg", 0, 5.0, 5.0)]), ({"value": 0}, [(0, "", 0, 0.0, 0.0)]),
        ({"unit": "kg"}, []), ("5 kg", []),
    ],
)  # fmt: skip
def test_a_quantity_stands_under_its_code_and_its_unit(said: Any, found: list[Any]) -> None:
    assert terms("value-quantity", valueQuantity=said) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"low": {"value": 1, "unit": "y"}, "high": {"value": 2, "unit": "y"}}, [("y", 1.0, 2.0)]), ({"low": {"value": 1, "unit": "y"}}, [("y", 1.0, 1e300)]),
        ({"high": {"value": 2, "unit": "y"}}, [("y", -1e300, 2.0)]), ({"low": {"unit": "y"}}, []), ({"low": "1", "high": {"value": 2}}, [("", -1e300, 2.0)]),
    ],
)  # fmt: skip
def test_a_range_reaches_from_its_low_to_its_high(said: Any, found: list[Any]) -> None:
    told = terms("onset-age", "Condition", onsetRange=said)
    assert [(value, low, high) for _, value, _, low, high in told] == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"coding": [{"system": "s", "code": "a"}, {"code": "b"}], "text": "t"}, [("a", mark("s")), ("b", 0)]), ({"coding": {"code": "a"}}, []), ({"text": "t"}, []),
        ({"coding": ["a"]}, [("a", 0)]), ({"coding": [{"system": 1, "code": "a"}, {"code": 1}]}, [("a", 0)]),
    ],
)  # fmt: skip
def test_a_concept_says_its_codings(said: Any, found: list[Any]) -> None:
    assert [each[1:3] for each in terms("code", code=said)] == found


def test_identifiers_truth_values_codes_and_uris() -> None:
    assert [each[1:3] for each in terms("identifier", identifier=[{"system": "s", "value": "v"}, {"value": "w"}])] == [
        ("v", mark("s")),
        ("w", 0),
    ]
    assert terms("active", "Patient", active=False) == [(0, "false", 0, None, None)]
    assert terms("active", "Patient", active=True) == [(0, "true", 0, None, None)]
    assert terms("active", "Patient", active=1) == []
    assert terms("deceased", "Patient") == [(0, "false", 0, None, None)]
    assert terms("deceased", "Patient", deceasedDateTime="2020") == [(0, "true", 0, None, None)]
    assert [each[1] for each in terms("_profile", meta={"profile": ["urn:p", 1]})] == ["urn:p"]
    assert terms(
        "probability", "RiskAssessment", prediction=[{"probabilityDecimal": 0.5}, {"probabilityDecimal": "x"}]
    ) == [(1, None, 0, 0.5, 0.5)]
    assert terms("probability", "RiskAssessment", prediction=[{"probabilityDecimal": True}]) == []


def test_a_reference_says_what_it_names_and_its_identifier() -> None:
    here = {"reference": f"{BASE}/Patient/1", "identifier": {"system": "s", "value": "v"}}
    assert terms("subject", subject=here) == [(0, "Patient/1", 0, None, None)]
    assert terms("subject", subject={"reference": "http://e.example/Patient/1"}) == [
        (0, "http://e.example/Patient/1", 0, None, None)
    ]
    assert terms("subject", subject={"display": "x"}) == terms("subject", subject={"reference": 1}) == []
    found = [
        term
        for term in index({"resourceType": "Observation", "subject": here}, base=BASE)
        if term[0] == logical(key("Observation", "subject"))
    ]
    assert [term[2:4] for term in found] == [("v", mark("s"))]


def test_a_patient_and_a_code_stand_together() -> None:
    coding = {"coding": [{"system": "s", "code": "a"}, {"code": "b"}], "text": "t"}
    found = terms("patient+code", subject={"reference": "Patient/1"}, code=coding)
    assert found == [
        (0, together("Patient/1", "a"), mark("s"), None, None),
        (0, together("Patient/1", "b"), 0, None, None),
    ]
    assert (
        terms("patient+code", code=coding) == terms("patient+code", subject={"reference": "Group/1"}, code=coding) == []
    )
    assert terms("patient+code", "Encounter", subject={"reference": "Patient/1"}, code=coding) == []


def test_the_leading_date_is_the_earliest_beginning() -> None:
    def date(type: str = "Observation", **members: Any) -> float:
        return date_of({"resourceType": type, **members}, base=BASE)

    assert date(effectiveDateTime="1970-01-02") == 86400.0
    assert date(effectiveTiming={"event": ["1970-01-03", "1970-01-02"]}, issued="1970-01-01T00:00:00Z") == 86400.0
    assert date(effectivePeriod={"end": "1970-01-02"}) == -FOREVER
    assert date(effectiveDateTime="yesterday") == date() == NO_DATE
    assert date("Medication") == 0.0


def test_what_is_a_column_of_the_resource_is_no_term_of_it() -> None:
    said = {"id": "x", "meta": {"lastUpdated": "2026-01-01T00:00:00Z", "tag": [{"code": "t"}]}, "status": "final"}
    found = {term[0] for term in index({"resourceType": "Observation", **said}, base=BASE)}
    assert found == {key("Observation", "_tag"), key("Observation", "status")}
