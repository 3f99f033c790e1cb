"""A search in HAPI's words, and what is refused because HAPI would do something else."""

import pytest

from r4 import us_core
from sandbox.capabilities import statement
from sandbox.comparing import SearchError
from sandbox.wording import since, worded

BASE = "http://ehr.example/fhir"


def said(type: str, name: str, value: str) -> str:
    return dict(worded(type, ((name, value), ("_count", "5")), base=BASE))[name]


@pytest.mark.parametrize(
    ("type", "name", "value", "wanted"),
    [
        ("Observation", "subject", f"{BASE}/Patient/p", "Patient/p"),
        (
            "Observation",
            "subject",
            "http://elsewhere.example/fhir/Patient/p",
            "http://elsewhere.example/fhir/Patient/p",
        ),
        ("Observation", "patient", "p", "p"),
        ("Observation", "patient", "p,Patient/q", "Patient/p,Patient/q"),
        ("Condition", "subject", "p,q", "Group/p,Patient/p,Group/q,Patient/q"),
        ("Observation", "date", "ge2020", "ge2020-01-01"),
        ("Observation", "date", "le2020", "le2020-12-31"),
        ("Observation", "date", "le2020-02", "le2020-02-29"),
        ("Observation", "date", "gt2020", "gt2020"),
        ("Observation", "date", "2020,2021", "2020,2021"),
        ("Observation", "value-quantity", "sa5||mg", "gt5||mg"),
        ("Observation", "value-quantity", "eb5", "lt5"),
        ("Observation", "value-quantity", "ge5", "ge5"),
        ("Observation", "component-code-value-quantity", "a$sa5||mg,b$eb6", "a$gt5||mg,b$lt6"),
        ("Observation", "code-value-date", "a$le2020", "a$le2020-12-31"),
        ("Observation", "code-value-date", "ge2020$2021", "ge2020$2021"),
        ("Patient", "_has:Observation:patient:date", "le2020", "le2020-12-31"),
        ("Communication", "sender:Device.patient", f"{BASE}/Patient/p", "Patient/p"),
        ("Patient", "_tag", "urn:t|a", "urn:t|a"),
        ("Patient", "_source:missing", "true", "true"),
        ("Patient", "name", "ge2020", "ge2020"),
        ("Observation", "subject:Patient.name:exact", "ge2020", "ge2020"),
        ("Encounter", "location.status:not", "active", "active"),
        ("Observation", "patient.gender:not", "male", "male"),
        ("Observation", "patient:Patient.gender:not", "male", "male"),
        ("Observation", "subject:Patient.birthdate:missing", "true", "true"),
        ("Observation", "encounter.subject:Patient", f"{BASE}/Patient/p", f"{BASE}/Patient/p"),
    ],
)
def test_a_search_is_written_as_hapi_reads_it(type: str, name: str, value: str, wanted: str) -> None:
    assert said(type, name, value) == wanted


@pytest.mark.parametrize(
    ("type", "name", "value"),
    [
        ("Patient", "_tag:missing", "true"),
        ("Patient", "_profile:missing", "false"),
        ("Patient", "_tag", "|a"),
        ("Patient", "_security:not", "urn:t|"),
        ("Patient", "birthdate", "ge1950,le1960"),
        ("Observation", "subject:Patient._tag", "urn:t|a"),
        ("Observation", "encounter._tag:not", "urn:t|a"),
        ("Observation", "encounter._source:missing", "true"),
        ("Observation", "subject:Patient.gender:not", "male"),
        ("Observation", "subject.gender:not", "male"),
        ("Observation", "patient:Group.type:not", "person"),
        ("Observation", "patient.type:not", "person"),
        ("Observation", "encounter.subject:identifier", "urn:t|a"),
        ("Patient", "_has:Observation:patient:code:not", "a"),
        ("Patient", "_has:Observation:patient:date:missing", "true"),
        ("DocumentReference", "relationship", "DocumentReference/d$appends"),
    ],
)
def test_what_hapi_would_ignore_or_answer_wrongly_is_refused(type: str, name: str, value: str) -> None:
    with pytest.raises(SearchError):
        said(type, name, value)


def test_pages_have_the_same_size_on_every_server_and_a_history_begins_at_an_instant() -> None:
    assert worded("Patient", (), base=BASE) == (("_count", "50"),)
    assert since((("_since", "2020"), ("_count", "3"))) == (("_since", "2020-01-01T00:00:00.000Z"), ("_count", "3"))
    assert since((("_at", "2020"),)) == (("_at", "2020"),)


def test_what_hapi_does_not_answer_is_not_advertised_before_it_and_is_elsewhere() -> None:
    def named(*, behind: bool) -> set[str]:
        said = statement(base=BASE, date="2026-01-02T03:04:05Z", behind=behind)["rest"][0]["resource"]
        return {f"{each['type']}.{row['name']}" for each in said for row in each["searchParam"]}

    guide = {f"{type}.{name}" for type, names in us_core.PARAMETERS.items() for name in names}
    assert named(behind=False) - named(behind=True) == {"DocumentReference.relationship", *guide}
