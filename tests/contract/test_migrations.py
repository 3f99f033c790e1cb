"""One suite, both databases: the revisions lead to exactly the tables, up and down, and whoever does not fit is told."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, Table, inspect, text

from gateway.installation import METADATA
from gateway.people import links, sessions
from gateway.storage import schema
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.storage.schema import SchemaRefused
from migrations import HEAD, REVISIONS
from migrations.__main__ import differences, whole
from monitoring.alerting.handling import find_alerts
from tests.contract.test_outbox_upgrade import rewind


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(tmp_path / "x.db")
    else:
        made = open_postgres(request.getfixturevalue("database_url"))
    yield made
    made.close()


def look(database: Database, work: Any, **arguments: Any) -> Any:
    return database.run_now(partial(work, **arguments))


def prepare(database: Database, *, alone: bool = True) -> str:
    return str(look(database, schema.prepare, metadata=METADATA, alone=alone))


def definitions(connection: Connection, now: float) -> set[tuple[str, str]]:
    """Every index and table as the database itself tells it."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    else:
        rows = connection.execute(
            text("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        )
    found = {(name, " ".join(said.replace('"', "").split())) for name, said in rows}
    return {(name, said) for name, said in found if "alembic" not in name and not said.startswith("CREATE TABLE")}


def test_the_revisions_lead_to_exactly_the_tables(empty: Database) -> None:
    """Fails when tables were changed without a revision: ``python -m migrations "What changes"`` writes it."""
    assert look(empty, schema.move, to=HEAD) == HEAD
    found = look(empty, lambda connection, now: differences(connection, whole()))
    assert found == [], 'python -m migrations "What changes" writes the revision that is missing'
    more = whole()
    Table("one_more", more, Column("id", Integer, primary_key=True))
    assert len(look(empty, lambda connection, now: differences(connection, more))) == 1  # the twin


def test_a_new_database_and_one_that_came_up_all_the_way_are_the_same(empty: Database, tmp_path: Path) -> None:
    look(empty, schema.move, to=HEAD)
    came_up = look(empty, definitions)
    look(empty, lambda connection, now: [each.drop_all(connection) for each in METADATA])
    look(empty, lambda connection, now: connection.execute(text("DROP TABLE alembic_version")))
    assert prepare(empty) == HEAD
    assert look(empty, definitions) == came_up


def keep_something(connection: Connection, now: float) -> None:
    connection.execute(
        text("INSERT INTO gateway_jobs (launch, state, results, since) VALUES ('a', 'waiting', '[]', 1)")
    )


def raise_earlier(connection: Connection, now: float) -> None:
    connection.execute(
        text(
            "INSERT INTO monitoring_alerts VALUES "
            "('old', 'M-OUT-01', 'm', '1', 'spec', 'critical', 'engineering', 'open', 1, 2, 3)"
        )
    )


def test_alerts_of_before_are_there_and_the_release_before_goes_on_raising_its_own(empty: Database) -> None:
    look(empty, schema.move, to="0001")
    look(empty, raise_earlier)
    prepare(empty)
    assert [each.id for each in look(empty, find_alerts)] == ["old"]
    look(empty, lambda connection, now: connection.execute(text("UPDATE monitoring_alerts SET count = count + 1")))


def kept(connection: Connection, now: float) -> int:
    return int(connection.scalar(text("SELECT count(*) FROM gateway_jobs")) or 0)


def test_a_database_of_before_there_were_revisions_is_recognised_and_keeps_what_it_has(empty: Database) -> None:
    look(empty, schema.move, to="0001")
    look(empty, rewind)
    look(empty, keep_something)
    look(empty, lambda connection, now: connection.execute(text("DROP TABLE alembic_version")))
    look(
        empty, lambda connection, now: connection.execute(text("DROP TABLE gateway_banners"))
    )  # of an even earlier one
    assert look(empty, schema.find_revision) == "0000"
    assert prepare(empty) == HEAD
    assert look(empty, kept) == 1
    assert look(empty, lambda connection, now: differences(connection, whole())) == []


def test_down_and_up_again_keep_what_was_there_before(empty: Database) -> None:
    prepare(empty)
    look(empty, keep_something)
    for revision in (*reversed(REVISIONS), *REVISIONS):
        assert look(empty, schema.move, to=revision) == revision == look(empty, schema.find_revision)
    assert look(empty, kept) == 1
    with pytest.raises(SchemaRefused, match="no such revision"):
        look(empty, schema.move, to="9999")


def test_a_session_that_is_bound_does_not_outlive_its_bounds(empty: Database) -> None:
    """Down again, it would open everything."""
    look(empty, schema.move, to="0004")
    for name, ehrs in (("bound", frozenset({"north"})), ("unbound", frozenset[str]())):
        session = sessions.of_link(now=time.time(), ehrs=ehrs)
        empty.run_now(partial(sessions.save_session, session=session, secret=name))
        empty.run_now(lambda c, now, name=name, ehrs=ehrs: links.add_link(c, now, name, ehrs))
    look(empty, schema.move, to="0003")
    left = [
        empty.run_now(lambda c, now, of=of: c.execute(text(f"SELECT hash FROM {of}")).scalars().all())
        for of in ("gateway_sessions", "gateway_links")
    ]
    assert left == [[sessions.hashed("unbound")]] * 2


def test_what_breaks_off_in_the_middle_leaves_the_revision_before(empty: Database) -> None:
    prepare(empty)

    def broken(connection: Connection, now: float) -> None:
        schema.move(connection, now, to="0001")
        assert "gateway_leases" not in inspect(connection).get_table_names()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        look(empty, broken)
    assert look(empty, schema.find_revision) == HEAD
    assert look(empty, lambda connection, now: differences(connection, whole())) == []


def test_a_release_among_others_moves_nothing_and_says_what_to_do(empty: Database) -> None:
    look(empty, schema.move, to="0001")
    with pytest.raises(SchemaRefused, match="chartgate migrate"):
        prepare(empty, alone=False)
    assert look(empty, schema.find_revision) == "0001"
    assert prepare(empty, alone=True) == HEAD
    assert prepare(empty, alone=False) == HEAD


@pytest.mark.parametrize(("oldest", "fits"), [(HEAD, True), ("0001", True), ("9998", False)])
def test_an_earlier_release_runs_on_a_later_database_as_long_as_that_says_so(
    empty: Database, oldest: str, fits: bool
) -> None:
    prepare(empty)
    statements = f"UPDATE alembic_version SET version_num = '9999'; UPDATE gateway_facts SET value = '{oldest}'"
    for each in statements.split(";"):
        look(empty, lambda connection, now, each=each: connection.execute(text(each)))
    if fits:
        assert prepare(empty, alone=False) == "9999"
    else:
        with pytest.raises(SchemaRefused, match="later release"):
            prepare(empty, alone=False)
