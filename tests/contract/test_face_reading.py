"""Reads and operations at the face, before both stores: what is foreign is told as what is absent."""

import httpx2
import pytest

from tests.contract.face_world import CATEGORY, READ, World, same


@pytest.mark.parametrize(
    ("type", "foreign"),
    [("Patient", "p2"), ("Observation", "o2"), ("Observation", "gone2"), ("Encounter", "e2"), ("Device", "taken"),
     ("Provenance", "prov12"), ("Binary", "bin2"), ("Binary", "bin0")],
)  # fmt: skip
def test_what_is_foreign_is_answered_as_what_is_absent(world: World, type: str, foreign: str) -> None:
    token = world.token()
    here, nowhere = f"{type}/{world.id(foreign)}", f"{type}/{world.id('nobody')}"
    for path in ("", "/_history", "/_history/1"):
        found, absent = world.ask("GET", here + path, token), world.ask("GET", nowhere + path, token)
        assert same(found, absent), path
        assert found.status_code == (403 if type == "Binary" else 404)
    for headers in (
        {"if-none-match": 'W/"1"'},
        {"if-none-match": "*"},
        {"if-modified-since": "Fri, 01 Jan 2038 00:00:00 GMT"},
    ):
        assert same(world.ask("GET", here, token, headers=headers), world.ask("GET", nowhere, token, headers=headers))


@pytest.mark.parametrize(
    ("type", "own"),
    [
        ("Patient", "p1"),
        ("Observation", "o1"),
        ("Device", "free"),
        ("Practitioner", "doctor"),
        ("Provenance", "prov1"),
    ],
)
def test_what_is_the_patients_own_or_nobodys_is_read(world: World, type: str, own: str) -> None:
    answer = world.ask("GET", f"{type}/{world.id(own)}")
    assert answer.status_code == 200
    assert answer.json()["id"] == world.id(own)


def test_what_is_unchanged_is_304_and_a_head_has_no_body(world: World) -> None:
    path = f"Observation/{world.id('o1')}"
    etag = world.ask("GET", path).headers["etag"]
    assert world.ask("GET", path, headers={"if-none-match": etag}).status_code == 304
    assert world.ask("GET", path, headers={"if-none-match": 'W/"77"'}).status_code == 200
    assert world.ask("GET", path, headers={"if-modified-since": "Fri, 01 Jan 2038 00:00:00 GMT"}).status_code == 304
    assert world.ask("GET", path, headers={"if-modified-since": "Fri, 01 Jan 2010 00:00:00 GMT"}).status_code == 200
    head = world.ask("HEAD", path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)


def test_versions_that_were_another_patients_are_withheld(world: World) -> None:
    path = f"Observation/{world.id('moved')}"
    now = world.ask("GET", path).json()["meta"]["versionId"]
    versions = [each["resource"]["meta"]["versionId"] for each in world.ask("GET", f"{path}/_history").json()["entry"]]
    assert versions == [now]
    assert "total" not in world.ask("GET", f"{path}/_history").json()
    assert world.ask("GET", f"{path}/_history/1").status_code == 404
    assert world.ask("GET", f"{path}/_history/{now}").status_code == 200
    system = world.token("system/*.rs", patient=None)
    assert len(world.ask("GET", f"{path}/_history", system).json()["entry"]) == 2


def test_a_granular_scope_is_held_by_every_way(world: World) -> None:
    token = world.token(f"patient/Observation.cruds?category={CATEGORY}|laboratory patient/Patient.r")
    assert "v1" not in world.ids(world.ask("GET", "Observation", token))
    assert world.ask("GET", f"Observation/{world.id('v1')}", token).status_code == 404
    assert world.ask("GET", f"Observation/{world.id('v1')}/_history", token).status_code == 404
    assert world.ids(world.ask("GET", f"Patient/{world.id('p1')}/$everything", token)) == {"p1", "o1", "moved", "mixed"}
    vital = world.observation("o1", "p1", "vital-signs")
    assert world.ask("PUT", f"Observation/{world.id('o1')}", token, json=vital).status_code == 403
    both = world.token(
        f"patient/Observation.u?category={CATEGORY}|laboratory patient/Observation.u?category={CATEGORY}|vital-signs"
    )
    assert world.ask("PUT", f"Observation/{world.id('o1')}", both, json=vital).status_code == 403


@pytest.mark.parametrize(
    "path", ["Encounter/{e1}/Observation", "Patient/{p1}/*", "Patient/{p2}/Observation", "Patient/{none}/Observation", "Patient/{p1}/Practitioner",
             "Patient/{p2}/$everything", "Patient/{none}/$everything", "_history", "Observation/_history", "Subscription", "Bundle/x"],
)  # fmt: skip
def test_other_ways_to_others_records_are_closed(world: World, path: str) -> None:
    said = path.format(**{name: world.id(name) for name in ("p1", "p2", "e1", "none")})
    assert world.ask("GET", said).status_code in (403, 404)


def test_a_compartment_is_searched_like_the_patient(world: World) -> None:
    found = world.ids(world.ask("GET", f"Patient/{world.id('p1')}/Observation"))
    assert found == world.ids(world.ask("GET", "Observation"))
    user = world.token("user/*.rs", patient=None, user="Practitioner/x")
    assert "o2" in world.ids(world.ask("GET", f"Patient/{world.id('p2')}/Observation", user))


def test_everything_is_all_pages_of_the_granted_types(world: World) -> None:
    found: set[str] = set()
    path: str | None = f"Patient/{world.id('p1')}/$everything?_count=3"
    token = world.token()
    pages = 0
    while path:
        answer = world.ask("GET", path, token)
        found |= world.ids(answer)
        pages += 1
        path = next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), None)
    assert found == {"p1", "e1", "o1", "v1", "moved", "mixed"}
    assert pages > 2
    narrow = world.ask("GET", f"Patient/{world.id('p1')}/$everything?_type=Encounter", token)
    assert world.ids(narrow) <= {"e1"}
    assert world.ask("GET", f"Patient/{world.id('p1')}/$everything?_type=Nothing", token).status_code == 400


@pytest.mark.parametrize(
    "operation",
    ["$export", "$graphql", "$expunge", "$reindex", "$match", "$member-match", "$meta", "$meta-delete", "$diff"],
)
def test_an_operation_that_no_patient_token_has_is_forbidden(world: World, operation: str) -> None:
    for path in (operation, f"Patient/{operation}", f"Patient/{world.id('p1')}/{operation}"):
        assert world.ask("GET", path).status_code == 403
    assert world.ask("GET", "$nothing").status_code == 404
    assert world.ask("GET", "$export", world.token("system/*.rs", patient=None)).status_code == 400


def test_validate_needs_a_write_scope_and_fetches_nothing(world: World) -> None:
    good = world.observation("x", "p1")
    answer = world.ask("POST", "Observation/$validate", json=good)
    assert (answer.status_code, answer.json()["issue"][0]["severity"]) == (200, "information")
    wrong = world.ask("POST", "Observation/$validate", json={**good, "status": "bogus"})
    assert wrong.json()["issue"][0]["expression"] == ["Observation.status"]
    profile = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": good},
            {"name": "profile", "valueUri": "http://169.254.169.254/"},
        ],
    }
    assert world.ask("POST", "Observation/$validate", json=profile).status_code == 400
    assert world.ask("POST", "Observation/$validate", world.token(READ), json=good).status_code == 403


def test_everything_may_be_posted_with_its_parameters(world: World) -> None:
    """R4 §3.2.0.1: every operation is a POST of Parameters."""
    where = f"Patient/{world.id('p1')}/$everything"

    def posted(*parts: dict[str, object]) -> httpx2.Response:
        return world.ask("POST", where, json={"resourceType": "Parameters", "parameter": [*parts]})

    said = [
        {"name": "_type", "valueCode": "Observation"},
        {"name": "_type", "valueCode": "Encounter"},
        {"name": "_count", "valueInteger": 50},
    ]
    assert world.ids(posted(*said)) == world.ids(world.ask("GET", f"{where}?_type=Observation,Encounter&_count=50"))
    assert world.ids(posted()) == world.ids(world.ask("GET", where))
    for wrong in (
        {"name": "nothing", "valueCode": "x"},
        {"name": "_count", "valueInteger": 0},
        {"name": "_count"},
        {"name": "_since", "resource": {}},
    ):
        assert posted(wrong).status_code == 400
    assert world.ask("POST", f"{where}?_count=1", json={"resourceType": "Parameters"}).status_code == 400
    assert world.ask("POST", where, json={"resourceType": "Patient"}).status_code == 400
    foreign = f"Patient/{world.id('p2')}/$everything"
    assert world.ask("POST", foreign, json={"resourceType": "Parameters"}).status_code == 404
