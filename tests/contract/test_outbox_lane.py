"""Outputs of one model and patient reach the chart in the order in which they were accepted: a lane goes on where what nothing
else of its output waits for has ended."""

import asyncio
import time

import pytest
from sqlalchemy import Connection, select

from gateway.storage.database import Database
from tests.contract.outbox_world import Ehr, accept, said, settle, state, submission
from tests.unit.writeback.examples import output
from vocabulary.output import Output
from vocabulary.write import Write
from writeback.afterwards import resending
from writeback.ledger.claiming import claim_due
from writeback.ledger.outputs import Submission
from writeback.ledger.settling import Settled, stop
from writeback.ledger.settling import settle as settle_rows
from writeback.speaking.answers import Answer
from writeback.tables import deliveries

WRITES = ("PUT RiskAssessment", "PUT Provenance")


def later(**changes: str) -> Output:
    return output("risk", as_of=time.time(), inference_id="later", **changes)


def keys(made: Submission) -> tuple[str, str]:
    """Those of the resource and of its Provenance."""
    assert isinstance(made.write, Write)
    resource, provenance = (part.key for part in made.write.own)
    return resource, provenance


def column(database: Database, name: str, key: str) -> object:
    query = select(deliveries.c[name]).where(deliveries.c.key == key)
    return database.run_now(lambda connection, now: connection.scalar(query))


@pytest.mark.parametrize(("changes", "order"), [
    ({}, [*WRITES, *WRITES]),
    ({"patient": "Patient/other"}, [WRITES[0], WRITES[0], WRITES[1], WRITES[1]]),
])  # fmt: skip
def test_an_output_waits_until_the_one_before_it_has_ended(
    database: Database, changes: dict[str, str], order: list[str]
) -> None:
    ehr = Ehr()
    for made in (submission(said()), submission(later(**changes))):
        asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr))
    assert [write for write in ehr.writes if write in WRITES] == order


def test_what_is_sent_again_stands_in_its_lane_by_itself(database: Database) -> None:
    """Its Provenance has ended, so that no later output would wait for either of them."""
    first, second = submission(said()), submission(later())
    resource, provenance = keys(first)
    asyncio.run(accept(database, first))
    asyncio.run(settle(database, Ehr(fault=lambda method, path, number: refused(path))))
    assert [column(database, "state", key) for key in (resource, provenance)] == ["rejected", "dead"]
    told = deliveries.update().where(deliveries.c.key == provenance).values(cause="said_elsewhere")
    database.run_now(lambda connection, now: connection.execute(told))
    assert not isinstance(database.run_now(lambda c, now: resending.resend(c, now, key=resource)), str)
    asyncio.run(accept(database, second))
    assert column(database, "blockers", keys(second)[0]) == 1
    ehr = Ehr()
    asyncio.run(settle(database, ehr))
    assert [write for write in ehr.writes if write in WRITES] == [WRITES[0], *WRITES]


def refused(path: str) -> Answer | None:
    return Answer(status=422) if path.startswith("RiskAssessment") else None


def test_an_output_whose_waiting_part_was_taken_back_ends_with_the_other(database: Database) -> None:
    made = submission(said())
    _, provenance = keys(made)
    asyncio.run(accept(database, made))

    def work(connection: Connection, now: float) -> None:
        row = None
        while row is None or row.output is None:  # what outputs share goes first
            (row,) = claim_due(connection, now, ehr="spec", owner="w", limit=1).rows
            settle_rows(connection, now, [Settled(row=row, state="delivered")] if row.output is None else [])
        stop(connection, now, keys=[provenance], event="recalled")
        settle_rows(connection, now, [Settled(row=row, state="delivered")])

    database.run_now(work)
    assert column(database, "state", provenance) == "retracted"
    assert state(database, made.id) == "delivered"
