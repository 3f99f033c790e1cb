"""Batches, transactions and references as values: their order, what stands in one once, what they name and answer (R4 §3.1.0.11)."""

from typing import Any

import pytest

from r4 import codec
from r4.interaction import Answer, Interaction
from sandbox import batch
from sandbox.answering import REMEMBERED_BYTES, parsed, refusal, unplain
from tests.unit.sandbox.stores import BASE


@pytest.mark.parametrize("said", ["Patient/1", "Patient/1/_history/2", "http://e.example/Patient/1", "https://e.example/x", "urn:uuid:a", "#a",
                                  f"{BASE}/Patient/1"])  # fmt: skip
def test_what_names_something_may_be_stored(said: str) -> None:
    body = {"resourceType": "Observation", "subject": {"reference": said}}
    assert list(unplain(body, base=BASE)) == list(unplain(body, base=BASE, said=[said])) == []


@pytest.mark.parametrize(
    "said",
    [
        "Patient?identifier=1",
        "Patient",
        "patient/1",
        "http://e.example/a b",
        "urn:a b",
        "#a b",
        "ftp://e.example/x",
        "",
    ],
)
def test_what_names_nothing_is_told_by_its_element(said: str) -> None:
    body = {"resourceType": "Observation", "subject": {"reference": said}, "focus": [{"reference": "Patient/1"}]}
    assert [issue.element for issue in unplain(body, base=BASE)] == ["Observation.subject.reference"]
    assert [issue.element for issue in unplain(body, base=BASE, said=[said])] == ["Observation.subject.reference"]


def test_a_long_body_is_read_as_well_as_a_short_one() -> None:
    for size in (1, REMEMBERED_BYTES):
        assert parsed(codec.format({"a": "x" * size})) == {"a": "x" * size}
    assert refusal(400, "value", "no").headers == {}
    assert refusal(410, "deleted", "no", headers={"etag": "x"}).headers == {"etag": "x"}


def entry(action: Any, **members: Any) -> Interaction:
    return Interaction(action=action, type=members.pop("type", "Observation"), **members)


SEQUENCE = ("delete", "create", "update", "patch", "read", "vread", "search", "history")
"""R4 §3.1.0.11.2: DELETE, POST, PUT and PATCH, GET."""


@pytest.mark.parametrize("id", [None, "x"])
def test_a_transaction_deletes_creates_changes_and_reads_in_that_order(id: str | None) -> None:
    entries = [entry(action, id=id) for action in reversed(SEQUENCE)]
    assert [entries[place].action for place in batch.ordered(entries)] == list(SEQUENCE)


def refers(to: str) -> dict[str, Any]:
    return {"subject": {"reference": to}}


def test_among_updates_what_others_refer_to_comes_first() -> None:
    third, second = (
        entry("update", id="3", body=refers("Patient/2/_history/1")),
        entry("update", type="Patient", id="2", body=refers("Patient/1")),
    )
    first, other = entry("update", type="Patient", id="1"), entry("update", id="0", body=refers("Patient/elsewhere"))
    assert batch.ordered([third, second, first, other]) == [2, 1, 0, 3]
    assert batch.ordered(
        [entry("read", type="Patient", id="1"), entry("update", id="2", body=refers("Patient/1"))]
    ) == [1, 0]
    one, two = (
        entry("update", id="1", body=refers("Observation/2")),
        entry("update", id="2", body=refers("Observation/1")),
    )
    assert sorted(batch.ordered([one, two])) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        (entry("update", id="1"), entry("delete", id="1"), True), (entry("patch", id="1"), entry("patch", id="1"), True),
        (entry("update", id="1"), entry("read", id="1"), False), (entry("update", id="1"), entry("update", id="2"), False),
        (entry("update", id="1"), entry("update", type="Patient", id="1"), False), (entry("delete"), entry("delete"), False),
        (entry("create", full_url="urn:a"), entry("create", full_url="urn:a"), True), (entry("create"), entry("create"), False),
        (entry("create", full_url="urn:a"), entry("create", full_url="urn:b"), False),
        (entry("update", id="1", full_url="urn:a"), entry("update", id="2", full_url="urn:a"), False),
    ],
)  # fmt: skip
def test_a_resource_and_a_name_stand_in_a_transaction_once(one: Interaction, other: Interaction, wrong: bool) -> None:
    found = batch.fault([one, other])
    assert (found is not None) is wrong
    assert found is None or found.element == "Bundle.entry[1]"


def test_names_inside_a_bundle_become_what_their_resources_will_be_called() -> None:
    entries = [
        entry("create", type="Patient", full_url="urn:p", body={"resourceType": "Patient"}),
        entry("create", type="Patient", full_url="urn:q", body={}, if_none_exist=(("identifier", "1"),)),
        entry("update", type="Patient", id="r", full_url="urn:r", body={}),
        entry("update", type="Patient", id="s", full_url="http://e.example/Patient/old", body={}),
        entry("create", body={
            **refers("urn:p"), "focus": [{"reference": "urn:q"}, {"reference": "urn:r"}, {"reference": "http://e.example/Patient/old"}],
            "note": {"url": "urn:p", "uri": "urn:p", "text": "urn:p"}, "n": [1],
        }),
        entry("read", id="x"),
    ]  # fmt: skip
    made = batch.assign(entries, [f"n{number}" for number in range(6)])
    assert [(each.action, each.id) for each in made] == [
        ("update", "n0"),
        ("create", None),
        ("update", "r"),
        ("update", "s"),
        ("update", "n4"),
        ("read", "x"),
    ]
    assert made[0].body == {"resourceType": "Patient", "id": "n0"}
    assert made[4].body == {
        "id": "n4", **refers("Patient/n0"), "focus": [{"reference": "urn:q"}, {"reference": "Patient/r"}, {"reference": "Patient/s"}],
        "note": {"url": "Patient/n0", "uri": "Patient/n0", "text": "urn:p"}, "n": [1],
    }  # fmt: skip
    assert made[5].body is None


def test_the_answer_of_a_bundle_has_an_entry_for_each_in_order() -> None:
    answers = [
        Answer(status=201, resource={"id": "1"}, headers={"location": "l", "etag": "e", "last-modified": "m"}),
        Answer(status=204),
        Answer(status=404, resource={"id": "o"}),
        Answer(status=500),
    ]
    made = batch.bundle("batch", answers)
    assert made["type"] == "batch-response"
    assert made["entry"][:3] == [
        {"resource": {"id": "1"}, "response": {"status": "201", "location": "l", "etag": "e"}},
        {"response": {"status": "204"}},
        {"response": {"status": "404", "outcome": {"id": "o"}}},
    ]
    assert made["entry"][3]["response"]["outcome"]["issue"][0]["code"] == "exception"
    assert batch.bundle("transaction", ()) == {"resourceType": "Bundle", "type": "transaction-response"}


def test_nothing_to_rewrite_leaves_an_entry_as_it_is() -> None:
    told = entry("update", id="1", body=refers("urn:p"))
    assert batch.resolve(told, {}) is told
    assert batch.resolve(entry("read", id="1"), {"urn:p": "Patient/1"}).body is None
    assert batch.resolve(told, {"urn:p": "Patient/1"}).body == refers("Patient/1")


def test_every_kind_of_link_to_an_entry_is_rewritten_and_nothing_that_is_none() -> None:
    """R4 §3.1.0.11.2: references, uri, url, oid and uuid, and href and src of the narrative."""
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><a href="urn:p">urn:p</a><img src=\'urn:p\' alt="urn:p"/></div>'
    body = {
        "text": {"status": "generated", "div": div},
        "extension": [{"url": "http://e.example/x", "valueUri": "urn:p"}, {"url": "urn:p", "valueString": "urn:p"}, {"url": "http://e.example/y", "valueUuid": "urn:p"}],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:p"}], "policy": ["urn:p", "urn:q"], "instantiatesCanonical": ["urn:p"],
    }  # fmt: skip
    made = batch.resolve(entry("update", id="1", body=body), {"urn:p": "Patient/1"}).body or {}
    assert made["text"]["div"] == div.replace('href="urn:p"', 'href="Patient/1"').replace(
        "src='urn:p'", "src='Patient/1'"
    )
    assert [next(v for k, v in each.items() if k != "url") for each in made["extension"]] == [
        "Patient/1",
        "urn:p",
        "Patient/1",
    ]
    assert made["extension"][1]["url"] == "Patient/1"
    assert made["policy"] == ["Patient/1", "urn:q"]
    assert (made["identifier"], made["instantiatesCanonical"]) == (body["identifier"], body["instantiatesCanonical"])


def test_a_relative_reference_names_what_stands_beside_its_entry() -> None:
    """R4 §2.36.4.1: where an entry's fullUrl is an address, its relative references begin there."""
    entries = [
        entry("create", type="Patient", full_url="https://e.example/fhir/Patient/7", body={}),
        entry("create", full_url="https://e.example/fhir/Observation/8", body=refers("Patient/7")),
        entry("create", full_url="https://other.example/fhir/Observation/9", body=refers("Patient/7")),
        entry("create", full_url="urn:uuid:1", body=refers("https://e.example/fhir/Patient/7")),
        entry("create", body=refers("Patient/7")),
    ]
    made = batch.assign(entries, [f"n{number}" for number in range(5)])
    said = [(each.body or {})["subject"]["reference"] for each in made[1:]]
    assert said == ["Patient/n0", "Patient/7", "Patient/n0", "Patient/7"]


def test_a_condition_stands_in_a_transaction_once() -> None:
    """R4 §3.1.0.11.2: identities that overlap, those of conditions too, fail the transaction."""
    same, other = (("identifier", "1"),), (("identifier", "2"),)
    one, two = entry("create", if_none_exist=same), entry("update", condition=same)
    found = batch.alike({0: one, 3: two})
    assert found is not None
    assert found.element == "Bundle.entry[3]"
    assert (
        batch.alike({0: one, 1: entry("create", if_none_exist=other), 2: entry("create"), 3: entry("create")}) is None
    )
    assert batch.alike({0: one, 1: entry("create", type="Patient", if_none_exist=same)}) is None
