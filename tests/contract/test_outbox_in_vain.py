"""One suite, both databases: a plain create whose answers are lost and of which the EHR shows nothing is not sent for ever."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, state, submission
from writeback.afterwards import resending
from writeback.errors import AnswerLost
from writeback.settings import PACE
from writeback.speaking.answers import Answer
from writeback.tables import deliveries
from writeback.terms import Terms

CREATE = "POST RiskAssessment"


@dataclass
class Parking(Ehr):
    """Takes each RiskAssessment, files it where nobody finds it, and does not answer; ``failing`` answers 500 instead."""

    failing: bool = False

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        if f"{method} {path}" != CREATE:
            return await super().send(method, path, **given)
        self.writes.append(CREATE)
        if self.failing:
            return Answer(status=500)
        raise AnswerLost("cut")

    def sent(self) -> int:
        return self.writes.count(CREATE)


def row(database: Database) -> Any:
    query = select(deliveries).where(deliveries.c.role == "primary")
    return database.run_now(lambda c, now: c.execute(query).one())


@pytest.mark.parametrize("terms", [Terms(), Terms(batch=True)], ids=["singly", "in a batch"])
@pytest.mark.parametrize("failing", [False, True], ids=["cut off", "500"])
def test_it_is_sent_again_a_few_times_and_then_it_is_for_a_person(
    database: Database, failing: bool, terms: Terms
) -> None:
    made, ehr = submission(said(), capabilities=BY_POST), Parking(failing=failing)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, terms=terms))
    assert ehr.sent() == 1 + PACE.resends
    left = row(database)
    assert (left.state, left.doubtful, left.cause) == ("dead", True, "sent_in_vain")
    assert state(database, made.id) == "failed"


def test_a_person_who_sends_it_again_has_it_looked_for_and_sent_once(database: Database) -> None:
    made, ehr = submission(said(), capabilities=BY_POST), Parking()
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr))
    before, key = ehr.sent(), row(database).key
    done = database.run_now(lambda c, now: resending.resend(c, now, key=key))
    assert not isinstance(done, str)
    ehr.sought.clear()
    asyncio.run(settle(database, ehr))
    assert (ehr.sent(), row(database).state) == (before + 1, "dead")
    assert any(each.startswith("RiskAssessment") for each in ehr.sought)


def test_what_was_not_processed_is_not_counted(database: Database) -> None:
    """429 says that it was not taken: it is sent until it is."""
    left = [9]

    def busy(method: str, path: str, number: int) -> Answer | None:
        if f"{method} {path}" == CREATE and left[0]:
            left[0] -= 1
            return Answer(status=429)
        return None

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, Ehr(fault=busy)))
    assert state(database, made.id) == "delivered"
