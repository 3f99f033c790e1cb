"""An Idempotency-Key is its caller's own, is remembered for a day, and stands for one body; on both databases."""

import asyncio
from dataclasses import replace

from gateway.storage.database import Database
from tests.contract.outbox_world import said, submission
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Conflict, Idempotency
from writeback.ledger.repeats import REMEMBERED, find_repeat, forget


def test_a_key_is_remembered_for_a_day_for_its_caller_and_one_body(database: Database) -> None:
    made, other = submission(said()), submission(said(inference_id="inference-2"))
    claim = Idempotency(caller="k1", key="nightly", fingerprint=outputs.fingerprint(made.output))
    theirs = Idempotency(caller="k2", key="nightly", fingerprint=outputs.fingerprint(other.output))

    async def take(submitted: outputs.Submission, of: Idempotency, later: float = 0.0) -> Accepted | Conflict:
        return await database.run(lambda c, now: outputs.accept(c, now + later, submission=submitted, claim=of))

    async def story() -> None:
        first = await take(made, claim)
        assert isinstance(first, Accepted)
        assert first.new
        again = await take(replace(made, id="f" * 32), claim, REMEMBERED - 60.0)
        assert isinstance(again, Accepted)
        assert (again.new, again.id) == (False, first.id)
        assert await take(other, replace(claim, fingerprint=theirs.fingerprint)) == Conflict(what="idempotency_key")
        foreign = await take(other, theirs)
        assert isinstance(foreign, Accepted)
        assert foreign.new
        third = submission(said(inference_id="inference-3"))
        late = replace(claim, fingerprint=outputs.fingerprint(third.output))
        after_a_day = await take(third, late, REMEMBERED + 1.0)
        assert isinstance(after_a_day, Accepted)
        assert after_a_day.new
        found = await database.run(lambda c, now: find_repeat(c, now + REMEMBERED + 2.0, claim=late))
        assert isinstance(found, Accepted)
        assert await database.run(lambda c, now: forget(c, now + REMEMBERED + 2.0)) == 1  # the other caller's
        assert isinstance(await database.run(lambda c, now: find_repeat(c, now + REMEMBERED, claim=late)), Accepted)

    asyncio.run(story())
