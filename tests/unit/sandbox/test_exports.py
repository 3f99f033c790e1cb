"""What an export is asked for and tells, as values (Bulk Data Access 2.0.0)."""

from typing import Any

import pytest

from r4.interaction import Interaction, InteractionError
from sandbox import bulk


def asked(
    *query: tuple[str, str], type: str | None = "Patient", id: str | None = None, body: Any = None
) -> bulk.Export:
    told = Interaction(action="operation", operation="$export", type=type, id=id, query=query, body=body)
    return bulk.parse(told, lenient=False)


def test_the_types_that_come_along_and_the_parameters_of_an_export() -> None:
    assert {"Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device"} == bulk.ASSOCIATED
    for said in ("application/fhir+ndjson", "application/ndjson", "ndjson"):
        asked(("_outputFormat", said))
    assert {"_outputFormat", "_since", "_type", "_typeFilter", "_elements", "patient"} == bulk.KNOWN


def test_an_export_as_it_is_asked_for() -> None:
    nothing = asked()
    assert (nothing.level, nothing.group, nothing.types, nothing.since, nothing.shape, nothing.filters, nothing.patients) == (
        "patient", None, None, None, None, {}, None,
    )  # fmt: skip
    assert (asked(type="Group", id="g").level, asked(type="Group", id="g").group, asked(type=None).level) == (
        "group",
        "g",
        "system",
    )
    assert asked(("_type", "Patient, Observation"), ("_type", "Patient")).types == ("Patient", "Observation")
    assert asked(("_since", "2026-01-01T00:00:00 01:00")).since == "2026-01-01T00:00:00+01:00"
    assert asked(("patient", "Patient/a"), ("patient", "b")).patients == ("a", "b")
    assert asked(("_elements", "id,status")).shape is not None
    filters = asked(
        ("_typeFilter", "Observation?code=a,b,Patient?gender=male"), ("_typeFilter", "Observation?_id=1")
    ).filters
    assert filters == {"Observation": ((("code", "a,b"),), (("_id", "1"),)), "Patient": ((("gender", "male"),),)}
    posted = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "valueReference": {"reference": "Patient/a"}},
            {"name": "_type", "valueString": "Patient"},
        ],
    }
    assert (asked(body=posted).patients, asked(body=posted).types) == (("a",), ("Patient",))
    assert asked(body={"resourceType": "Parameters"}).types is None


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ((("nothing", "1"),), {}), ((("_outputFormat", "csv"),), {}), ((("_since", "yesterday"),), {}), ((("patient", "a"),), {"type": None}),
        ((("_since", "2026-01-01T00:00:00Z"), ("_since", "2026-01-01T00:00:00Z")), {}), ((("_outputFormat", "ndjson"), ("_outputFormat", "ndjson")), {}),
        ((("_type", ""),), {}), ((("_type", "Nothing"),), {}), ((("_typeFilter", "Observation"),), {}), ((("_typeFilter", "Nothing?a=1"),), {}),
        ((("_typeFilter", "Observation?_sort=date"),), {}), ((("_typeFilter", "Observation?nothing=1"),), {}),
        ((), {"body": {"resourceType": "Patient"}}), ((), {"body": {"resourceType": "Parameters", "parameter": {}}}),
        ((("_type", "Patient"),), {"body": {"resourceType": "Parameters"}}), ((), {"body": {"resourceType": "Parameters", "parameter": ["x"]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Patient", "valueCode": "Patient"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"valueString": "Patient"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueInteger": 1}]}}),
    ],
)  # fmt: skip
def test_an_export_that_is_not_understood_is_refused(query: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InteractionError):
        asked(*query, **options)


def test_a_lenient_export_leaves_out_what_it_does_not_know() -> None:
    told = Interaction(action="operation", operation="$export", type="Patient", query=(("nothing", "1"),))
    assert bulk.parse(told, lenient=True).types is None


def test_a_manifest_lists_what_was_deleted_where_that_was_asked() -> None:
    made = bulk.manifest(at="t", request="r", output=[("Patient", "u", 1)], deleted=None)
    assert made == {
        "transactionTime": "t",
        "request": "r",
        "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": "u", "count": 1}],
        "error": [],
    }
    assert bulk.manifest(at="t", request="r", output=(), deleted=())["deleted"] == []
