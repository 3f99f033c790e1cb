"""An EHR that answers oddly, within the law or just beside it: nothing is sent twice for that, and what is there is found."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.storage.database import Database
from r4 import codec
from tests.contract.outbox_world import (
    BY_POST,
    OFFERED,
    TYPES,
    Ehr,
    accept,
    said,
    settle,
    state,
    states,
    submission,
)
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost
from writeback.speaking.answers import Answer
from writeback.terms import Terms

BY_CONDITION = Capabilities(types=dict.fromkeys(TYPES, replace(OFFERED, update_create=False)))
CARD = "DocumentReference card"


class Losing(Ehr):
    """Loses the answer to the first create of each type, after it was processed; ``shows`` may change what it finds."""

    def __init__(self, shows: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__()
        self.shows, self.lost = shows, set[str]()

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        answer = await super().send(method, path, **given)
        if method == "POST" and path not in self.lost:
            self.lost.add(path)
            raise AnswerLost("cut")
        if method == "GET" and "?" in path:
            bundle = codec.parse(answer.body) if answer.status == 200 else {}
            return Answer(status=200, body=codec.format(self.shows(path, bundle)))
        return answer


def delivered(database: Database, ehr: Ehr, *, offered: Capabilities = BY_POST, rounds: int = 60) -> str:
    made = submission(said(), capabilities=offered)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, rounds=rounds))
    return state(database, made.id)


def later(path: str, bundle: dict[str, Any]) -> dict[str, Any]:
    """What is looked for stands on the second page, as where the EHR does not know the parameter."""
    if "page=2" in path:
        return bundle
    other = {"resourceType": "Observation", "id": "other", "status": "final"}
    link = [{"relation": "self", "url": path}, {"relation": "next", "url": path.replace("?", "?page=2&")}]
    return {**bundle, "entry": [{"resource": other}], "link": link}


def test_what_stands_on_a_later_page_is_found_and_not_sent_again(database: Database) -> None:
    assert delivered(database, ehr := Losing(later)) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4


def failing(path: str, bundle: dict[str, Any]) -> dict[str, Any]:
    issue = {"severity": "error", "code": "exception"}
    entry = {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}
    return {**bundle, "entry": [entry]}


@pytest.mark.parametrize(
    "shows",
    [
        failing,
        lambda path, bundle: {**bundle, "entry": [], "total": 3},
        lambda path, bundle: {**bundle, "entry": [], "link": [{"relation": "next", "url": path}]},
    ],
    ids=["an error among the matches", "fewer than its total", "pages without end"],
)
def test_where_a_search_did_not_come_to_its_end_nothing_is_sent_again(
    database: Database, shows: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> None:
    assert delivered(database, ehr := Losing(shows), rounds=8) == "pending"
    assert (states(database)[CARD], len(ehr.writes)) == ("in_doubt", 1)


def test_a_warning_among_the_matches_is_no_error(database: Database) -> None:
    def warned(path: str, bundle: dict[str, Any]) -> dict[str, Any]:
        issue = {"severity": "warning", "code": "informational", "details": {"coding": [{"code": "4101"}]}}
        outcome = {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}
        return {**bundle, "total": len(bundle["entry"]), "entry": [*bundle["entry"], outcome]}

    assert delivered(database, ehr := Losing(warned)) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4


class Filing(Ehr):
    """Takes what is created (202) and files it when it was looked for so often."""

    def __init__(self, *, patience: int) -> None:
        super().__init__()
        self.patience, self.looks, self.taken = patience, 0, list[tuple[str, dict[str, Any]]]()

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        if method == "POST" and path == "RiskAssessment":
            self.taken.append((path, given))
            return Answer(status=202)
        if method == "GET" and path.startswith("RiskAssessment?"):
            self.looks += 1
            if self.looks == self.patience:
                for place, what in self.taken:
                    await super().send("POST", place, **what)
        return await super().send(method, path, **given)


@pytest.mark.parametrize("offered", [BY_CONDITION, BY_POST], ids=["conditional", "post"])
def test_what_was_taken_to_be_filed_is_looked_for_and_never_sent_again(
    database: Database, offered: Capabilities
) -> None:
    """202 Accepted without a place (US Core 9, Writing Vital Signs): somebody may have to look at it first."""
    assert delivered(database, ehr := Filing(patience=6), offered=offered) == "delivered"
    assert (len(ehr.taken), len(ehr.kept)) == (1, 4)


@pytest.mark.parametrize("offered", [BY_CONDITION, BY_POST], ids=["conditional", "post"])
def test_what_was_taken_and_is_not_filed_stays_in_doubt(database: Database, offered: Capabilities) -> None:
    assert delivered(database, ehr := Filing(patience=10_000), offered=offered, rounds=30) == "pending"
    assert (len(ehr.taken), states(database)["RiskAssessment primary"]) == (1, "in_doubt")


def test_a_conditional_create_whose_answers_tell_nothing_is_looked_for(database: Database) -> None:
    class Mumbling(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            if method == "GET" or not any(name.startswith(f"{path}/") for name in self.kept):
                answer = await super().send(method, path, **given)
            return answer if method == "GET" else Answer(status=201, headers={"location": "Task/1"})

    assert delivered(database, ehr := Mumbling(), offered=BY_CONDITION) == "delivered"
    assert len(ehr.kept) == 4


@pytest.mark.parametrize("status", [None, 500, 504])
def test_a_server_that_looks_away_from_its_own_condition_gets_nothing_twice(
    database: Database, status: int | None
) -> None:
    lost: set[str] = set()

    class Blind(Ehr):
        """Makes a resource of each create, whatever ``If-None-Exist`` says."""

        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            if method == "GET" or path in lost:
                return answer
            lost.add(path)
            if status is None:
                raise AnswerLost("cut")
            return Answer(status=status)

    assert delivered(database, ehr := Blind(), offered=BY_CONDITION) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4


def test_a_503_whose_wish_says_nothing_is_no_promise_that_it_was_not_processed(database: Database) -> None:
    told: set[str] = set()

    class Unclear(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            if method == "GET" or path in told:
                return answer
            told.add(path)
            return Answer(status=503, headers={"retry-after": "soon"})

    assert delivered(database, ehr := Unclear()) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4


BUSY = [
    Answer(status=429),
    Answer(status=429, headers={"retry-after": "1"}),
    Answer(status=503, headers={"retry-after": "1"}),
]


class Busy(Ehr):
    """Says of the first create of each type that it was not processed (RFC 9110 §15.6.4), although it was where ``keeps``;
    ``looking`` is what it answers to the first search after that."""

    def __init__(self, word: Answer, *, keeps: bool = True, looking: Answer | None = None) -> None:
        super().__init__()
        self.word, self.keeps, self.looking, self.told = word, keeps, looking, set[str]()

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        if method == "GET" and "?" in path and self.looking is not None:
            answer, self.looking = self.looking, None if self.looking.status >= 429 else self.looking
            return answer
        if method != "POST" or path == "" or path in self.told:
            return await super().send(method, path, **given)
        if self.keeps:
            await super().send(method, path, **given)
        self.told.add(path)
        return self.word


@pytest.mark.parametrize("terms", [Terms(), Terms(batch=True)], ids=["singly", "in batches"])
@pytest.mark.parametrize("word", BUSY, ids=["429", "429 later", "503 later"])
def test_what_is_there_although_the_ehr_said_that_it_was_too_busy_is_found(
    database: Database, word: Answer, terms: Terms
) -> None:
    asyncio.run(accept(database, made := submission(said(), capabilities=BY_POST)))
    asyncio.run(settle(database, ehr := Busy(word), terms=terms))
    assert state(database, made.id) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4


@pytest.mark.parametrize(
    ("keeps", "looking", "sent"),
    [(False, None, 4), (False, Answer(status=403), 4), (False, Answer(status=501), 4), (True, Answer(status=429), 4),
     (True, Answer(status=500), 4)],
    ids=["not there", "no search", "not built", "busy again", "ill"],
)  # fmt: skip
def test_a_busy_ehr_is_believed_where_it_does_not_tell_and_asked_again_where_it_does_not_answer(
    database: Database, keeps: bool, looking: Answer | None, sent: int
) -> None:
    ehr = Busy(BUSY[0], keeps=keeps, looking=looking)
    assert delivered(database, ehr) == "delivered"
    assert (len(ehr.kept), len(ehr.writes)) == (sent, sent)


@pytest.mark.parametrize("id", [".", ".."])
def test_a_place_that_no_address_has_is_none(database: Database, id: str) -> None:
    class Dotted(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            return answer if method == "GET" else Answer(status=201, headers={"location": f"{path}/{id}"})

    assert delivered(database, ehr := Dotted()) == "delivered"
    assert len(ehr.kept) == len(ehr.writes) == 4
    shown = states(database)
    assert set(shown.values()) == {"delivered"}


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_in_words_of_the_ehrs_own_that_says_no_is_a_refusal(database: Database, status: int) -> None:
    """eClinicalWorks answers by a number and a key, with 200 as well."""

    def no(method: str, path: str, number: int) -> Answer | None:
        return (
            Answer(status=status, body=b'{"status":100,"key":"INVALID_PATIENT"}') if path == "RiskAssessment" else None
        )

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    terms = Terms(refusals=frozenset({"INVALID_PATIENT"}))
    asyncio.run(settle(database, ehr := Ehr(fault=no), terms=terms))
    assert (state(database, made.id), ehr.writes.count("POST RiskAssessment")) == ("failed", 1)


def test_one_that_says_yes_without_a_place_is_found_at_once(database: Database) -> None:
    class Numbered(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            return answer if method == "GET" else Answer(status=200, body=b'{"status":0,"key":"SUCCESS"}')

    assert delivered(database, ehr := Numbered(), rounds=4) == "delivered", "no quarantine is waited out"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_what_was_taken_and_cannot_be_looked_for_is_not_sent_again(database: Database) -> None:
    class Blind(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            if method == "GET":
                return Answer(status=500)
            await super().send(method, path, **given)
            return Answer(status=202)

    assert delivered(database, ehr := Blind(), rounds=12) == "pending"
    assert len(ehr.writes) == 1
