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


NAMED: dict[str, Any] = codec.parse(
    b"""{"resourceType":"Patient","id":"p","active":true,"birthDate":"1980-05-01","_birthDate":{"extension":[{"url":"urn:t","valueTime":"10:00:00"}]},
    "identifier":[{"system":"urn:mrn","value":"7"},{"system":"urn:mrn","value":"8"},{"system":"urn:it's","value":"7"}],
    "name":[{"use":"official","family":"A","given":["x","y"],"_given":[null,{"id":"g"}]},{"use":"old","family":"B"}],
    "contact":[{"name":{"family":"C"},"relationship":[{"coding":[{"code":"a"},{"code":"b"}]}]},{"name":{"family":"D"},"gender":"male"}],
    "multipleBirthInteger":2,"communication":[{"language":{"text":"de"},"preferred":true},{"language":{"text":"fr"},"preferred":false}],
    "contained":[{"resourceType":"Organization","id":"o","name":"O"}]}"""
)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("identifier.where(system = 'urn:mrn' and value = '7')", ("identifier", 0)), ("identifier.where(system='urn:mrn'and value='8')", ("identifier", 1)),
        ("identifier.where( system = 'urn:it\\'s' )", ("identifier", 2)), ("identifier.where(system = 'urn:it\\u0027s').value", ("identifier", 2, "value")),
        ("identifier.where(system = 'urn:mrn')[1]", ("identifier", 1)), ("identifier.where(system = 'urn:mrn').last()", ("identifier", 1)),
        ("identifier.where(value = '7').where(system = 'urn:mrn')", ("identifier", 0)), ("identifier.where(system = 'urn:mrn').first().system", ("identifier", 0, "system")),
        ("name.where(use = 'official')", ("name", 0)), ("name.where(use = 'official').family", ("name", 0, "family")), ("name.last()", ("name", 1)), ("name.first().use", ("name", 0, "use")),
        ("name.where(family = 'B').use", ("name", 1, "use")), ("name.where(given[1] = 'y').family", ("name", 0, "family")), ("name.given.where($this = 'x')", ("name", 0, "given", 0)), ("name.given[0]", ("name", 0, "given", 0)),
        ("name.given.last()", ("name", 0, "given", 1)), ("contact[0].name", ("contact", 0, "name")), ("contact.where(name.family = 'D').gender", ("contact", 1, "gender")), ("contact.gender", ("contact", 1, "gender")),
        ("contact.where(relationship.coding[1].code = 'b').name", ("contact", 0, "name")), ("communication.where(preferred = true)", ("communication", 0)), ("communication.where(preferred = false).language", ("communication", 1, "language")),
        ("where(active = true).birthDate", ("birthDate",)), ("where(multipleBirth = 2).multipleBirth", ("multipleBirthInteger",)), ("where(multipleBirth = 2.0).birthDate[0]", ("birthDate",)),
        ("contained.where(id = 'o').name", ("contained", 0, "name")),
    ],
)  # fmt: skip
def test_a_path_names_one_element_and_nothing_else_is_changed(path: str, named: tuple[Any, ...]) -> None:
    wanted = codec.parse(codec.format(NAMED))
    parent = wanted
    for step in named[:-1]:
        parent = parent[step]
    del parent[named[-1]]
    if named == ("birthDate",):
        del wanted["_birthDate"]
    if named[-2:] == ("given", 0):
        del wanted["name"][0]["_given"][0]
    if named[-2:] == ("given", 1):
        del wanted["name"][0]["_given"]
    assert fhirpath_patch.apply(NAMED, change("delete", f"Patient.{path}")) == wanted


@pytest.mark.parametrize(
    "path",
    ["identifier.where(system = 'urn:x')", "identifier.where(value = 7)", "identifier.where(system = '7')", "identifier[3]", "identifier.where(system = 'urn:mrn')[2]", "name.where(given = 'x')",
     "contact.where(relationship.coding.code = 'a')", "communication.where(preferred = 'true')", "communication.where(preferred = 1)", "where(active = false).name", "where(birthDate.x = 'y').name", "where(multipleBirth = '2').name",
     "name.where(nothing = 'x')", "birth", "multiple", "multipleBirth[1]", "name.where(use = 'OFFICIAL')", "identifier.where(value = '7\\n')", "name.where(family.nothing = 'A')"],
)  # fmt: skip
def test_a_path_that_names_nothing_deletes_nothing_and_replaces_nothing(path: str) -> None:
    assert fhirpath_patch.apply(NAMED, change("delete", f"Patient.{path}")) == NAMED
    with pytest.raises(PatchError) as wrong:
        fhirpath_patch.apply(NAMED, change("replace", f"Patient.{path}", valued("String", "x")))
    assert (wrong.value.status, wrong.value.issue.element) == (422, "Parameters.parameter[0].path")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("identifier.where(system = 'urn:mrn')", "single element"), ("identifier.where(value = '7')", "single element"), ("name.family", "single element"), ("name", "single element"),
        ("identifier.where(value != '7')", "where()"), ("identifier.where(value = '7' or value = '8')", "where()"), ("identifier.where(value.exists())", "where()"), ("identifier.where(value = @2020)", "where()"),
        ("identifier.where(value = value)", "where()"), ("identifier.where()", "where()"), ("identifier.where(value = '7' and)", "where()"), ("identifier.where(value = '7'", "where()"), ("identifier.where(value = '\\q')", "where()"),
        ("identifier.where(value ~ '7')", "where()"), ("identifier.where(value = 7 'mg')", "where()"), ("identifier.where(value = truex)", "where()"), ("identifier.where(value = -)", "where()"), ("name.exists()", "exists()"),
        ("managingOrganization.resolve().name", "resolve()"), ("value.ofType(Quantity)", "ofType()"), ("name.first(1)", "only"), ("name[-1]", "only"), ("name[x]", "only"), ("name.SSN123()", "only"), ("name | contact", "only"), ("", "only"),
        ("name..family", "only"), ("name[0]family", "only"), ("_birthDate", "only"), ("name.where(use = 'a').", "only"), ("birthDate.x", "does not have"), (f"name.where(use = '{'x' * 2000}')", "characters"),
    ],
)  # fmt: skip
def test_what_a_path_cannot_say_is_refused_by_name_and_by_the_number_of_its_operation(path: str, said: str) -> None:
    good = change("replace", "Patient.birthDate", valued("Date", "1980"))["parameter"]
    for kind in ("delete", "replace"):
        patch = change(kind, f"Patient.{path}", *([valued("String", "x")] if kind == "replace" else []))
        with pytest.raises(PatchError) as wrong:
            fhirpath_patch.apply(NAMED, {**patch, "parameter": [*good, *patch["parameter"]]})
        assert said in wrong.value.issue.text
        assert wrong.value.issue.element == "Parameters.parameter[1].path"
        assert "SSN" not in wrong.value.issue.text


def test_ids_and_extensions_stay_with_their_values_and_go_with_them() -> None:
    given = {"given": ["x", "y"], "_given": [None, {"id": "g"}]}
    for patch, becomes in (
        (change("insert", "Patient.name[0].given", valued("String", "z"), *placed(index=1)), {"given": ["x", "z", "y"], "_given": [None, None, {"id": "g"}]}),
        (change("move", "Patient.name.where(use = 'official').given", *placed(source=1, destination=0)), {"given": ["y", "x"], "_given": [{"id": "g"}, None]}),
        (change("add", "Patient.name.where(use = 'official')", named("given"), valued("String", "z")), {"given": ["x", "y", "z"], "_given": [None, {"id": "g"}, None]}),
        (change("replace", "Patient.name[0].given[0]", valued("String", "z")), {**given, "given": ["z", "y"]}),
        (change("replace", "Patient.name[0].given[1]", valued("String", "z")), {"given": ["x", "z"]}),
        (change("delete", "Patient.name[0].given[0]"), {"given": ["y"], "_given": [{"id": "g"}]}),
    ):  # fmt: skip
        name = fhirpath_patch.apply(NAMED, patch)["name"]
        assert {member: name[0][member] for member in name[0] if member.endswith("given")} == becomes
        assert name[1] == NAMED["name"][1]
    born = fhirpath_patch.apply(NAMED, change("replace", "Patient.birthDate", valued("Date", "1980")))
    assert "_birthDate" not in born
    assert born["birthDate"] == "1980"


@pytest.mark.parametrize(
    "path", ["name.where(use = 'official')", "name[0]", "name.first()", "active", "name.given", "nothing", ""]
)
def test_an_insert_and_a_move_name_one_list(path: str) -> None:
    for patch in (
        change("insert", f"Patient.{path}".rstrip("."), valued("HumanName", {"text": "x"}), *placed(index=0)),
        change("move", f"Patient.{path}".rstrip("."), *placed(source=0, destination=0)),
    ):
        with pytest.raises(PatchError):
            fhirpath_patch.apply(NAMED, patch)


def test_a_short_patch_does_not_look_through_a_long_list_for_ever() -> None:
    long = {**NAMED, "identifier": [{"value": str(number)} for number in range(20_000)]}
    one = change("delete", "Patient.identifier.where(value = '19999')")["parameter"]
    assert len(fhirpath_patch.apply(long, {"parameter": one})["identifier"]) == 19_999
    with pytest.raises(PatchError) as wrong:
        fhirpath_patch.apply(long, {"parameter": one * 10})
    assert (wrong.value.status, wrong.value.issue.element) == (422, "Parameters.parameter[1].path")
    far = change("delete", "Patient.identifier[19000]")["parameter"]
    assert len(fhirpath_patch.apply(long, {"parameter": far * 200})["identifier"]) == 19_000 + 800
