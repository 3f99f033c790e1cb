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
        entry("update", type="Patient", id="s", full_url="http://e.example/Patient/s", body={}),
        entry("create", body={
            **refers("urn:p"), "focus": [{"reference": "urn:q"}, {"reference": "urn:r"}, {"reference": "http://e.example/Patient/s"}],
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
        "id": "n4", **refers("Patient/n0"), "focus": [{"reference": "urn:q"}, {"reference": "Patient/r"}, {"reference": "http://e.example/Patient/s"}],
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
