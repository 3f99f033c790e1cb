"""The tables that a store has not yet. A process opens many stores of the same tables (each persona's, each test's), so what
makes them in SQLite is put together once."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable


def create_missing(connection: Connection, metadata: Sequence[MetaData]) -> None:
    """Creates each table that is not there, with its indexes; one that is there is left as it is."""
    there = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite":
        for tables in metadata:
            missing = [each for each in tables.sorted_tables if each.name not in there]
            tables.create_all(connection, tables=missing, checkfirst=False)
        return
    for name, statement in (each for tables in metadata for each in _statements(tables, len(tables.tables))):
        if name not in there:
            connection.exec_driver_sql(statement)


@cache
def _statements(tables: MetaData, count: int) -> tuple[tuple[str, str], ...]:
    """What makes each of so many tables and its indexes, by the table's name."""
    found: list[tuple[str, str]] = []
    for table in tables.sorted_tables:
        parts: list[CreateTable | CreateIndex] = [CreateTable(table), *map(CreateIndex, table.indexes)]
        found += [(table.name, str(part.compile(dialect=sqlite.dialect()))) for part in parts]
    return tuple(found)
