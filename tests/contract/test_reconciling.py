"""One suite, both databases: what is at an EHR more than once is found and told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from gateway.outputs.changes import events_of
from gateway.storage.database import Database
from monitoring.rules import triggered
from tests.contract.outbox_world import BY_ID, BY_POST, Ehr, accept, said, settle, submission
from tests.unit.writeback.examples import NAMES
from vocabulary.write import Write
from writeback.afterwards.reconciling import Reconciler, Sampled, sample, suspects
from writeback.capabilities import Capabilities
from writeback.changes import Change, CopiesFound
from writeback.ledger.attempts import note
from writeback.ledger.listing import find_delivery
from writeback.speaking.answers import Answer
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


def history(database: Database) -> list[dict[str, object]]:
    key = select(deliveries.c.key).where(deliveries.c.resource_type == "RiskAssessment", deliveries.c.role == "primary")
    found = database.run_now(lambda c, now: find_delivery(c, now, str(c.scalar(key))))
    assert found is not None
    return [each for each in found["history"] if each["event"] == "copies"]


def test_where_the_copies_are_is_in_the_story_of_the_delivery(database: Database) -> None:
    ehr = delivered(database)
    spoken_late(database, ehr)
    look(database, ehr, suspects)
    (told,) = history(database)
    (first,) = [name for name in ehr.kept if name.startswith("RiskAssessment/") and name != "RiskAssessment/copy"]
    assert told["issues"] == [first, "RiskAssessment/copy"]


@pytest.mark.parametrize("batch", [False, True], ids=["singly", "in a batch"])
@pytest.mark.parametrize("shown", [0, 1, 2])
def test_an_ehr_that_says_there_are_several_is_believed_whether_a_search_shows_them_or_not(
    database: Database, shown: int, batch: bool
) -> None:
    """R4 §3.1.0.8.2: 412 to a conditional create says that more than one matches."""

    def several(method: str, path: str, number: int) -> Answer | None:
        return Answer(status=412) if path.startswith("RiskAssessment") and method == "POST" else None

    conditional = Capabilities(types={name: replace(each, update_create=False) for name, each in BY_ID.types.items()})
    made = submission(said(), capabilities=conditional)
    assert isinstance(made.write, Write)
    primary = next(part for part in made.write.own if part.role == "primary")
    ehr = Ehr(fault=several)
    for number in range(shown):
        ehr.kept[f"RiskAssessment/{number}"] = {**primary.body, "id": str(number)}
    told: list[Change] = []
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, rounds=6, terms=Terms(batch=batch), observe=told.extend))
    assert {rule.monitor for rule, _ in triggered(events_of(told))} == {"M-WB-COPIES"}
    places = [place for each in history(database) for place in each["issues"]]  # type: ignore[attr-defined]
    assert places[: max(shown, 1)] == [f"RiskAssessment/{number}" for number in range(shown)]
