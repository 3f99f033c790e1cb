"""One suite, both databases: an outbox that an earlier Chartgate made delivers what it had accepted."""

import asyncio

from sqlalchemy import Connection, text

from gateway.storage.database import Database
from tests.contract.outbox_world import Ehr, accept, said, settle, state, states, submission
from writeback.ledger.upgrade import upgrade

BEFORE = """
ALTER TABLE deliveries ADD COLUMN body BLOB;
UPDATE deliveries SET body = (SELECT body FROM delivery_bodies WHERE delivery = deliveries.id);
DELETE FROM delivery_bodies; DROP INDEX deliveries_lane; ALTER TABLE deliveries DROP COLUMN moving;
CREATE INDEX deliveries_lane ON deliveries (lane, id) WHERE state IN ('ready', 'leased', 'in_doubt');
CREATE INDEX delivery_waits_needed ON delivery_waits (needed);
DROP INDEX outputs_refused; CREATE INDEX outputs_refused ON outputs (patient) WHERE state = 'refused'
"""


def rewind(connection: Connection, now: float) -> None:
    """The tables as they were."""
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in BEFORE.replace("BLOB", binary).split(";"):
        connection.execute(text(statement))


def test_what_an_earlier_outbox_had_accepted_is_delivered(database: Database) -> None:
    made, ehr = submission(said()), Ehr()
    asyncio.run(accept(database, made))
    database.run_now(rewind)
    assert database.run_now(upgrade)
    assert not database.run_now(upgrade), "once"
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "delivered"
    assert set(states(database).values()) == {"delivered"}
    assert len(ehr.kept) == 4
