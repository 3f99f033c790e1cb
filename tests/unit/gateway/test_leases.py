"""A lease is held by one, kept alive by signs of life, and lost by whoever gives none."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.storage import leases
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.tables import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(tmp_path / "x.db", metadata=[metadata])
    else:
        made = open_postgres(request.getfixturevalue("postgres").emptied(metadata))
    yield made
    made.close()


def at(database: Database, now: float, work: Any, **arguments: Any) -> Any:
    return database.run_now(lambda connection, _: partial(work, **arguments)(connection, now))


def test_one_holds_it_until_it_gives_it_back_or_runs_out(database: Database) -> None:
    take = partial(at, database, work=leases.take_lease, name="job")
    assert take(now=0.0, owner="a")
    assert take(now=1.0, owner="a")
    assert not take(now=20.9, owner="b")
    assert take(now=21.1, owner="b")
    assert not at(database, 22.0, leases.end_lease, name="job", owner="a")
    assert at(database, 22.0, leases.end_lease, name="job", owner="b")
    assert take(now=22.0, owner="a")


def test_a_sign_of_life_keeps_ones_own_and_wins_nothing_back(database: Database) -> None:
    for name in ("x", "y"):
        assert at(database, 0.0, leases.take_lease, name=name, owner="a")
    assert at(database, 15.0, leases.keep_leases, owner="a") == 2
    assert not at(database, 30.0, leases.take_lease, name="x", owner="b")
    assert at(database, 36.0, leases.take_lease, name="x", owner="b")
    assert at(database, 37.0, leases.keep_leases, owner="a") == 1
    assert not at(database, 38.0, leases.holds, name="x", owner="a")
    assert at(database, 38.0, leases.holds, name="x", owner="b")
    at(database, 39.0, leases.end_leases, owner="b")
    assert at(database, 39.0, leases.take_lease, name="x", owner="c")


def test_a_fact_is_fixed_by_whoever_says_it_first(database: Database) -> None:
    fix = partial(at, database, 0.0, leases.fix_fact, name="namespace")
    assert (fix(value="one"), fix(value="two")) == ("one", "one")
