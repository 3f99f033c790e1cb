"""One suite, both databases: a refusal is recorded and leaves its name free; a duplicate of an earlier output is refused."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from gateway.storage.database import Database
from tests.contract.outbox_world import Ehr, accept, said, settle, state, submission
from vocabulary.output import Output
from writeback import tables
from writeback.gate import Refused
from writeback.ledger import outputs
from writeback.ledger.formats import format_output
from writeback.ledger.outputs import Accepted, Conflict, Idempotency, digest_of
from writeback.speaking.answers import Answer

REFUSAL = Refused(reason="out_of_range", element="value", text="The value lies outside.")


def refused(output: Output, id: str) -> Any:
    return submission(output, id=id.rjust(32, "0"), judged=REFUSAL, write=None)


def claim(output: Output, key: str) -> Idempotency:
    return Idempotency(caller="k", key=key, fingerprint=digest_of(format_output(output)))


def count(database: Database) -> int:
    query = select(func.count()).select_from(tables.outputs)
    return database.run_now(lambda connection, now: connection.scalar(query))


def test_the_corrected_body_of_a_refused_output_is_accepted_under_its_name(database: Database) -> None:
    wrong, right = said(value=Decimal("0.9")), said(value=Decimal("0.1"))
    first = asyncio.run(accept(database, refused(wrong, "1")))
    again = asyncio.run(accept(database, refused(wrong, "2")))
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (first.state, first.new, again.id, again.new) == ("refused", True, first.id, False)
    corrected = asyncio.run(accept(database, submission(right, id="3".rjust(32, "0"))))
    assert isinstance(corrected, Accepted)
    assert (corrected.state, corrected.new) == ("pending", True)
    assert (state(database, first.id), count(database)) == ("refused", 2)


def test_with_the_same_idempotency_key_another_body_is_a_conflict_and_the_same_is_a_repeat(database: Database) -> None:
    wrong, right = said(value=Decimal("0.9")), said(value=Decimal("0.1"))
    key = claim(wrong, "once")
    first = asyncio.run(accept(database, refused(wrong, "1"), key))
    assert isinstance(first, Accepted)
    corrected = submission(right, id="2".rjust(32, "0"))
    assert asyncio.run(accept(database, corrected, claim(right, "once"))) == Conflict(what="idempotency_key")
    repeat = asyncio.run(accept(database, refused(wrong, "3"), key))
    assert isinstance(repeat, Accepted)
    assert (repeat.id, repeat.new) == (first.id, False)


def test_a_refused_body_under_the_name_of_an_accepted_output_is_still_a_conflict(database: Database) -> None:
    accepted = said()
    asyncio.run(accept(database, submission(accepted)))
    other = refused(replace(accepted, explanation="Otherwise."), "9")
    assert asyncio.run(accept(database, other)) == Conflict(what="inference_id")
    assert count(database) == 1


def test_the_same_said_of_the_same_time_under_another_name_is_refused_as_a_duplicate(database: Database) -> None:
    first = said()
    asyncio.run(accept(database, submission(first)))
    twin = asyncio.run(accept(database, submission(replace(first, inference_id="other"))))
    assert isinstance(twin, Accepted)
    assert twin.changes
    assert (twin.state, twin.changes[0].reason) == ("refused", "duplicate")
    shown = database.run_now(lambda connection, now: outputs.show_output(connection, now, twin.id))
    assert shown is not None
    assert (shown["refusal"]["reason"], shown["deliveries"]) == ("duplicate", [])


def test_another_value_another_time_or_no_inputs_make_it_no_duplicate(database: Database) -> None:
    first = said()
    asyncio.run(accept(database, submission(first)))
    for number, other in enumerate(
        (replace(first, value=Decimal("0.2")), replace(first, as_of=first.as_of + 1), replace(first, inputs=()),
         replace(first, inputs=()))
    ):  # fmt: skip
        named = replace(other, inference_id=f"other-{number}", as_of=other.as_of + number)
        accepted = asyncio.run(accept(database, submission(named)))
        assert isinstance(accepted, Accepted)
        assert accepted.state == "pending"


def test_an_output_whose_provenance_was_rejected_lists_it_among_its_losses(database: Database) -> None:
    made = submission(said())
    asyncio.run(accept(database, made))

    def no_provenance(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=422) if path.startswith("Provenance") else None

    asyncio.run(settle(database, Ehr(fault=no_provenance)))
    shown = database.run_now(lambda connection, now: outputs.show_output(connection, now, made.id))
    assert shown is not None
    assert (shown["state"], shown["losses"]) == ("delivered", ["Provenance"])
