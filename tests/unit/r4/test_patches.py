"""JSON Patch and FHIRPath Patch as functions of values: what they change, and what they refuse without changing it."""

from typing import Any

import pytest

from r4 import codec, fhirpath_patch, json_patch
from r4.json_patch import PatchError

WEIGHT = codec.parse(
    b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"w"},"valueQuantity":{"value":72.50},'
    b'"note":[{"text":"a"},{"text":"b"}]}'
)


@pytest.mark.parametrize(
    ("operation", "path", "becomes"),
    [
        ({"op": "replace", "path": "/status", "value": "amended"}, ("status",), "amended"),
        ({"op": "add", "path": "/note/-", "value": {"text": "c"}}, ("note", 2, "text"), "c"),
        ({"op": "add", "path": "/note/0", "value": {"text": "c"}}, ("note", 1, "text"), "a"),
        ({"op": "move", "from": "/note/0", "path": "/note/1"}, ("note", 0, "text"), "b"),
        ({"op": "copy", "from": "/code/text", "path": "/note/0/text"}, ("note", 0, "text"), "w"),
        ({"op": "test", "path": "/valueQuantity", "value": {"value": codec.parse(b"72.50")}}, ("status",), "final"),
    ],
)
def test_a_json_patch_does_what_rfc_6902_says(operation: dict[str, Any], path: tuple[Any, ...], becomes: str) -> None:
    found: Any = json_patch.apply(WEIGHT, [operation])
    for step in path:
        found = found[step]
    assert found == becomes


def test_a_patch_leaves_its_resource_and_other_digits_as_they_are() -> None:
    before = codec.format(WEIGHT)
    patched = json_patch.apply(WEIGHT, [{"op": "remove", "path": "/note/1"}])
    assert codec.format(WEIGHT) == before
    assert b"72.50" in codec.format(patched)
    assert patched["note"] == [{"text": "a"}]


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/nothing", "value": 1}, 422),
        ({"op": "remove", "path": "/note/9"}, 422),
        ({"op": "remove", "path": "/note/-1"}, 422),
        ({"op": "remove", "path": "/note/01"}, 422),
        ({"op": "remove", "path": ""}, 422),
        ({"op": "replace", "path": "", "value": []}, 422),
        ({"op": "test", "path": "/status", "value": "x"}, 422),
        ({"op": "move", "from": "/code", "path": "/code/text"}, 422),
        ({"op": "add", "path": "/status"}, 400),
        ({"op": "add", "path": "status", "value": 1}, 400),
        ({"op": "add", "path": "/a~2", "value": 1}, 400),
        ({"op": "eval", "path": "/status"}, 400),
        ("nonsense", 400),
    ],
)
def test_what_is_no_json_patch_or_does_not_fit_is_refused(operation: Any, status: int) -> None:
    with pytest.raises(PatchError) as wrong:
        json_patch.apply(WEIGHT, [operation])
    assert wrong.value.status == status


def test_a_document_that_is_copied_into_itself_again_and_again_is_stopped() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(40)]
    with pytest.raises(PatchError):
        json_patch.apply({**WEIGHT, "text": {"div": "x" * 100_000}}, doubling)
    with pytest.raises(PatchError):
        json_patch.apply(WEIGHT, [{"op": "test", "path": "/status", "value": "final"}] * 201)


def test_what_is_copied_is_small_however_often_it_is_taken_out_again() -> None:
    """Else a short patch keeps the server busy for minutes: copied, removed, copied again."""
    large = {**WEIGHT, "note": [{"text": "x" * 10} for _ in range(json_patch.COPY_LIMIT // 20)]}
    again = [{"op": "copy", "from": "/note", "path": "/other"}, {"op": "remove", "path": "/other"}] * 100
    with pytest.raises(PatchError) as wrong:
        json_patch.apply(large, again)
    assert wrong.value.issue.element == "[0]"
    assert json_patch.apply(WEIGHT, again) == WEIGHT
    grown = [{"op": "add", "path": "/note/-", "value": {"text": "x" * 100_000}}] * 60
    with pytest.raises(PatchError):
        json_patch.apply(WEIGHT, grown)


def change(kind: str, path: str, *more: dict[str, Any]) -> dict[str, Any]:
    said = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, *more]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": said}]}


def named(name: str) -> dict[str, Any]:
    return {"name": "name", "valueString": name}


def valued(kind: str, value: Any) -> dict[str, Any]:
    return {"name": "value", f"value{kind}": value}


def placed(**places: int) -> list[dict[str, Any]]:
    return [{"name": name, "valueInteger": value} for name, value in places.items()]


BARE = {"resourceType": "Observation", "status": "final", "note": [{"text": "a"}, {"text": "b"}]}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (change("replace", "Observation.status", valued("Code", "amended")), {**BARE, "status": "amended"}),
        (change("delete", "Observation.note[0]"), {**BARE, "note": [{"text": "b"}]}),
        (change("delete", "Observation.note[7]"), BARE),
        (change("delete", "Observation.component[0].code"), BARE),
        (change("delete", "Observation.nothing"), BARE),
        (change("add", "Observation", named("note"), valued("Annotation", {"text": "c"})), {**BARE, "note": [*BARE["note"], {"text": "c"}]}),
        (change("add", "Observation", named("value"), valued("Boolean", True)), {**BARE, "valueBoolean": True}),
        (change("insert", "Observation.note", valued("Annotation", {"text": "c"}), *placed(index=0)), {**BARE, "note": [{"text": "c"}, *BARE["note"]]}),
        (change("move", "Observation.note", *placed(source=0, destination=1)), {**BARE, "note": [{"text": "b"}, {"text": "a"}]}),
        (change("add", "Observation", named("component"), {"name": "value", "part": [{"name": "code", "valueCodeableConcept": {"text": "k"}}]}),
         {**BARE, "component": [{"code": {"text": "k"}}]}),
    ],
)  # fmt: skip
def test_a_fhirpath_patch_does_what_r4_says(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert fhirpath_patch.apply(BARE, patch) == expected


@pytest.mark.parametrize(
    "patch",
    [
        change("replace", "Observation.note.where(text='a')", valued("String", "x")),
        change("replace", "Patient.status", valued("Code", "x")),
        change("replace", "Observation", valued("Code", "x")),
        change("replace", "Observation.note", valued("Annotation", {"text": "x"})),
        change("delete", "Observation.note"),
        change("delete", "Observation.status.text"),
        change("add", "Observation", named("status"), valued("Code", "x")),
        change("add", "Observation"),
        change("insert", "Observation.note", valued("Annotation", {"text": "c"}), *placed(index=9)),
        change("run", "Observation.note"),
        {"resourceType": "Parameters"},
    ],
)
def test_a_fhirpath_patch_that_is_not_understood_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        fhirpath_patch.apply(BARE, patch)
