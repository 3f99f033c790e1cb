"""One suite, both databases: a version in shadow beside the one that writes makes nothing old, and is not made old by it."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway import kept_reports
from gateway.installation import METADATA
from gateway.model_folders import installed_models
from gateway.outputs import pairing
from gateway.outputs.pairing import Wanted
from gateway.sites import readiness
from gateway.storage.database import Database, open_postgres, open_sqlite
from tests.contract.outbox_world import accept, submission
from tests.unit.writeback.examples import manifest, output
from vocabulary.output import Output
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted

NOW = time.time()


@pytest.fixture(params=["sqlite", "postgres"])
def whole(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The gateway's own tables too."""
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=METADATA)
    else:
        made = open_postgres(request.getfixturevalue("database_url"), metadata=METADATA)
    yield made
    made.close()


def said(version: str, name: str, at: float, **changes: Any) -> Output:
    return output("risk", version=version, inference_id=name, as_of=NOW - at, **changes)


def state(database: Database, made: Output, policy: str) -> str:
    found = asyncio.run(accept(database, submission(made, manifest=replace(manifest("risk"), policy=policy))))  # type: ignore[arg-type]
    assert isinstance(found, Accepted)
    return found.state


@pytest.mark.parametrize("newer", ["shadow", "abstained"])
def test_a_newer_output_of_a_version_in_shadow_does_not_keep_the_live_one_from_the_chart(
    database: Database, newer: str
) -> None:
    changes = {"abstained": "the age is not known", "value": None} if newer == "abstained" else {}
    assert state(database, said("2.0.0", "b", 10, **changes), "shadow") == newer
    assert state(database, said("1.0.0", "a", 20), "automatic") == "pending"


def test_a_newer_written_output_of_another_version_does(database: Database) -> None:
    assert state(database, said("1.0.0", "a", 10), "automatic") == "pending"
    assert state(database, said("2.0.0", "b", 20), "automatic") == "superseded"


def test_what_is_in_shadow_is_old_only_beside_its_own_version(database: Database) -> None:
    assert state(database, said("1.0.0", "a", 10), "automatic") == "pending"
    assert state(database, said("2.0.0", "b", 20), "shadow") == "shadow"
    assert state(database, said("2.0.0", "c", 30), "shadow") == "superseded"


@pytest.mark.parametrize(
    ("newer", "version", "policy", "left"),
    [
        (3600, "1.0.0", "automatic", "superseded"), (3600, "2.0.0", "automatic", "superseded"),
        (3600, "1.0.0", "confirm", "awaiting_confirmation"), (3600, "1.0.0", "shadow", "awaiting_confirmation"),
        (9000, "1.0.0", "automatic", "awaiting_confirmation"), (7200, "1.0.0", "automatic", "awaiting_confirmation"),
    ],
)  # fmt: skip
def test_what_waits_for_a_person_is_superseded_by_a_newer_output_that_is_written(
    newer: int, version: str, policy: str, left: str, database: Database
) -> None:
    waiting = submission(said("1.0.0", "i-1", 7200), manifest=replace(manifest("risk"), policy="confirm"))
    made = asyncio.run(accept(database, waiting))
    assert isinstance(made, Accepted)
    assert made.state == "awaiting_confirmation"
    found = asyncio.run(
        accept(database, submission(said(version, "i-2", newer), manifest=replace(manifest("risk"), policy=policy)))  # type: ignore[arg-type]
    )
    assert isinstance(found, Accepted)
    shown = asyncio.run(database.run(lambda c, now: outputs.show_output(c, now, made.id)))
    assert shown is not None
    assert shown["state"] == left
    told = [(each.output, each.before, each.state) for each in found.changes[1:]]
    assert told == ([(made.id, "awaiting_confirmation", "superseded")] if left == "superseded" else [])


def test_pairs_counts_and_decisions_are_read_alike(whole: Database) -> None:
    for n in range(3):
        assert state(whole, said("1.0.0", f"a{n}", 30 - n), "automatic") == "pending"
        assert state(whole, said("2.0.0", f"b{n}", 30 - n), "shadow") == "shadow"
    assert state(whole, said("2.0.0", "alone", 5), "shadow") == "shadow"
    model, ehr = said("1.0.0", "a", 1).model, said("1.0.0", "a", 1).ehr
    wanted = Wanted(model=model, one="1.0.0", other="2.0.0", since=NOW - 60, until=NOW + 86400, ehrs=(ehr,))

    async def read() -> tuple[pairing.Collected, installed_models.Counted]:
        return await pairing.collect(whole.run, wanted, at_once=2), await installed_models.count(whole.run, size=2)

    found, counted = asyncio.run(read())
    assert len(found.pairs) == 3
    assert [dict(each) for each in found.states] == [{"pending": 3}, {"shadow": 4}]
    assert counted.states[model, "2.0.0", ehr] == {"shadow": 4}
    place = {"model": model, "version": "1.0.0", "ehr": ehr}
    (known,) = whole.run_now(lambda c, now: readiness.known(c, now, site="north", places=[place]))
    assert (known["confirmed"], known["declined"], known["decided_since"]) == (0, 0, None)


def test_a_report_is_kept_and_its_page_comes_back(whole: Database) -> None:
    document = kept_reports.summary({"target": "https://ehr.example/r4/", "checks": [], "summary": {"pass": 3}})
    said = {"document": document, "by": "Ana", "page": kept_reports.packed(b"<p>report")}
    made = whole.run_now(lambda c, now: kept_reports.keep(c, now, said))
    assert whole.run_now(kept_reports.latest)["https://ehr.example/r4"]["summary"]["pass"] == 3
    page = whole.run_now(lambda c, now: kept_reports.find_page(c, now, made["id"]))
    assert page is not None
    assert (page[0], kept_reports.unpacked(page[1])) == ("https://ehr.example/r4", b"<p>report")


def test_what_people_decided_about_a_version_is_counted(whole: Database) -> None:
    waiting = said("1.0.0", "a", 30)
    assert state(whole, waiting, "confirm") == "awaiting_confirmation"
    place = {"model": waiting.model, "version": "1.0.0", "ehr": waiting.ehr}

    def decide(connection: Connection, now: float) -> list[dict[str, Any]]:
        stored = outputs.find_output(connection, now, "a".rjust(32, "0"))
        assert stored is not None
        outputs.decline(connection, now, stored=stored, by="Practitioner/d1", reason=None)
        return readiness.known(connection, now, site="north", places=[place, {**place, "version": "2.0.0"}])

    one, other = whole.run_now(decide)
    assert (one["confirmed"], one["declined"], one["decided_since"] is not None) == (0, 1, True)
    assert (other["confirmed"], other["declined"], other["decided_since"]) == (0, 0, None)
