"""One suite, both databases: an EHR whose way in is gone gets no more than a few, and says how it calls what it refused."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import select

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, submission
from tests.unit.writeback.examples import NAMES
from writeback.keys import request_id
from writeback.ledger.listing import find_delivery
from writeback.settings import PACE
from writeback.speaking.answers import Answer, traces
from writeback.tables import deliveries
from writeback.worker import Worker

MANY = PACE.in_flight + 24
ROLE = deliveries.c.role == "primary"


def states(database: Database) -> Counter[str]:
    query = select(deliveries.c.state).where(ROLE)
    return Counter(database.run_now(lambda c, now: c.scalars(query).all()))


def turn(database: Database, ehr: Ehr) -> None:
    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        boot="one", jitter=lambda: 0.0,
    )  # fmt: skip
    for _ in range(6):
        asyncio.run(worker.turn("spec"))


@pytest.mark.parametrize(("status", "all_of_them"), [(404, False), (405, False), (501, False), (422, True)])
def test_where_the_type_is_not_there_any_more_the_backlog_is_not_sent_into_the_void(
    database: Database, status: int, all_of_them: bool
) -> None:
    def gone(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=status) if path.startswith("RiskAssessment") else None

    asyncio.run(accept(database, submission(said(inference_id="first"), capabilities=BY_POST)))
    asyncio.run(settle(database, ehr := Ehr()))  # what outputs share is there
    ehr.fault = gone
    for number in range(MANY):
        one = said(inference_id=f"n{number}", patient=f"Patient/p{number}")
        asyncio.run(accept(database, submission(one, capabilities=BY_POST)))
    turn(database, ehr)
    found = states(database)
    assert (found["rejected"] == MANY) == all_of_them
    assert found["rejected"] >= PACE.trip
    assert found["ready"] == MANY - found["rejected"]


def history(database: Database) -> list[str]:
    query = select(deliveries.c.key).where(ROLE)
    found = database.run_now(lambda c, now: find_delivery(c, now, str(c.scalar(query))))
    assert found is not None
    return list(found["history"][0]["issues"])


@pytest.mark.parametrize(
    ("header", "id", "told"),
    [
        ("x-request-id", "7f3c-11", ["x-request-id/7f3c-11"]), ("opc-request-id", "a/b/c", ["opc-request-id/a/b/c"]),
        ("x-request-id", "", []), ("x-request-id", "Jane Doe", []), ("x-other-id", "7f3c-11", []),
    ],
)  # fmt: skip
def test_how_the_ehr_calls_a_request_that_it_refused_is_in_the_story(
    database: Database, header: str, id: str, told: list[str]
) -> None:
    def refuse(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=422, headers={header: id}) if path.startswith("RiskAssessment") else None

    asyncio.run(accept(database, submission(said(), capabilities=BY_POST)))
    asyncio.run(settle(database, Ehr(fault=refuse)))
    assert history(database) == told


def test_each_attempt_has_a_uuid_of_its_own_that_says_which_delivery_it_is_about() -> None:
    key = "0123456789abcdef" * 4
    first, second = request_id(key, 1), request_id(key, 400)
    assert UUID(first) != UUID(second)
    assert {UUID(each).version for each in (first, second)} == {8}
    assert first.startswith(key[:8])
    assert traces(Answer(status=422, headers={"x-request-id": first}), key) == ()
