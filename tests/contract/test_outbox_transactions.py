"""Resources of one output that refer to one another: all at the EHR at once, or one by one where that is not taken."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from gateway.storage.database import Database
from r4 import codec
from tests.contract.outbox_world import BY_ID, BY_POST, NAMES, OFFERED, TYPES, Ehr, accept, said, settle, state
from tests.unit.writeback.examples import manifest, output
from vocabulary.manifest import Code, Report
from writeback import tables
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost
from writeback.gate import Admitted
from writeback.ledger.outputs import Submission
from writeback.planning import plan
from writeback.speaking.answers import Answer
from writeback.terms import Terms

GROUPED = replace(OFFERED, update_create=False)
BY_CONDITION = Capabilities(types=dict.fromkeys((*TYPES, "DiagnosticReport"), GROUPED))
WAYS = {
    "put": Capabilities(types={**BY_ID.types, "DiagnosticReport": OFFERED}), "conditional": BY_CONDITION,
    "post": Capabilities(types={**BY_POST.types, "DiagnosticReport": BY_POST.types["Observation"]}),
}  # fmt: skip
SET, ALL = 3, 6
"""A part, the score and the report; with model card, Device and Provenance."""


@dataclass
class Uniting(Ehr):
    """An EHR that takes transactions; ``stumble`` is asked before one is done."""

    sets: list[list[str]] = field(default_factory=list)
    batches: bool = True
    stumble: Callable[[int], Answer | None] = lambda number: None

    async def send(self, method: str, path: str, *, headers: Any = None, body: bytes | None = None) -> Answer:
        if path == "" and b'"type":"batch"' in (body or b"") and not self.batches:
            return Answer(status=400)
        if path != "" or b'"type":"transaction"' not in (body or b""):
            return await super().send(method, path, headers=headers, body=body)
        bundle = codec.parse(body or b"")
        self.sets.append([entry["request"]["method"] for entry in bundle["entry"]])
        if (answer := self.stumble(len(self.sets))) is not None:
            return answer
        places = [self._place(entry) for entry in bundle["entry"]]
        text = codec.format(bundle)
        for entry, place in zip(bundle["entry"], places, strict=True):
            text = text.replace(f'"{entry["fullUrl"]}"'.encode(), f'"{place}"'.encode()) if "fullUrl" in entry else text
        for entry, place in zip(codec.parse(text)["entry"], places, strict=True):
            id = place.partition("/")[2]
            self.kept[place] = {**entry["resource"], "id": id, "meta": {**entry["resource"]["meta"], "versionId": "1"}}
        told = [{"response": {"status": "201 Created", "location": f"{place}/_history/1"}} for place in places]
        answered = {"resourceType": "Bundle", "type": "transaction-response", "entry": self.say(told)}
        return Answer(status=200, body=codec.format(answered))

    def _place(self, entry: Any) -> str:
        url = entry["request"]["url"]
        return url if "/" in url else f"{url}/made-{entry['fullUrl'][-12:]}"


def deliver(database: Database, ehr: Ehr, way: str, *, terms: Terms | None = None) -> str:
    """A score with a part and a report over them is accepted and delivered; the output's state."""
    told = output("score", as_of=said().as_of)
    model = manifest(
        "score", report=Report(codes=(Code(system="urn:chartgate:assessment", code="round"),), title="Round")
    )
    write = plan(
        told, model, admitted=Admitted(inputs=told.inputs), names=NAMES, capabilities=WAYS[way], now=told.as_of
    )
    made = Submission(
        id="0" * 32, output=told, manifest=model, judged=Admitted(), verdict=None, principal="backend", submitter="test",
        write=write,
    )  # fmt: skip
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, rounds=100, terms=terms or Terms(batch=True, transaction=True)))
    return state(database, made.id)


def whole(ehr: Ehr) -> bool:
    """Everything is there once, and what refers to something refers to what is there."""
    by_type: dict[str, list[dict[str, Any]]] = {}
    for each in ehr.kept.values():
        by_type.setdefault(each["resourceType"], []).append(each)
    numbers = {type: len(found) for type, found in by_type.items()}
    report, provenance = by_type["DiagnosticReport"][0], by_type["Provenance"][0]
    named = [each["reference"] for each in report["result"]]
    named += [each["reference"].removesuffix("/_history/1") for each in provenance["target"]]
    named += [each["reference"] for found in by_type["Observation"] for each in found.get("hasMember", ())]
    assert all(each["reference"].endswith("/_history/1") for each in provenance["target"])
    once = {"Observation": 2, "DiagnosticReport": 1, "Provenance": 1, "Device": 1, "DocumentReference": 1}
    return numbers == once and len(named) > SET and set(named) <= set(ehr.kept)


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_what_belongs_together_is_one_transaction_and_its_provenance_follows(
    database: Database, way: str, batch: bool
) -> None:
    ehr = Uniting(batches=batch)
    assert deliver(database, ehr, way, terms=Terms(batch=batch, transaction=True)) == "delivered"
    assert ehr.sets == [["PUT" if way == "put" else "POST"] * SET]
    assert len(ehr.writes) == ALL - SET
    assert whole(ehr)
    query = select(tables.deliveries.c.attempt, tables.deliveries.c.read_back, tables.deliveries.c.blockers)
    rows = database.run_now(lambda connection, now: [tuple(row) for row in connection.execute(query)])
    assert set(rows) == {(1, True, 0)}


@pytest.mark.parametrize("way", WAYS)
def test_where_no_transaction_is_advertised_they_go_in_their_order(database: Database, way: str) -> None:
    ehr = Uniting()
    assert deliver(database, ehr, way, terms=Terms()) == "delivered"
    assert (ehr.sets, len(ehr.writes), whole(ehr)) == ([], ALL, True)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413, 422, 429, 501])
@pytest.mark.parametrize("way", WAYS)
def test_a_transaction_that_is_refused_says_nothing_about_its_parts(database: Database, way: str, status: int) -> None:
    ehr = Uniting(stumble=lambda number: Answer(status=status))
    assert deliver(database, ehr, way) == "delivered"
    assert len(ehr.sets) == 1
    assert len(ehr.kept) == len(ehr.writes) == ALL
    assert whole(ehr)


SILENT = {
    "lost": None, "500": Answer(status=500), "502": Answer(status=502), "a page": Answer(status=200, body=b"<html>"),
    "429": Answer(status=429), "503 later": Answer(status=503, headers={"retry-after": "0"}),
}  # fmt: skip


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("way", WAYS)
def test_a_transaction_without_an_answer_is_looked_for_part_by_part(
    database: Database, way: str, done: bool, answer: Answer | None
) -> None:
    class Silent(Uniting):
        async def send(self, method: str, path: str, *, headers: Any = None, body: bytes | None = None) -> Answer:
            if path == "" and b'"type":"transaction"' in (body or b""):
                if done:
                    await super().send(method, path, headers=headers, body=body)
                if answer is None:
                    raise AnswerLost("cut")
                return answer
            return await super().send(method, path, headers=headers, body=body)

    ehr = Silent()
    assert deliver(database, ehr, way) == "delivered"
    again = way == "put" and answer is not None and answer.status in (429, 503)  # to an id of ours: it can be repeated
    assert len(ehr.writes) == ALL - SET * (done and not again)
    assert whole(ehr)


def test_an_entry_that_nobody_answered_for_is_looked_for(database: Database) -> None:
    ehr = Uniting(say=lambda entries: entries[:-1])
    assert deliver(database, ehr, "put") == "delivered"
    assert len(ehr.sets) == 1
    assert whole(ehr)


def test_what_was_sent_before_by_itself_is_not_sent_with_the_others(database: Database) -> None:
    """A part that is in doubt is looked for; what waits for it goes when that is known."""
    lost: list[str] = []

    class Losing(Uniting):
        async def send(self, method: str, path: str, *, headers: Any = None, body: bytes | None = None) -> Answer:
            if b'"type":"transaction"' in (body or b"") and not lost:
                lost.append(path)
                raise AnswerLost("cut")
            return await super().send(method, path, headers=headers, body=body)

    ehr = Losing()
    assert deliver(database, ehr, "conditional") == "delivered"
    assert (ehr.sets, whole(ehr)) == ([], True)
