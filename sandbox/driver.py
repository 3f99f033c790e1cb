"""Edge: statements of our own, given to the SQLite driver as they are: naming and checking parameters and results, as
SQLAlchemy does, costs more than most of these statements."""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import Connection, Table


def execute(connection: Connection, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
    """The rows as they are asked for, plain tuples. ``sql`` is text of ours, never of a client's."""
    return cast(sqlite3.Connection, connection.connection.driver_connection).execute(sql, values)


def add(connection: Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    """One statement for each of the rows."""
    if rows:
        cast(sqlite3.Connection, connection.connection.driver_connection).executemany(sql, rows)


AT_ONCE = 50
"""Rows of one statement: between two statements the driver may have to wait for its turn among the threads."""


def add_all(connection: Connection, into: str, rows: Sequence[Sequence[object]]) -> None:
    """Whole rows of the table of this name, many in one statement; those that stand there already are left as they are."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        execute(connection, _several(into, len(some), len(some[0])), tuple(chain.from_iterable(some)))


@cache
def _several(into: str, count: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"INSERT OR IGNORE INTO {into} VALUES {', '.join([row] * count)}"  # noqa: S608


def positional(table: Table) -> str:
    """The insert of a whole row, as the driver takes it; all names are those of our own tables."""
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
