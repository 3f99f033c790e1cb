"""One suite, both databases: whatever the EHR answers or does not, nothing is lost and nothing doubled."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

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
from tests.unit.writeback.examples import NAMES
from writeback import tables
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost, Unsent
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Idempotency
from writeback.speaking.answers import Answer
from writeback.worker import Worker


def test_an_answer_that_never_came_is_looked_for_before_anything_is_sent_again(database: Database) -> None:
    lost: set[str] = set()

    def lose_once(method: str, path: str, number: int) -> None:
        if path not in lost:
            lost.add(path)
            raise AnswerLost("cut")

    made = submission(said())
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(after=lose_once)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_a_plain_create_whose_answer_was_lost_is_found_by_its_identifier(database: Database) -> None:
    lost: set[str] = set()

    def lose_once(method: str, path: str, number: int) -> None:
        if path not in lost:
            lost.add(path)
            raise AnswerLost("cut")

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(after=lose_once)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_while_the_ehr_loses_answers_the_delivery_is_in_doubt(database: Database) -> None:
    def lose(method: str, path: str, number: int) -> None:
        raise AnswerLost("cut")

    asyncio.run(accept(database, submission(said())))
    asyncio.run(settle(database, Ehr(after=lose), rounds=1))
    assert states(database)["DocumentReference card"] == "in_doubt"


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=503, headers={"retry-after": "1"}), Answer(status=429), Answer(status=502, body=b"<html>sorry</html>"),
        Answer(status=200, headers={"content-type": "text/html"}, body=b"<html>login</html>"),
        Answer(status=200, body=b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}'),
        Answer(status=409), Answer(status=401), Unsent("down"),
    ],
    ids=["503", "429", "502 html", "200 html", "200 and an error", "409", "401", "down"],
)  # fmt: skip
def test_an_ehr_that_is_down_slow_or_answers_html_is_tried_again_and_nothing_is_doubled(
    database: Database, trouble: Answer | Exception
) -> None:
    def fault(method: str, path: str, number: int) -> Answer | None:
        if number >= 3:
            return None
        if isinstance(trouble, Exception):
            raise trouble
        return trouble

    made = submission(said())
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(fault=fault)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.kept) == 4


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_create_that_is_answered_by_leading_elsewhere_is_looked_for_first(database: Database, status: int) -> None:
    """After a POST "see other" says that it was processed (RFC 9110 §15.4.4), and nobody knows of the older two."""
    led: list[str] = []

    class Leading(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await Ehr.send(self, method, path, **given)
            if method != "POST" or path in led:
                return answer
            led.append(path)
            return Answer(status=status, headers={"location": "/portal/results"})

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Leading()))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


BY_CONDITION = Capabilities(types=dict.fromkeys(TYPES, replace(OFFERED, update_create=False)))


@pytest.mark.parametrize("offered", [BY_CONDITION, BY_POST], ids=["conditional", "post"])
def test_a_place_that_is_another_deliverys_is_not_this_ones(database: Database, offered: Capabilities) -> None:
    """The EHR answers about somebody else's resource: nothing is said to be delivered that is not there."""
    first, second = (submission(said(inference_id=id), capabilities=offered) for id in ("a", "b"))
    asyncio.run(accept(database, first))
    asyncio.run(settle(database, ehr := Ehr()))
    taken = next(name for name in ehr.kept if name.startswith("RiskAssessment"))

    def mistake(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=200, headers={"location": f"{taken}/_history/1"}) if path == "RiskAssessment" else None

    ehr.fault = mistake
    asyncio.run(accept(database, second))
    asyncio.run(settle(database, ehr, rounds=4))
    assert state(database, second.id) == "pending"
    ehr.fault = lambda method, path, number: None
    asyncio.run(settle(database, ehr))
    assert state(database, second.id) == "delivered"
    assert len([name for name in ehr.kept if name.startswith("RiskAssessment")]) == 2


UNSPEAKABLE = {"a NUL": "a\x00b", "too long": "x" * 200, "a path": "../../admin", "a line": "a\r\nb: c", "none": ""}


@pytest.mark.parametrize("id", UNSPEAKABLE.values(), ids=UNSPEAKABLE)
def test_an_id_that_no_address_and_no_database_takes_holds_up_nothing_else(database: Database, id: str) -> None:
    """The EHR says it in the body alone, and again when it is asked for what it has: what is there is not sent twice."""
    ehr = Ehr()

    def fault(method: str, path: str, number: int) -> Answer | None:
        if path != "RiskAssessment":
            return None
        kept = {**sent[0], "id": id, "meta": {"versionId": id}}
        ehr.kept[f"RiskAssessment/{id}"] = kept
        return Answer(status=201, headers={"content-type": "application/fhir+json"}, body=codec.format(kept))

    ehr.fault = fault
    made = submission(said(), capabilities=BY_POST)
    assert made.write is not None
    sent = [part.body for part in made.write.own if part.type == "RiskAssessment"]
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, rounds=6))
    found = {name.partition(" ")[0]: state for name, state in states(database).items()}
    assert found.pop("RiskAssessment") == "in_doubt"
    assert ehr.writes.count("POST RiskAssessment") == 1
    assert {state for name, state in found.items() if name != "Provenance"} == {"delivered"}


def test_what_the_ehr_refuses_is_rejected_and_not_tried_again(database: Database) -> None:
    made = submission(said())
    asyncio.run(accept(database, made))
    refuse = Answer(status=422)
    ehr = Ehr(fault=lambda method, path, number: refuse if path.startswith("RiskAssessment") else None)
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "failed"
    assert ehr.writes.count("PUT RiskAssessment") == 1
    assert "Provenance" not in {name.split("/")[0] for name in ehr.kept}


def test_a_lease_that_a_killed_process_left_is_found_and_nothing_is_sent_blindly(database: Database) -> None:
    made, ehr = submission(said()), Ehr()
    asyncio.run(accept(database, made))

    class Killed(BaseException):
        pass

    async def killed() -> None:
        def die(method: str, path: str, number: int) -> None:
            raise Killed

        worker = Worker(
            run=database.run, senders=lambda name, principal: dying, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
            boot="killed",
        )  # fmt: skip
        dying = Ehr(kept=ehr.kept, writes=ehr.writes, after=die)
        with pytest.raises(Killed):
            await worker.turn("spec")

    asyncio.run(killed())
    leases = tables.deliveries.update().where(tables.deliveries.c.state == "leased").values(lease_until=0.0)
    database.run_now(lambda connection, now: connection.execute(leases))
    asyncio.run(settle(database, ehr, boot="next"))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_an_older_output_is_superseded_and_not_written(database: Database) -> None:
    newer, older = (
        submission(said(inference_id="b")),
        submission(replace(said(inference_id="a"), as_of=time.time() - 900)),
    )
    asyncio.run(accept(database, newer))
    taken = asyncio.run(accept(database, older))
    assert isinstance(taken, Accepted)
    assert taken.state == "superseded"


def test_a_work_that_fails_leaves_nothing_and_its_neighbours_stand(database: Database) -> None:
    async def three() -> list[Any]:
        def fail(connection: Connection, now: float) -> None:
            outputs.accept(connection, now, submission=submission(said(inference_id="x2")))
            raise ValueError("no")

        works = (accept(database, submission(said(inference_id="x1"))), database.run(fail))
        return await asyncio.gather(
            *works, accept(database, submission(said(inference_id="x3"))), return_exceptions=True
        )

    first, failed, last = asyncio.run(three())
    assert isinstance(failed, ValueError)
    assert first.new
    assert last.new
    assert database.run_now(lambda c, now: len(outputs.list_outputs(c, now))) == 2


def test_parallel_repeats_are_accepted_once(database: Database) -> None:
    made = submission(said())
    claim = Idempotency(caller="k", key="1", fingerprint=outputs.fingerprint(made.output))

    async def race() -> list[Any]:
        each = [replace(made, id=f"{number:032x}") for number in range(16)]
        return await asyncio.gather(*(accept(database, one, claim) for one in each))

    taken = asyncio.run(race())
    assert sorted(one.new for one in taken) == [False] * 15 + [True]
    assert len({one.id for one in taken}) == 1
