"""One suite, both databases: the same output sixty-four times at once is at the EHR once, by every way of writing."""

import asyncio
from dataclasses import replace

import pytest

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_ID, BY_POST, Ehr, accept, said, settle, state, submission
from writeback.capabilities import Capabilities
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Idempotency
from writeback.speaking.answers import Answer

BY_CONDITION = Capabilities(types={name: replace(each, update_create=False) for name, each in BY_ID.types.items()})
TIMES = 64


@pytest.mark.parametrize("conflicts", [0, 3], ids=["calm", "409 first"])
@pytest.mark.parametrize("offered", [BY_ID, BY_CONDITION, BY_POST], ids=["put", "conditional", "post"])
def test_sixty_four_at_once_make_one_resource_each(database: Database, offered: Capabilities, conflicts: int) -> None:
    """``conflicts``: as many requests are answered 409, as by a server on which two meet, and store nothing."""
    made = submission(said(), capabilities=offered)
    claim = Idempotency(caller="k", key="1", fingerprint=outputs.fingerprint(made.output))

    def conflict(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=409) if number < conflicts else None

    async def race() -> list[Accepted]:
        each = [replace(made, id=f"{number:032x}") for number in range(TIMES)]
        taken = await asyncio.gather(*(accept(database, one, claim) for one in each))
        return [one for one in taken if isinstance(one, Accepted)]

    taken = asyncio.run(race())
    assert (len(taken), sum(one.new for one in taken), len({one.id for one in taken})) == (TIMES, 1, 1)
    ehr = Ehr(fault=conflict if conflicts else lambda method, path, number: None)
    asyncio.run(settle(database, ehr))
    assert state(database, taken[0].id) == "delivered"
    kept = [each["resourceType"] for each in ehr.kept.values()]
    assert sorted(kept) == ["Device", "DocumentReference", "Provenance", "RiskAssessment"]
    assert len(ehr.writes) == 4 + conflicts
