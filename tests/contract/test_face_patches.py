"""FHIRPath patches at the face before both stores: choices, and elements that are given in parts (R4 fhirpatch)."""

from typing import Any

import pytest

from tests.contract.face_world import World

BEFORE: dict[str, Any] = {
    "valueQuantity": {"value": 1, "unit": "mg"},
    "component": [{"code": {"text": "a"}, "valueString": "low"}],
}


def _operation(kind: str, path: str, value: dict[str, Any], name: str = "") -> dict[str, Any]:
    parts = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, {"name": "value", **value}]
    parts += [{"name": "name", "valueString": name}] if name else []
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


PART = {"part": [
    {"name": "code", "valueCodeableConcept": {"text": "b"}}, {"name": "value", "valueInteger": 3},
    {"name": "interpretation", "valueCodeableConcept": {"text": "i"}}, {"name": "interpretation", "valueCodeableConcept": {"text": "j"}},
    {"name": "referenceRange", "part": [{"name": "text", "valueString": "r"}]},
]}  # fmt: skip
MADE = {"code": {"text": "b"}, "valueInteger": 3, "interpretation": [{"text": "i"}, {"text": "j"}], "referenceRange": [{"text": "r"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (_operation("replace", "Observation.value", {"valueString": "none"}), {"valueString": "none", "component": BEFORE["component"]}),
        (_operation("replace", "Observation.value", {"valueQuantity": {"value": 2}}), {**BEFORE, "valueQuantity": {"value": 2}}),
        (_operation("replace", "Observation.component[0].value", {"valueBoolean": True}),
         {**BEFORE, "component": [{"code": {"text": "a"}, "valueBoolean": True}]}),
        (_operation("add", "Observation", PART, "component"), {**BEFORE, "component": [*BEFORE["component"], MADE]}),
        (_operation("replace", "Observation.component[0]", PART), {**BEFORE, "component": [MADE]}),
        (_operation("replace", "Observation.component.where(code.text = 'a').value", {"valueBoolean": True}),
         {**BEFORE, "component": [{"code": {"text": "a"}, "valueBoolean": True}]}),
        (_operation("replace", "Observation.where(status = 'final').value", {"valueInteger": 3}), {"valueInteger": 3, "component": BEFORE["component"]}),
    ],
)  # fmt: skip
def test_a_patch_gives_a_choice_in_its_own_type(world: World, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    body = world.observation("patched", "p1", **BEFORE)
    world.put(body)
    answer = world.ask("PATCH", f"Observation/{body['id']}", json=patch)
    assert answer.status_code == 200, answer.text
    stored = world.stored("Observation", "patched") or {}
    assert {name: stored.get(name) for name in stored if name.startswith("value") or name == "component"} == expected


@pytest.mark.parametrize(
    "patch",
    [
        _operation("replace", "Observation.value", {"valueAddress": {"text": "x"}}),
        _operation("add", "Observation", {"part": [{"name": "value", "valueString": "x"}]}, "component"),
        _operation("replace", "Observation.value", {"valueString": "x", "valueInteger": 1}),
        _operation("replace", "Observation.component.where(code.text = 'b').value", {"valueBoolean": True}),
        _operation("replace", "Observation.component.where(code.exists()).value", {"valueBoolean": True}),
    ],
)
def test_a_patch_of_another_type_than_there_is_changes_nothing(world: World, patch: dict[str, Any]) -> None:
    body = world.observation("unpatched", "p1", **BEFORE)
    world.put(body)
    assert world.ask("PATCH", f"Observation/{body['id']}", json=patch).status_code in (400, 422)
    assert (world.stored("Observation", "unpatched") or {})["valueQuantity"]["value"] == 1
