"""One suite, both databases: what is at an EHR more than once is found and told."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import select

from gateway.outputs.changes import events_of
from gateway.storage.database import Database
from monitoring.rules import triggered
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, submission
from tests.unit.writeback.examples import NAMES
from writeback.answers import Answer
from writeback.attempts import note
from writeback.changes import Change, CopiesFound
from writeback.reconciling import Reconciler, Sampled, sample, suspects
from writeback.tables import deliveries
from writeback.terms import SINGLY, Terms


def look(
    database: Database, ehr: Ehr, choose: Callable[..., Sequence[Sampled]] = sample, terms: Terms = SINGLY
) -> tuple[int, list[Change]]:
    told: list[Change] = []

    def observe(changes: Sequence[Change]) -> None:
        told.extend(changes)

    async def known(name: str) -> Terms:
        return terms

    reconciler = Reconciler(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        observe=observe, draw=lambda: 0.5, terms=known,
    )  # fmt: skip
    return asyncio.run(reconciler.look("spec", choose)), told


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


def spoken_late(database: Database, ehr: Ehr) -> None:
    """Somebody whose lease was over spoke about the RiskAssessment, and the EHR has it twice."""
    kept = next(kept for name, kept in ehr.kept.items() if name.startswith("RiskAssessment"))
    ehr.kept["RiskAssessment/copy"] = {**kept, "id": "copy"}
    key = select(deliveries.c.key).where(deliveries.c.resource_type == "RiskAssessment", deliveries.c.role == "primary")
    database.run_now(lambda c, now: note(c, now, key=str(c.scalar(key)), attempt=1, event="late"))


def test_what_somebody_spoke_about_too_late_is_looked_for_and_told_once(database: Database) -> None:
    ehr = delivered(database)
    assert look(database, ehr, suspects) == (0, [])
    spoken_late(database, ehr)
    first, second = look(database, ehr, suspects), look(database, ehr, suspects)
    assert (first[0], [change.copies for change in first[1] if isinstance(change, CopiesFound)]) == (1, [2])
    assert second == (0, [])


def test_searches_for_copies_count_towards_the_rate_limit(database: Database) -> None:
    ehr = delivered(database)
    assert [look(database, ehr, terms=Terms(per_minute=60))[0] for _ in range(2)] == [2, 0]


def test_an_ehr_that_cannot_be_searched_is_left_alone(database: Database) -> None:
    ehr = delivered(database)
    ehr.kept.clear()
    ehr._read = lambda path: Answer(status=503)  # type: ignore[method-assign]
    assert look(database, ehr) == (0, [])


def test_an_empty_ledger_has_nothing_to_look_for(database: Database) -> None:
    assert look(database, Ehr()) == (0, [])
