"""Whether a record is what was asked for: by code, reference, text and time, with every comparator."""

import pytest

from conformance.suites.api.matching import asked, has, matches, span, variations

RECORD = {
    "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"},
    "category": [{"coding": [{"system": "urn:s", "code": "problem"}]}], "period": {"start": "2026-01-02", "end": "2026-01-04"},
    "name": [{"family": "Miller", "given": ["Ann"]}], "_status": {"extension": [{"url": "x/data-absent-reason"}]},
    "birthDate": "1970-05", "effectiveDateTime": "2026-03-01T12:00:00+02:00",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("category", "urn:s|problem", True), ("category", "problem", True), ("category", "urn:t|problem", False),
        ("category", "other", False), ("patient", "p", True), ("patient", "Patient/p", True), ("patient", "q", False),
        ("name", "mill", True), ("name", "Smith", False), ("birthdate", "1970", True), ("birthdate", "1971", False),
        ("date", "2026-03-01", True), ("date", "ge2026-03-01T10:00:00Z", True), ("date", "lt2026-01-02", False),
        ("date", "le2026-01-02", True), ("date", "gt2026-03-02", False), ("date", "2026-02-01", False),
    ],
)  # fmt: skip
def test_a_record_is_what_its_elements_say(name: str, value: str, found: bool) -> None:
    assert matches(RECORD, [[name, value]]) is found


def test_what_is_asked_has_the_records_own_values_or_is_not_asked() -> None:
    assert asked(RECORD, "patient+category") == [["patient", "Patient/p"], ["category", "urn:s|problem"]]
    assert asked(RECORD, "patient+code") is None


def test_a_search_is_said_in_every_way_and_once_for_what_nobody_has() -> None:
    said = [
        [value for _, value in pairs] for pairs in variations([["patient", "Patient/p"], ["category", "urn:s|problem"]])
    ]
    assert said[0] == ["Patient/p", "urn:s|problem"]
    assert ["p", "urn:s|problem"] in said
    assert ["Patient/p", "problem"] in said
    assert not matches(RECORD, [["category", said[-1][-1]]])


def test_an_element_is_there_or_says_why_not() -> None:
    assert has(RECORD, "name.family")
    assert has(RECORD, "status")
    assert has(RECORD, "onsetDateTime|period")
    assert not has(RECORD, "code")


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-02-03", "2026-02-03", "2026-02-03"),
    ],
)
def test_a_partial_date_is_the_whole_of_it(said: str, first: str, last: str) -> None:
    assert [each.date().isoformat() for each in span(said)] == [first, last]
