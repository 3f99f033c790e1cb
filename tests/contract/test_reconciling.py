"""One suite, both databases: what is at an EHR more than once is found and told."""

import asyncio
from collections.abc import Sequence

from gateway.changes import events_of
from gateway.database import Database
from monitoring.rules import triggered
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, submission
from tests.unit.writeback.examples import NAMES
from writeback.answers import Answer
from writeback.changes import Change, CopiesFound
from writeback.reconciling import Reconciler


def look(database: Database, ehr: Ehr) -> tuple[int, list[Change]]:
    told: list[Change] = []

    def observe(changes: Sequence[Change]) -> None:
        told.extend(changes)

    reconciler = Reconciler(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        observe=observe, draw=lambda: 0.5,
    )  # fmt: skip
    return asyncio.run(reconciler.look("spec")), told


def delivered(database: Database) -> Ehr:
    asyncio.run(accept(database, submission(said(), capabilities=BY_POST)))
    asyncio.run(settle(database, ehr := Ehr()))
    return ehr


def test_what_is_there_once_is_no_news(database: Database) -> None:
    assert look(database, delivered(database)) == (4, [])


def test_a_second_copy_is_an_alert_for_engineering(database: Database) -> None:
    ehr = delivered(database)
    kept = next(kept for name, kept in ehr.kept.items() if name.startswith("RiskAssessment"))
    ehr.kept["RiskAssessment/copy"] = {**kept, "id": "copy"}
    seen, told = look(database, ehr)
    assert seen == 4
    assert [(change.resource_type, change.copies) for change in told if isinstance(change, CopiesFound)] == [
        ("RiskAssessment", 2)
    ]
    assert [rule.owners for rule, _ in triggered(events_of(told))] == [("engineering",)]


def test_an_ehr_that_cannot_be_searched_is_left_alone(database: Database) -> None:
    ehr = delivered(database)
    ehr.kept.clear()
    ehr._read = lambda path: Answer(status=503)  # type: ignore[method-assign]
    assert look(database, ehr) == (0, [])


def test_an_empty_ledger_has_nothing_to_look_for(database: Database) -> None:
    assert look(database, Ehr()) == (0, [])
