"""SMART App Launch 2.2, scopes-and-launch-context §fhir-context: one rule, one line."""

from typing import Any

import pytest

from auth.server import fhir_context

ROLE = "https://example.org/med-list-at-home"


@pytest.mark.parametrize("entry", [
    {"reference": "ImagingStudy/123"},
    {"reference": "https://ehr.example/r4/List/1", "role": ROLE},
    {"canonical": "https://example.org/Questionnaire/q|1.0", "type": "Questionnaire"},
    {"identifier": {"system": "https://example.org", "value": "1"}, "type": "Task", "role": "launch"},
    {"reference": "Patient/sibling", "role": "https://example.org/sibling"},
    {"reference": "Encounter/e1", "role": "https://example.org/referring"},
])  # fmt: skip
def test_what_the_guide_allows_has_no_fault(entry: dict[str, Any]) -> None:
    assert fhir_context.fault([entry]) is None


@pytest.mark.parametrize(("entries", "member"), [
    ({"reference": "List/1"}, "fhirContext"),
    (["List/1"], "fhirContext[0]"),
    ([{}], "fhirContext[0]"),
    ([{"role": ROLE}], "fhirContext[0]"),
    ([{"reference": "List/1", "other": 1}], "fhirContext[0]"),
    ([{"reference": "List/1"}, {"reference": 1}], "fhirContext[1].reference"),
    ([{"reference": ""}], "fhirContext[0].reference"),
    ([{"reference": "List"}], "fhirContext[0].reference"),
    ([{"canonical": "Questionnaire/q"}], "fhirContext[0].canonical"),
    ([{"identifier": "1"}], "fhirContext[0].identifier"),
    ([{"identifier": {}}], "fhirContext[0].identifier"),
    ([{"reference": "List/1", "type": "Nope"}], "fhirContext[0].type"),
    ([{"reference": "List/1", "role": ""}], "fhirContext[0].role"),
    ([{"reference": "List/1", "role": "home"}], "fhirContext[0].role"),
    ([{"reference": "Patient/p1"}], "fhirContext[0].role"),
    ([{"reference": "Patient/p1", "role": "launch"}], "fhirContext[0].role"),
    ([{"identifier": {"value": "1"}, "type": "Encounter"}], "fhirContext[0].role"),
    ([{"reference": "https://ehr.example/r4/Encounter/e1/_history/2"}], "fhirContext[0].role"),
])  # fmt: skip
def test_what_breaks_a_rule_is_named(entries: Any, member: str) -> None:
    wrong = fhir_context.fault(entries)
    assert wrong is not None
    assert wrong[0] == member


def test_a_scope_is_answered_by_type_and_role() -> None:
    context = [{"reference": "List/1", "role": ROLE}, {"reference": "ImagingStudy/1"}]
    assert fhir_context.answers(context, f"launch/list?role={ROLE}")
    assert fhir_context.answers(context, "launch/imagingstudy")
    assert fhir_context.answers(context, "launch/imagingstudy?role=launch")
    assert not fhir_context.answers(context, "launch/list")
    assert not fhir_context.answers(context, "launch/task")
