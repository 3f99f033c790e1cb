"""Edge: a row that is to be there once, whoever comes first, on both databases."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Inserts the row unless a unique rule says that it is there; False then. Parallel writers wait for each other."""
    return connection.execute(_statement(table, connection.dialect.name), values).rowcount == 1


@cache
def _statement(table: Table, dialect: str) -> Any:
    """Made once: putting a statement together costs more than running it. The count of rows is not kept by itself."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
