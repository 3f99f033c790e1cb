"""One suite, both databases: accepted is durable, delivered is once in effect."""

import asyncio
from dataclasses import replace

from sqlalchemy import Connection

from gateway.storage.database import Database
from tests.contract.outbox_world import (
    Ehr,
    accept,
    said,
    settle,
    state,
    states,
    submission,
)
from writeback.gate import Refused
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Conflict, Idempotency


def test_an_accepted_output_is_shown_as_it_is_read_back(database: Database) -> None:
    def work(connection: Connection, now: float) -> None:
        shadow = submission(said(inference_id="later"))
        shadow = replace(shadow, manifest=replace(shadow.manifest, policy="shadow"))
        for made in (submission(said()), shadow):
            accepted = outputs.accept(connection, now, submission=made)
            assert isinstance(accepted, Accepted)
            shown = outputs.show_output(connection, now, made.id)
            assert shown == outputs.show_accepted(connection, now, accepted)

    database.run_now(work)


def test_an_output_is_delivered_whole_and_read_back(database: Database) -> None:
    ehr, made = Ehr(), submission(said())
    accepted = asyncio.run(accept(database, made))
    assert isinstance(accepted, Accepted)
    assert accepted.state == "pending"
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "delivered"
    assert sorted(name.split("/")[0] for name in ehr.kept) == [
        "Device",
        "DocumentReference",
        "Provenance",
        "RiskAssessment",
    ]
    assert set(states(database).values()) == {"delivered"}
    provenance = next(each for each in ehr.kept.values() if each["resourceType"] == "Provenance")
    assert provenance["target"][0]["reference"].endswith("/_history/1")


def test_the_same_again_adds_nothing_and_another_body_is_a_conflict(database: Database) -> None:
    made = submission(said())
    claim = Idempotency(caller="k", key="1", fingerprint=outputs.fingerprint(made.output))
    first, again = asyncio.run(accept(database, made, claim)), asyncio.run(accept(database, made, claim))
    assert (first.new, again.new) == (True, False)  # type: ignore[union-attr]
    other = replace(claim, fingerprint="another")
    assert asyncio.run(accept(database, made, other)) == Conflict(what="idempotency_key")
    changed = submission(replace(made.output, explanation="Otherwise."))
    assert asyncio.run(accept(database, changed)) == Conflict(what="inference_id")


def test_a_refused_output_is_recorded_and_never_sent(database: Database) -> None:
    refusal = Refused(reason="out_of_range", element="value", text="The value lies outside.")
    made = submission(said(), judged=refusal, write=None)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr()))
    assert state(database, made.id) == "refused"
    assert ehr.writes == []
