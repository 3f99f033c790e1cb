"""Patches that lead a record to another patient, by whatever path and in whatever format; the result is what counts."""

from typing import Any

from tests.abuse import holes
from tests.abuse.sign_in import FULL, token
from tests.abuse.target import Target

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


def _json_patches(target: Target) -> list[list[dict[str, Any]]]:
    two = target.chart.to("Patient/p2")
    moved = target.chart.observation("patched", "p2", "laboratory", "x")
    return [
        [{"op": "replace", "path": "", "value": moved}], [{"op": "add", "path": "", "value": moved}],
        [{"op": "replace", "path": "/", "value": moved}], [{"op": "replace", "path": "/subject", "value": two}],
        [{"op": "replace", "path": "/subject/reference", "value": two["reference"]}],
        [{"op": "add", "path": "/subject", "value": two}], [{"op": "remove", "path": "/subject"}],
        [{"op": "remove", "path": "/subject/reference"}],
        [{"op": "add", "path": "/focus", "value": [two]}, {"op": "move", "from": "/focus/0", "path": "/subject"}],
        [{"op": "add", "path": "/focus", "value": [two]}, {"op": "copy", "from": "/focus/0", "path": "/subject"}, {"op": "remove", "path": "/focus"}],
        [{"op": "move", "from": "/subject", "path": "/focus/0"}], [{"op": "move", "from": "/subject", "path": "/encounter"}],
        [{"op": "copy", "from": "/subject", "path": "/encounter"}], [{"op": "move", "from": "", "path": "/subject"}],
        [{"op": "replace", "path": "/subject", "value": {"identifier": {"value": target.chart.id("p2")}}}],
        [{"op": "add", "path": "/subject/identifier", "value": {"value": "x"}}, {"op": "remove", "path": "/subject/reference"}],
        [{"op": "replace", "path": "/s~0ubject", "value": two}], [{"op": "replace", "path": "/sub~1ject", "value": two}],
        [{"op": "replace", "path": "//subject", "value": two}], [{"op": "replace", "path": "/subject/", "value": two}],
        [{"op": "replace", "path": "subject", "value": two}], [{"op": "replace", "path": "#/subject", "value": two}],
        [{"op": "replace", "path": "/id", "value": target.chart.id("o2")}], [{"op": "replace", "path": "/resourceType", "value": "Patient"}],
        [{"op": "add", "path": "/performer", "value": [two]}], [{"op": "add", "path": "/hasMember", "value": [target.chart.to("Observation/o2")]}],
        [{"op": "test", "path": "/subject", "value": two}], [{"op": "nonsense", "path": "/subject", "value": two}],
        [{"op": "replace", "path": "/status", "value": "bogus"}], [{"op": "replace", "path": "/category/99/coding", "value": []}],
        [{"op": "add", "path": "/category/-1", "value": {}}], [{"op": "replace"}], [{"path": "/subject"}], [7], [None], [[]],
        [{"op": "copy", "from": "", "path": "/contained"}] * 40, [{"op": "add", "path": "/note", "value": []}] * 5000,
    ]  # fmt: skip


XML = (
    b'<diff xmlns="http://hl7.org/fhir"><replace sel="Observation/subject/reference/@value">Patient/p2</replace></diff>',
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><diff>&e;</diff>',
)


PATHS = (
    "Observation.subject", "Observation.where(status = 'final').subject", "Observation.subject.where(reference.exists())", "Observation.subject.first()",
    "Observation.subject.resolve()", "Observation.where(subject.reference != 'x').subject", "Observation.subject[0]", "Patient.subject",
)  # fmt: skip


def _parameters(path: str, value: dict[str, Any]) -> dict[str, Any]:
    said = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", "valueReference": value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": said}]}


def _other_patches(target: Target) -> list[tuple[str, Any]]:
    two = target.chart.to("Patient/p2")
    parameters = _parameters("Observation.subject", two)
    moved = target.chart.observation("patched", "p2", "laboratory", "x")
    return [
        *(("application/fhir+json", _parameters(path, two)) for path in PATHS),
        *(("application/xml-patch+xml", body) for body in XML), *(("application/fhir+xml", body) for body in XML),
        ("application/fhir+json", parameters), ("application/json", parameters), (MERGE_PATCH, {"subject": two}), (MERGE_PATCH, {"subject": None}),
        (MERGE_PATCH, moved), ("application/fhir+json", moved), ("application/json", [{"op": "replace", "path": "/subject", "value": two}]),
        ("text/plain", [{"op": "replace", "path": "/subject", "value": two}]), (JSON_PATCH, {"op": "replace", "path": "/subject", "value": two}),
        (JSON_PATCH, None), (JSON_PATCH, b'[{"op":"test","op":"replace","path":"/subject","value":{"reference":"Patient/p2"}}]'),
    ]  # fmt: skip


def patches(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    own = chart.ref("Observation/patched")
    target.fhir("PUT", own, bearer, document=chart.observation("patched", "p1", "laboratory", "x"))
    before = target.stored("Observation/patched")
    with target.untouched("a patch"):
        for document in _json_patches(target):
            reply = target.fhir("PATCH", own, bearer, document=document, type=JSON_PATCH)
            target.refused(reply, f"patch {str(document)[:160]}")
        for kind, document in _other_patches(target):
            target.refused(target.fhir("PATCH", own, bearer, document=document, type=kind), f"patch as {kind}")
        harmless = [{"op": "add", "path": "/language", "value": "en"}]
        for name in (*("o2", "given", "x2"),):
            target.refused(
                target.fhir("PATCH", chart.ref(f"Observation/{name}"), bearer, document=harmless, type=JSON_PATCH),
                f"patch of {name}",
            )
        steal = [{"op": "replace", "path": "/subject", "value": chart.to("Patient/p1")}]
        target.refused(
            target.fhir("PATCH", chart.ref("Observation/o2"), bearer, document=steal, type=JSON_PATCH),
            "a patch that steals",
        )
    target.expect(before == target.stored("Observation/patched"), "a refused patch changed the record")
    return target.problems


def test_a20_a_patch_leads_nowhere_that_an_update_does_not(target: Target) -> None:
    assert patches(target) == []


def test_a20_twin_that_looks_at_what_is_there_and_not_at_the_result(holed: Any) -> None:
    problems = patches(holed(holes.results_are_not_checked))
    assert any("answered 200" in each or "changed" in each for each in problems), problems[:5]
