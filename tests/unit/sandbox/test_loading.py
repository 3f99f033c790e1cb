"""A seed that is loaded at once against the same resources written one by one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from gateway.storage.database import open_sqlite
from r4.interaction import Interaction
from sandbox import loading, store, tables
from sandbox.backlog import catch_up
from sandbox.seed import load, ward

RULES = store.Rules(base="http://127.0.0.1:8700/ehr/spec/fhir", new_id=lambda: "none", references="free")
HOUR = 1_764_000_000.0
BODIES: list[dict[str, Any]] = [*load.resources(), *ward.ward_day(HOUR)]
"""Every tenth line of the charts, and the whole ward day."""
SOME = [*BODIES[:-400:10], *BODIES[-400:]]


def written(connection: Connection, now: float, bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        put = Interaction(action="update", type=body["resourceType"], id=body["id"], body=body)
        assert store.perform(connection, now, put, RULES).status == 201


def rows(bodies: list[dict[str, Any]], *, at_once: bool) -> Mapping[str, list[Any]]:
    """Everything that stands in the tables of a new store that was given these."""
    database = open_sqlite(":memory:", metadata=[tables.metadata], clock=lambda: HOUR)
    if at_once:
        assert database.run_now(lambda c, now: loading.load(c, now, bodies, RULES)) == len(bodies)
    else:
        database.run_now(lambda connection, now: written(connection, now, bodies))
    database.run_now(lambda connection, now: catch_up(connection, base=RULES.base))
    kept = database.run_now(
        lambda c, now: {
            table.name: list(map(tuple, c.execute(select(table)))) for table in tables.metadata.tables.values()
        }
    )
    database.close()
    return kept


def test_a_seed_leaves_the_rows_and_indices_that_single_writes_leave() -> None:
    single = rows(SOME, at_once=False)
    assert len(single["fhir_resources"]) == len(SOME) > loading.AT_ONCE
    assert rows(SOME, at_once=True) == single


def test_another_resource_leaves_other_rows() -> None:
    """The failing twin."""
    changed = [*SOME[:-1], {**SOME[-1], "status": "amended"}]
    assert rows(changed, at_once=True) != rows(SOME, at_once=False)


def test_a_seed_goes_after_what_is_there_and_may_be_empty() -> None:
    database = open_sqlite(":memory:", metadata=[tables.metadata])
    for part in (SOME[:3], [], SOME[3:4]):
        count = database.run_now(lambda c, now, part=part: loading.load(c, now, part, RULES))  # type: ignore[misc]
        assert count == len(part)
    numbers = database.run_now(
        lambda c, now: list(c.scalars(select(tables.resources.c.number).order_by(tables.resources.c.number)))
    )
    database.close()
    assert numbers == [1, 2, 3, 4]
