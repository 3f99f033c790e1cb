"""One suite, both databases: many deliveries in one Bundle, each with an answer of its own, and nothing lost or doubled."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_ID, BY_POST, Ehr, accept, said, settle, submission
from writeback import tables
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost
from writeback.ledger import outputs
from writeback.speaking.answers import Answer
from writeback.terms import Terms

BATCH = Terms(batch=True)
NUMBER = 8


def deliver(database: Database, ehr: Ehr, *, capabilities: Capabilities = BY_ID, terms: Terms = BATCH) -> list[str]:
    """Accepts some outputs, delivers them, and gives the state of each."""

    async def work() -> None:
        for number in range(NUMBER):
            made = said(inference_id=str(number), patient=f"Patient/p{number}")
            await accept(database, submission(made, capabilities=capabilities))
        await settle(database, ehr, rounds=200, terms=terms)

    asyncio.run(work())
    return [
        output["state"]
        for output in database.run_now(lambda connection, now: outputs.list_outputs(connection, now, limit=99))
    ]  # fmt: skip


def columns(database: Database, *names: str) -> list[Any]:
    query = select(*(tables.deliveries.c[name] for name in names))
    return database.run_now(lambda connection, now: [tuple(row) for row in connection.execute(query)])


def size(database: Database) -> tuple[int, int]:
    def work(connection: Connection, now: float) -> tuple[int, int]:
        row = connection.execute(select(tables.targets)).one()
        return row.batch_size, row.batch_most

    return database.run_now(work)


@pytest.mark.parametrize("capabilities", [BY_ID, BY_POST], ids=["put", "post"])
def test_outputs_go_together_and_each_is_there_once_and_read_back(
    database: Database, capabilities: Capabilities
) -> None:
    ehr = Ehr()
    assert deliver(database, ehr, capabilities=capabilities) == ["delivered"] * NUMBER
    assert len(ehr.kept) == len(ehr.writes) == 2 * NUMBER + 2
    assert max(ehr.bundles) > 4
    assert set(columns(database, "read_back")) == {(True,)}
    provenances = [each for each in ehr.kept.values() if each["resourceType"] == "Provenance"]
    assert all(each["target"][0]["reference"].endswith("/_history/1") for each in provenances)


@pytest.mark.parametrize("batch", [True, False], ids=["together", "singly"])
def test_where_a_search_says_what_is_there_it_is_read_back_by_that(database: Database, batch: bool) -> None:
    ehr = Ehr()
    terms = Terms(batch=batch, search_reads={"cache-control": "no-cache"})
    assert deliver(database, ehr, terms=terms) == ["delivered"] * NUMBER
    assert set(columns(database, "read_back")) == {(True,)}
    assert max(search.count(",") for search in ehr.sought) > 2


def test_what_a_search_does_not_show_is_read_by_a_batch(database: Database) -> None:
    class Blind(Ehr):
        def _read(self, path: str) -> Answer:
            return Answer(status=500) if "?" in path else super()._read(path)

    ehr = Blind()
    assert deliver(database, ehr, terms=Terms(batch=True, search_reads={"x": "y"})) == ["delivered"] * NUMBER
    assert set(columns(database, "read_back")) == {(True,)}


@pytest.mark.parametrize("batch", [True, False], ids=["together", "singly"])
def test_the_headers_of_a_first_put_go_with_no_second_one(database: Database, batch: bool) -> None:
    """The first answer is 409, as that of an EHR which has the id all the same."""
    again: list[str] = []

    def fault(method: str, path: str, number: int) -> Answer | None:
        if path.startswith("RiskAssessment") and path not in again:
            again.append(path)
            return Answer(status=409)
        return None

    ehr = Ehr(fault=fault)
    terms = Terms(batch=batch, first_put={"x-first": "yes"})
    assert deliver(database, ehr, terms=terms) == ["delivered"] * NUMBER
    assert sorted(ehr.firsts) == sorted(ehr.kept), "each once"
    assert ehr.writes.count("PUT RiskAssessment") == 2 * NUMBER


def test_without_the_ehr_saying_batch_everything_goes_singly(database: Database) -> None:
    ehr = Ehr()
    assert deliver(database, ehr, terms=Terms()) == ["delivered"] * NUMBER
    assert ehr.bundles == []


@pytest.mark.parametrize("capabilities", [BY_ID, BY_POST], ids=["put", "post"])
def test_a_bundle_whose_answer_never_came_is_in_doubt_entry_by_entry(
    database: Database, capabilities: Capabilities
) -> None:
    lost: list[int] = []

    def lose(entries: list[Any]) -> list[Any]:
        if len(lost) < 2 and "location" in entries[0]["response"]:
            lost.append(len(entries))
            raise AnswerLost("cut")
        return entries

    ehr = Ehr(say=lose)
    assert deliver(database, ehr, capabilities=capabilities) == ["delivered"] * NUMBER
    assert len(lost) == 2
    assert len(ehr.kept) == len(ehr.writes) == 2 * NUMBER + 2


@pytest.mark.parametrize(
    "say",
    [lambda entries: entries[::-1], lambda entries: entries[:-1], lambda entries: [*entries[:-1], entries[0]]],
    ids=["reversed", "one missing", "one twice"],
)
@pytest.mark.parametrize("capabilities", [BY_ID, BY_POST], ids=["put", "post"])
def test_answers_out_of_place_belong_to_whom_they_name(
    database: Database, capabilities: Capabilities, say: Any
) -> None:
    ehr = Ehr(say=say)
    assert deliver(database, ehr, capabilities=capabilities) == ["delivered"] * NUMBER
    assert len(ehr.kept) == len(ehr.writes) == 2 * NUMBER + 2
    for location, key in columns(database, "location", "key"):
        assert key in str(ehr.kept[location])


def test_one_refused_entry_leaves_its_neighbours_standing(database: Database) -> None:
    def refuse(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=422) if path in refused else None

    refused: list[str] = []
    ehr = Ehr(fault=refuse, whole=lambda bundle: refused.extend(path_of(bundle)[:1] if not refused else []))
    states = deliver(database, ehr)
    assert sorted(states) == ["delivered"] * (NUMBER - 1) + ["failed"]


def path_of(bundle: Any) -> list[str]:
    return [entry["request"]["url"] for entry in bundle["entry"] if entry["request"]["url"].startswith("RiskAss")]


@pytest.mark.parametrize("status", [413, 503, 400])
def test_a_bundle_that_is_too_much_is_sent_in_smaller_ones(database: Database, status: int) -> None:
    def too_large(bundle: Any) -> Answer | None:
        return Answer(status=status, headers={"retry-after": "1"}) if len(bundle["entry"]) > 3 else None

    ehr = Ehr(whole=too_large)
    assert deliver(database, ehr) == ["delivered"] * NUMBER
    assert len(ehr.kept) == len(ehr.writes) == 2 * NUMBER + 2
    if status == 413:
        assert size(database)[1] <= 4


def test_a_bundle_that_was_done_although_the_ehr_says_later_is_looked_for(database: Database) -> None:
    class Late(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            later = path == "" and len(self.bundles) == 1
            return Answer(status=503, headers={"retry-after": "1"}) if later else answer

    ehr = Late()
    assert deliver(database, ehr, capabilities=BY_POST) == ["delivered"] * NUMBER
    assert len(ehr.kept) == len(ehr.writes) == 2 * NUMBER + 2


def test_an_ehr_that_advertises_batch_and_takes_none_gets_single_requests(database: Database) -> None:
    ehr = Ehr(whole=lambda bundle: Answer(status=404))
    assert deliver(database, ehr) == ["delivered"] * NUMBER
    assert size(database) == (1, 1)
    assert len(ehr.bundles) <= 4


def test_the_size_grows_while_bundles_are_answered_and_is_remembered(database: Database) -> None:
    deliver(database, Ehr())
    assert size(database)[0] > 8


@pytest.mark.parametrize(("share", "read"), [(0.0, False), (1.0, True)])
def test_the_policy_says_what_is_read_back(database: Database, share: float, read: bool) -> None:
    for terms in (Terms(batch=True, read_back=share), Terms(read_back=share)):
        assert set(deliver(database, Ehr(), terms=terms)) == {"delivered"}
    assert {row[0] for row in columns(database, "read_back")} == {read}


class Forgets(Ehr):
    """Says 201 to the first RiskAssessments that it gets, and keeps none of them: ``left`` more times."""

    left: int = 3

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        answer = await super().send(method, path, headers=headers, body=body)
        if method != "GET" and path.startswith("RiskAssessment") and self.left > 0:
            self.left -= 1
            name = answer.headers["location"].partition("/_history")[0]
            self.kept[f"Gone/{name}"] = {**self.kept.pop(name), "resourceType": "Gone", "identifier": []}
        return answer


def test_what_a_batch_did_not_keep_is_in_doubt_and_sent_again_by_id(database: Database) -> None:
    ehr = Forgets()
    assert deliver(database, ehr) == ["delivered"] * NUMBER
    assert set(columns(database, "read_back")) == {(True,)}
    assert (len(ehr.kept), len(ehr.writes)) == (2 * NUMBER + 2 + 3, 2 * NUMBER + 2 + 3)


def test_what_a_batch_did_not_keep_and_may_not_be_sent_twice_is_not_called_read(database: Database) -> None:
    ehr = Forgets()
    assert deliver(database, ehr, capabilities=BY_POST) == ["delivered"] * NUMBER
    unread = [cause for read, cause in columns(database, "read_back", "cause") if not read]
    assert unread == ["not_found_again"] * 3
    assert (len(ehr.kept), len(ehr.writes)) == (2 * NUMBER + 2, 2 * NUMBER + 2)
