"""Batches and transactions at the face, before both stores: judged entry by entry, all or nothing."""

import json
import uuid
from typing import Any

import pytest

from gateway.face.naming import SEARCHES
from tests.contract.face_world import World, bundle, entry


def test_a_batch_is_judged_entry_by_entry(world: World) -> None:
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"}, {"name": "value", "valueCode": "amended"}]}]}  # fmt: skip
    answer = world.ask("POST", "", json=bundle(
        "batch", entry("GET", f"Observation/{world.id('o1')}"), entry("GET", f"Observation/{world.id('o2')}"),
        entry("GET", "Observation?_count=2"), entry("PATCH", f"Observation/{world.id('v1')}", resource=patch),
        entry("PATCH", f"Observation/{world.id('v2')}", resource=patch), entry("DELETE", "Observation?_id=none-such"),
        entry("GET", f"Observation/{world.id('o1')}/_history"),
    ))  # fmt: skip
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == [
        "200",
        "404",
        "200",
        "200",
        "404",
        "404",
        "200",
    ]


@pytest.mark.parametrize(
    "bad", [entry("GET", "Observation/{o2}"), entry("DELETE", "Observation/{o2}"), entry("GET", "Observation/{nobody}"), entry("GET", "$export"),
            entry("GET", "http://elsewhere/Observation/x"), entry("POST", "", resource={"resourceType": "Bundle", "type": "batch"}), entry("get", "Observation"),
            entry("POST", "Observation/$meta-add"), entry("GET", "Observation?subject.name=x"), entry("PUT", "Patient/{p2}", resource={"resourceType": "Patient", "id": "{p2}"})],
)  # fmt: skip
def test_a_transaction_is_all_or_nothing(world: World, bad: dict[str, Any]) -> None:
    text = json.dumps(bad)
    for name in ("p2", "o2", "nobody"):
        text = text.replace(f"{{{name}}}", world.id(name))
    good = entry("PUT", f"Observation/{world.id('all')}", resource=world.observation("all", "p1"))
    assert 400 <= world.ask("POST", "", json=bundle("transaction", good, json.loads(text))).status_code < 500
    assert world.stored("Observation", "all") is None


def test_what_a_transaction_deletes_cannot_be_referred_to_by_what_it_makes(world: World) -> None:
    going = entry("PUT", f"Observation/{world.id('going')}", resource=world.observation("going", "p1"))
    assert world.ask("POST", "", json=bundle("transaction", going)).status_code == 200
    member = {**world.observation("member", "p1"), "hasMember": [{"reference": f"Observation/{world.id('going')}"}]}
    made = {name: value for name, value in member.items() if name != "id"}
    gone = entry("DELETE", f"Observation/{world.id('going')}")
    for write in (
        entry("POST", "Observation", resource=made), entry("PUT", f"Observation/{world.id('member')}", resource=member),
    ):  # fmt: skip
        if world.ehr.upstream is None:  # HAPI itself takes that, and the reference leads nowhere then
            assert world.ask("POST", "", json=bundle("transaction", write, gone)).status_code == 422
        assert world.stored("Observation", "going") is not None
        alone = world.ask("POST", "", json=bundle("transaction", write))
        assert alone.status_code == 200, alone.text


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a transaction"])
def test_what_has_no_id_yet_is_not_what_a_reference_to_none_names(world: World, alone: bool) -> None:
    made = {**world.observation("x", "p1"), "hasMember": [{"reference": "Observation/None"}]}
    del made["id"]
    sent = made if alone else bundle("transaction", entry("POST", "Observation", resource=made))
    everybodys = world.token("user/*.cruds", user="Practitioner/x")
    for token in (None, everybodys) if world.ehr.upstream is None else (None,):
        assert world.ask("POST", "Observation" if alone else "", token, json=sent).status_code == 422


def test_a_transaction_answers_in_the_order_of_its_entries(world: World) -> None:
    name, target = f"urn:uuid:{uuid.uuid4()}", world.observation("x", "p1")
    del target["id"]
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": name}],
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"display": "x"}}],
    }
    answer = world.ask("POST", "", json=bundle(
        "transaction", entry("GET", f"Observation/{world.id('o1')}"), entry("POST", "Provenance", resource=provenance),
        entry("POST", "Observation", resource=target, fullUrl=name), entry("GET", f"Patient/{world.id('p1')}"),
    ))  # fmt: skip
    assert answer.status_code == 200, answer.text
    statuses = [each["response"]["status"][:3] for each in answer.json()["entry"]]
    assert statuses == ["200", "201", "201", "200"]
    assert answer.json()["entry"][3]["resource"]["resourceType"] == "Patient"


def test_a_refused_entry_is_named_from_the_bundle_on(world: World) -> None:
    wrong = entry(
        "PUT", f"Observation/{world.id('wrong')}", resource={**world.observation("wrong", "p1"), "status": "bogus"}
    )
    good = entry("GET", f"Observation/{world.id('o1')}")
    answer = world.ask("POST", "", json=bundle("transaction", good, wrong))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]


def test_what_is_wrong_with_one_entry_of_a_batch_is_no_others_concern(world: World) -> None:
    answer = world.ask("POST", "", json=bundle(
        "batch", entry("GET", "Nothing/x"), entry("GET", "Observation?nothing=x"), entry("GET", "$export"), entry("GET", "//Observation"),
        entry("GET", "/Observation?code=http://loinc.org|718-7"), entry("GET", "Media?patient=x"),
        entry("GET", f"Observation/{world.id('o1')}"),
    ))  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert [each["response"]["status"] for each in answer.json()["entry"]] == [
        "404", "400", "400", "400", "200", "404", "200",
    ]  # fmt: skip
    assert all(each["response"]["outcome"]["issue"] for each in answer.json()["entry"][:4])


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_what_a_bundle_writes_is_returned_as_it_prefers(world: World, kind: str) -> None:
    told = {}
    for prefer in ("minimal", "representation", "OperationOutcome"):
        body = world.observation(f"prefer-{kind}-{prefer.lower()}", "p1")
        write = entry("PUT", f"Observation/{body['id']}", resource=body)
        answer = world.ask("POST", "", json=bundle(kind, write), headers={"prefer": f"return={prefer}"})
        assert answer.status_code == 200, answer.text
        told[prefer] = answer.json()["entry"][0]
    assert "resource" not in told["minimal"]
    assert "outcome" not in told["minimal"]["response"]
    assert told["representation"]["resource"]["resourceType"] == "Observation"
    assert told["OperationOutcome"]["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_what_a_condition_updates_may_be_referred_to(world: World) -> None:
    """By the name of its entry, whether it is there already or made by it."""
    key = {"system": "urn:t", "value": f"{world.run}-encounter"}
    visit = {"resourceType": "Encounter", "status": "in-progress", "identifier": [key], "subject": {"reference": f"Patient/{world.id('p1')}"},
             "class": {"code": "IMP", "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"}}  # fmt: skip
    name, places = f"urn:uuid:{uuid.uuid4()}", []
    for number, status in ((1, "201"), (2, "200")):
        seen = world.observation(f"seen{number}", "p1", encounter={"reference": name})
        answer = world.ask("POST", "", json=bundle(
            "transaction", entry("PUT", f"Encounter?identifier=urn:t|{key['value']}", resource=visit, fullUrl=name),
            entry("PUT", f"Observation/{seen['id']}", resource=seen),
        ))  # fmt: skip
        assert answer.status_code == 200, answer.text
        assert answer.json()["entry"][0]["response"]["status"][:3] == status
        kept = world.stored("Observation", f"seen{number}") or {}
        places.append(kept["encounter"]["reference"])
    assert places[0] == places[1]
    assert places[0].startswith("Encounter/")


def test_references_by_search_have_an_end(world: World) -> None:
    """Each is a search of its own, and all of them stand in one transaction."""
    said = [{"reference": f"Patient?_id={world.id('p1')},none{place}"} for place in range(SEARCHES + 1)]
    many = world.observation("many", "p1", focus=said)
    answer = world.ask("POST", "", json=bundle("transaction", entry("PUT", f"Observation/{many['id']}", resource=many)))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-costly")
    again = world.observation("again", "p1", focus=[{"reference": f"Patient?_id={world.id('p1')}"}] * (SEARCHES + 1))
    answer = world.ask(
        "POST", "", json=bundle("transaction", entry("PUT", f"Observation/{again['id']}", resource=again))
    )
    assert answer.status_code == 200, answer.text


def test_two_creates_of_one_condition_are_no_transaction(world: World) -> None:
    key = f"urn:t|{world.run}-twice"
    body = world.observation("twice", "p1", identifier=[{"system": "urn:t", "value": f"{world.run}-twice"}])
    del body["id"]

    def create(**more: Any) -> dict[str, Any]:
        request = {"method": "POST", "url": "Observation", "ifNoneExist": f"identifier={key}"}
        return {"resource": body, "request": request, **more}

    for names in ({}, {"fullUrl": f"urn:uuid:{uuid.uuid4()}"}):
        assert world.ask("POST", "", json=bundle("transaction", create(), create(**names))).status_code == 400
        assert world.ids(world.ask("GET", f"Observation?identifier={key}")) == set()
    answer = world.ask("POST", "", json=bundle("batch", create(), create()))
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["201", "200"]
