"""Edge: statements of our own, given to the SQLite driver as they are: naming and checking parameters and results, as
SQLAlchemy does, costs more than most of these statements."""

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table


def execute(connection: Connection, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
    """The rows as they are asked for, plain tuples. ``sql`` is text of ours, never of a client's."""
    return cast(sqlite3.Connection, connection.connection.driver_connection).execute(sql, values)


def add(connection: Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    """One statement for each of the rows."""
    if rows:
        cast(sqlite3.Connection, connection.connection.driver_connection).executemany(sql, rows)


def positional(table: Table) -> str:
    """The insert of a whole row, as the driver takes it; all names are those of our own tables."""
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
