"""What the EHR said last is remembered while it says nothing new: it decides whether a create may be sent again."""

import asyncio

import pytest
from msgspec import structs

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_POST, accept, hurry, said, submission
from writeback.ledger.claiming import claim_due
from writeback.ledger.settling import record
from writeback.settings import PACE
from writeback.speaking.claims import Attempted, Ending

WORDS = {
    "429": Ending(event="postponed", status=429, cause="http_429", healthy=False),
    "202": Ending(event="undecided", status=202, cause="accepted_unseen", healthy=True),
}  # fmt: skip
SILENCE = {
    "no turn": Ending(event="undecided", cause="no_turn"), "no sender": Ending(event="undecided", cause="no_sender"),
    "not sent": Ending(event="undecided", cause="unsent", healthy=False), "lost": Ending(event="lost", cause="answer_lost"),
}  # fmt: skip


def came_to(database: Database, ending: Ending) -> int | None:
    """The model card's delivery is claimed and comes to this; what the EHR had said before."""
    claims = database.run_now(lambda connection, now: claim_due(connection, now, ehr="spec", owner="one", limit=9))
    (row,) = [row for row in claims.rows if row.type == "DocumentReference"]
    if ending.event == "undecided" and ending.status is None and not row.doubtful:
        ending = structs.replace(ending, event="postponed")  # as the worker says it of what was not in doubt
    made = [Attempted(delivery=row, ending=ending, jitter=0.0)]
    database.run_now(lambda connection, now: record(connection, now, attempts=made, pace=PACE))
    asyncio.run(hurry(database))
    return row.told


@pytest.mark.parametrize("silence", SILENCE.values(), ids=SILENCE)
@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_silence_does_not_make_forget_what_was_said(database: Database, word: Ending, silence: Ending) -> None:
    asyncio.run(accept(database, submission(said(), capabilities=BY_POST)))
    told = [came_to(database, each) for each in (word, silence, silence, word)]
    assert told == [None, word.status, word.status, word.status]
