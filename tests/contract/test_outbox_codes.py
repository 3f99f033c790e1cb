"""One suite, both databases: what an EHR says by its codes counts more than the status that they come with."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from auth.client.ehr import RegisteredEhr
from gateway.ehrs.senders import Senders
from gateway.storage.database import Database
from gateway.vendors import VENDORS
from r4 import codec
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, submission
from writeback.capabilities import Capabilities
from writeback.speaking.answers import Answer
from writeback.tables import deliveries
from writeback.terms import Terms

CREATE = "POST RiskAssessment"


def refusing(status: int, code: str, own: str | None) -> Any:
    details = {} if own is None else {"details": {"coding": [{"system": "urn:ehr", "code": own}]}}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, **details}]}
    answer = Answer(status=status, body=codec.format(outcome))
    return lambda method, path, number: answer if f"{method} {path}" == CREATE else None


def came_to(database: Database, terms: Terms, fault: Any, rounds: int = 8) -> tuple[str, bool, int]:
    asyncio.run(accept(database, submission(said(), capabilities=BY_POST)))
    asyncio.run(settle(database, ehr := Ehr(fault=fault), rounds=rounds, terms=terms))
    query = select(deliveries).where(deliveries.c.role == "primary")
    row = database.run_now(lambda c, now: c.execute(query).one())
    return row.state, row.doubtful, ehr.writes.count(CREATE)


def terms_of(vendor: str, *, batch: bool) -> Terms:
    rules = VENDORS[vendor].write
    return Terms(batch=batch, never=rules.never, later=rules.later)


BATCH = pytest.mark.parametrize("batch", [False, True], ids=["singly", "in a batch"])


@BATCH
@pytest.mark.parametrize(("vendor", "code", "own"), [("oracle", "required", None), ("epic", "processing", "4131")])
def test_what_will_never_be_taken_is_sent_once_although_the_status_leaves_it_open(
    database: Database, vendor: str, code: str, own: str | None, batch: bool
) -> None:
    assert came_to(database, terms_of(vendor, batch=batch), refusing(500, code, own)) == ("rejected", False, 1)


def test_without_such_a_code_a_500_is_looked_for_and_sent_again(database: Database) -> None:
    unknown = refusing(500, "exception", None)
    assert came_to(database, terms_of("oracle", batch=False), unknown, rounds=24) == ("dead", True, 4)


@BATCH
def test_what_was_not_taken_for_now_is_no_dead_letter(database: Database, batch: bool) -> None:
    state, doubtful, sent = came_to(
        database, terms_of("epic", batch=batch), refusing(400, "processing", "4135"), rounds=6
    )
    assert (state, doubtful, sent > 1) == ("ready", False, True)


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_the_deliverer_is_told_the_vendors_codes(vendor: str) -> None:
    class Known(Senders):
        async def capabilities(self, ehr: str) -> Capabilities:
            return Capabilities()

    senders = Known(means=None, clock=lambda: 0.0)  # type: ignore[arg-type]
    senders.know({"e": RegisteredEhr(name="e", issuer="https://e.example", client_id="c", vendor=vendor)})
    rules, terms = VENDORS[vendor].write, asyncio.run(senders.terms("e"))
    assert (terms.never, terms.later, terms.already_there) == (rules.never, rules.later, rules.already_there)
    assert terms.never | terms.later
