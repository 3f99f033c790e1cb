"""Writes at the face, before both stores: judged by what would be stored, whatever verb says it."""

import json
import uuid
from typing import Any

import pytest

from tests.contract.face_world import ALL, BASE, READ, World, same

BAD_SUBJECTS: list[tuple[str, dict[str, Any]]] = [
    ("another patient", {"subject": {"reference": "Patient/{p2}"}}),
    ("another as performer", {"performer": [{"reference": "Patient/{p2}"}]}),
    ("performer alone", {"subject": {"reference": "Patient/{p2}"}, "performer": [{"reference": "Patient/{p1}"}]}),
    ("by identifier", {"subject": {"identifier": {"system": "urn:x", "value": "1"}}}),
    (
        "beside an identifier",
        {"subject": {"reference": "Patient/{p1}", "identifier": {"system": "urn:x", "value": "1"}}},
    ),
    ("display only", {"subject": {"display": "somebody"}}),
    ("contained", {"contained": [{"resourceType": "Patient", "id": "c"}], "subject": {"reference": "#c"}}),
    ("absolute, elsewhere", {"subject": {"reference": "http://elsewhere/fhir/Patient/{p1}"}}),
    ("absolute, here", {"subject": {"reference": BASE + "/Patient/{p1}"}}),
    ("versioned", {"subject": {"reference": "Patient/{p1}/_history/1"}}),
    ("conditional", {"subject": {"reference": "Patient?identifier=urn:x|1"}}),
    ("a group", {"subject": {"reference": "Group/g"}}),
    ("performer by identifier", {"performer": [{"identifier": {"system": "urn:x", "value": "1"}}]}),
    ("performer absolute", {"performer": [{"reference": "http://elsewhere/Patient/x"}]}),
    ("nobody", {"subject": {"reference": "Patient/{nobody}"}}),
]


@pytest.mark.parametrize("members", [each for _, each in BAD_SUBJECTS], ids=[name for name, _ in BAD_SUBJECTS])
def test_a_body_that_names_anybody_else_is_not_written(world: World, members: dict[str, Any]) -> None:
    text = json.dumps(members)
    for name in ("p1", "p2", "nobody"):
        text = text.replace(f"{{{name}}}", world.id(name))
    body = {**world.observation("new", "p1"), **json.loads(text)}
    answers = [
        world.ask("POST", "Observation", json={name: value for name, value in body.items() if name != "id"}),
        world.ask("PUT", f"Observation/{world.id('new')}", json=body),
        world.ask("PUT", f"Observation/{world.id('o1')}", json={**body, "id": world.id("o1")}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert world.stored("Observation", "new") is None


def test_own_records_are_written_changed_and_deleted(world: World) -> None:
    token = world.token()
    path = f"Observation/{world.id('mine')}"
    assert world.ask("PUT", path, token, json=world.observation("mine", "p1")).status_code == 201
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    changed = world.ask("PATCH", path, token, json=patch, headers={"content-type": "application/json-patch+json"})
    assert (changed.status_code, changed.json()["status"]) == (200, "amended")
    stale = world.ask("PUT", path, token, json=world.observation("mine", "p1"), headers={"if-match": 'W/"1"'})
    assert stale.status_code == 412
    said = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "corrected"},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": said}]}
    again = world.ask("PATCH", path, token, json=parameters, headers={"if-match": changed.headers["etag"]})
    assert (again.status_code, again.json()["status"]) == (200, "corrected")
    assert world.ask("DELETE", f"{path}?_cascade=delete", token).status_code == 400
    assert world.ask("DELETE", path, token, headers={"if-match": 'W/"1"'}).status_code == 412
    assert world.ask("DELETE", path, token).status_code == 204
    assert same(world.ask("DELETE", path, token), world.ask("DELETE", f"Observation/{world.id('nobody')}", token))


@pytest.mark.parametrize(
    ("scope", "there", "absent"),
    [("user/Observation.cruds", 204, 204), ("patient/Observation.cruds", 204, 404), ("user/Observation.cruds?code=t", 204, 404)],
)  # fmt: skip
def test_a_delete_of_what_is_not_there_is_done_for_who_may_know(
    scope: str, there: int, absent: int, world: World
) -> None:
    token, path = world.token(scope, user="Practitioner/d"), f"Observation/{world.id('brief')}"
    code = {"coding": [{"code": "t"}]}
    assert world.ask("PUT", path, world.token(), json=world.observation("brief", "p1", code=code)).status_code == 201
    answers = [
        world.ask("DELETE", path, token), world.ask("DELETE", path, token),
        world.ask("DELETE", f"Observation/{world.id('nobody')}", token),
        world.ask("DELETE", f"Observation?identifier=urn:t|{uuid.uuid4().hex}", token),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [there, absent, absent, absent]
    checked = world.ask("DELETE", f"Observation/{world.id('nobody')}", token, headers={"if-match": 'W/"1"'})
    assert checked.status_code == 404


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/subject/reference", "value": "Patient/{p2}"}, 403),
        ({"op": "replace", "path": "/subject", "value": {"identifier": {"value": "x"}}}, 403),
        ({"op": "remove", "path": "/subject"}, 403),
        ({"op": "move", "from": "/subject", "path": "/focus"}, 403),
        ({"op": "replace", "path": "", "value": {"resourceType": "Patient", "id": "{p2}"}}, 422),
        ({"op": "replace", "path": "/id", "value": "{o2}"}, 422),
        ({"op": "replace", "path": "/status", "value": "bogus"}, 422),
    ],
)
def test_a_patch_is_judged_by_its_result(world: World, operation: dict[str, Any], status: int) -> None:
    text = json.dumps([operation])
    for name in ("p2", "o2"):
        text = text.replace(f"{{{name}}}", world.id(name))
    headers = {"content-type": "application/json-patch+json"}
    before = world.stored("Observation", "o1")
    answer = world.ask("PATCH", f"Observation/{world.id('o1')}", content=text.encode(), headers=headers)
    assert answer.status_code == status
    assert world.stored("Observation", "o1") == before
    foreign = [
        world.ask("PATCH", f"Observation/{world.id(name)}", content=text.encode(), headers=headers)
        for name in ("o2", "nobody")
    ]
    assert same(*foreign)
    assert foreign[0].status_code == 404
    reader = world.token(READ)
    assert (
        world.ask("PATCH", f"Observation/{world.id('o1')}", reader, content=text.encode(), headers=headers).status_code
        == 403
    )


def test_writes_at_foreign_and_absent_ids_are_told_alike(world: World) -> None:
    update_only, everything = world.token("patient/Observation.ru"), world.token()
    before = world.stored("Observation", "o2")
    for token, headers in ((update_only, {}), (everything, {"if-match": 'W/"1"'}), (everything, {"if-match": "*"})):
        answers = [
            world.ask(
                "PUT", f"Observation/{world.id(name)}", token, json=world.observation(name, "p1"), headers=headers
            )
            for name in ("o2", "gone2", "nobody")
        ]
        assert same(answers[0], answers[2])
        assert same(answers[1], answers[2])
        assert answers[0].status_code == 404
    for headers in ({}, {"if-match": 'W/"1"'}):
        gone = [
            world.ask("DELETE", f"Observation/{world.id(name)}", everything, headers=headers)
            for name in ("o2", "gone2", "nobody")
        ]
        assert same(gone[0], gone[2])
        assert same(gone[1], gone[2])
    for name in ("o2", "gone2"):
        assert (
            world.ask(
                "PUT", f"Observation/{world.id(name)}", everything, json=world.observation(name, "p1")
            ).status_code
            == 404
        )
    assert world.stored("Observation", "o2") == before


def test_conditions_neither_tell_nor_touch_others(world: World) -> None:
    def body(value: str, **more: Any) -> dict[str, Any]:
        made = {**world.observation("x", "p1", identifier=[{"system": "urn:t", "value": value}]), **more}
        return {name: value for name, value in made.items() if name != "id"}

    theirs, fresh = f"urn:t|{world.run}-2", f"urn:t|{uuid.uuid4().hex}"
    before = world.stored("Observation", "o2")
    for condition in (theirs, fresh):
        answer = world.ask(
            "POST",
            "Observation",
            json=body(condition.partition("|")[2]),
            headers={"if-none-exist": f"identifier={condition}"},
        )
        assert answer.status_code == 201
    foreign = f"Observation?identifier=urn:t|{world.run}-2&_id={world.id('o2')}"
    absent = f"Observation?identifier=urn:t|{world.run}-2&_id={world.id('nobody')}"
    assert same(world.ask("DELETE", foreign), world.ask("DELETE", absent))
    assert world.ask("DELETE", f"Observation?patient={world.id('p2')}").status_code == 403
    assert world.ask("DELETE", "Observation?code=t").status_code in (404, 412)
    assert world.ask("DELETE", "Observation").status_code == 400
    assert world.stored("Observation", "o2") == before


def test_a_conditional_update_creates_then_updates_the_same(world: World) -> None:
    token, value = world.token(), uuid.uuid4().hex
    body = world.observation("x", "p1", identifier=[{"system": "urn:t", "value": value}])
    del body["id"]
    path = f"Observation?identifier=urn:t|{value}"
    first, second = (
        world.ask("PUT", path, token, json=body),
        world.ask("PUT", path, token, json={**body, "status": "amended"}),
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert world.ask("PUT", path, token, json={**body, "id": "another"}).status_code == 400
    assert world.ask("POST", "Observation", token, json=body).status_code == 201
    assert world.ask("PUT", path, token, json=body).status_code == 412
    assert world.ask("DELETE", path, token).status_code == 412
    assert world.ask("PUT", "Observation?subject.name=x", token, json=body).status_code == 412


@pytest.mark.parametrize("words", [ALL, "user/*.cruds"])
@pytest.mark.parametrize("type", ["Practitioner", "Organization", "Location", "Device", "Medication"])
def test_shared_types_are_written_by_system_scopes_only(world: World, words: str, type: str) -> None:
    token = world.token(words, user="Practitioner/x")
    body = {"resourceType": type, "name": "n"} if type in ("Organization", "Location") else {"resourceType": type}
    assert world.ask("POST", type, token, json=body).status_code == 403
    assert (
        world.ask("PUT", f"{type}/{world.id('free')}", token, json={**body, "id": world.id("free")}).status_code == 403
    )
    assert world.ask("POST", type, world.token("system/*.c", patient=None), json=body).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Group", "type": "person", "actual": True},
        {"resourceType": "AuditEvent"},
        {"resourceType": "Binary", "contentType": "text/plain"},
        {"resourceType": "Patient"},
    ],
)
def test_types_that_are_closed_to_a_patient_are_not_written(world: World, body: dict[str, Any]) -> None:
    assert world.ask("POST", body["resourceType"], json=body).status_code == 403


def test_nothing_is_returned_to_who_may_not_read(world: World) -> None:
    writer = world.token("patient/Observation.cu")
    body = world.observation("unread", "p1")
    answer = world.ask(
        "PUT", f"Observation/{world.id('unread')}", writer, json=body, headers={"prefer": "return=representation"}
    )
    assert (answer.status_code, answer.content) == (201, b"")


def test_an_update_that_wants_nothing_there_overwrites_nothing(world: World) -> None:
    path, body = f"Observation/{world.id('first')}", world.observation("first", "p1")
    only_new = {"if-none-match": "*"}
    assert world.ask("PUT", path, json=body, headers=only_new).status_code == 201
    changed = {**body, "status": "amended"}
    assert world.ask("PUT", path, json=changed, headers=only_new).status_code == 412
    kept = world.stored("Observation", "first")
    assert (kept or {})["status"] == "final"
    assert world.ask("PUT", path, json=changed, headers={"if-none-match": 'W/"77"'}).status_code == 200
    foreign = {**world.observation("o2", "p1"), "id": world.id("o2")}
    told = world.ask("PUT", f"Observation/{world.id('o2')}", json=foreign, headers=only_new)
    assert told.status_code == 404


def test_a_patch_by_a_condition_changes_the_one_that_it_matches(world: World) -> None:
    """R4 §3.1.0.6: none is 404, several are 412."""
    keys = [
        {"identifier": [{"system": "urn:t", "value": f"{world.run}-{name}"}]} for name in ("patched", "many", "many")
    ]
    for number, key in enumerate(keys):
        body = world.observation(f"patched{number}", "p1", **key)
        assert world.ask("PUT", f"Observation/{body['id']}", json=body).status_code == 201
    amend = [{"op": "replace", "path": "/status", "value": "amended"}]
    headers = {"content-type": "application/json-patch+json"}

    def patched(name: str, token: str | None = None, **more: str) -> int:
        path = f"Observation?identifier=urn:t|{world.run}-{name}"
        return world.ask("PATCH", path, token, json=amend, headers={**headers, **more}).status_code

    assert patched("patched", **{"if-match": 'W/"7"'}) == 412
    assert patched("patched", world.token("patient/Observation.rs")) == 403
    assert patched("patched") == 200
    assert (world.stored("Observation", "patched0") or {})["status"] == "amended"
    assert (patched("none-such"), patched("many")) == (404, 412)
    assert patched(f"2&_id={world.id('o2')}") == 404  # another patient's
    assert (world.stored("Observation", "o2") or {})["status"] == "final"
