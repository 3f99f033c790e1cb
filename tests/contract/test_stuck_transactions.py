"""A replica that is frozen in mid-transaction keeps its locks: those who wait for them get them in the end, whatever it did last."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, bindparam, insert, select, update

from gateway.storage.database import open_postgres
from gateway.storage.failures import DatabaseAway
from gateway.storage.postgres import Postgres

METADATA = MetaData()
ROWS = Table("rows_of_one", METADATA, Column("id", Integer, primary_key=True), Column("turns", Integer, nullable=False))
MANY = update(ROWS).where(ROWS.c.id == bindparam("row")).values(turns=ROWS.c.turns + 1)
LOCK, STUCK = 0.2, 1.0
Said = Callable[[Connection], contextlib.AbstractContextManager[Any]]


@pytest.fixture
def replicas(database_url: str) -> Iterator[tuple[Postgres, Postgres]]:
    open_postgres(database_url, metadata=[METADATA]).close()
    frozen, other = (Postgres(database_url, lock=LOCK, stuck=STUCK) for _ in range(2))
    other.run_now(
        lambda connection, now: connection.execute(insert(ROWS), [{"id": n, "turns": 0} for n in range(8)]) and None
    )
    yield frozen, other
    frozen.close()
    other.close()


def turn(connection: Connection, now: float) -> None:
    connection.execute(MANY, {"row": 3})


def one(connection: Connection) -> contextlib.AbstractContextManager[Any]:
    connection.execute(MANY, {"row": 3})
    return contextlib.nullcontext()


def many(connection: Connection) -> contextlib.AbstractContextManager[Any]:
    connection.execute(MANY, [{"row": n} for n in range(8)])
    return contextlib.nullcontext()


@contextlib.contextmanager
def some_of_many(connection: Connection) -> Iterator[Any]:
    driver: Any = connection.connection.driver_connection
    with driver.pipeline():
        driver.execute("UPDATE rows_of_one SET turns = turns + 1 WHERE id = 3")
        yield


@pytest.mark.parametrize("said", [one, many, some_of_many])
def test_the_locks_of_a_frozen_replica_are_free_after_a_while(replicas: tuple[Postgres, Postgres], said: Said) -> None:
    frozen, other = replicas
    with pytest.raises(DatabaseAway):
        frozen.run_now(lambda connection, now: _freeze(connection, other, said))
    assert other.run_now(lambda connection, now: connection.scalar(select(ROWS.c.turns).where(ROWS.c.id == 3))) == 1


def _freeze(connection: Connection, other: Postgres, said: Said) -> None:
    """Says nothing more until another has its turn, and then finds its transaction gone."""
    with contextlib.suppress(psycopg.Error), said(connection):
        began = time.monotonic()
        while not _has_turn(other):
            assert time.monotonic() - began < 20 * STUCK, "they are kept for good"
        assert time.monotonic() - began > STUCK / 2, "whoever only takes long is left in peace"
    connection.execute(MANY, {"row": 4})


def _has_turn(other: Postgres) -> bool:
    try:
        other.run_now(turn)
    except DatabaseAway:
        return False
    return True


def test_what_waits_for_its_client_for_a_moment_is_left_in_peace(replicas: tuple[Postgres, Postgres]) -> None:
    slow, other = replicas

    def work(connection: Connection, now: float) -> None:
        connection.execute(MANY, [{"row": n} for n in range(8)])
        with pytest.raises(DatabaseAway):
            other.run_now(turn)
        connection.execute(MANY, {"row": 3})

    slow.run_now(work)
    assert other.run_now(lambda connection, now: connection.scalar(select(ROWS.c.turns).where(ROWS.c.id == 3))) == 2
