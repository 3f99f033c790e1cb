"""Edge: brings the tables of an earlier version up to what ``tables`` declares: new columns, all of them nullable."""

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateColumn

from auth.server.tables import grants


def add_columns(connection: Connection, now: float) -> None:
    """Adds what a grants table of 0.1 lacks; nothing when it lacks nothing."""
    there = {column["name"] for column in inspect(connection).get_columns(grants.name)}
    for column in grants.columns:
        if column.name not in there:
            declared = str(CreateColumn(column).compile(dialect=connection.dialect))
            connection.execute(text(f"ALTER TABLE {grants.name} ADD COLUMN {declared}"))
    for index in grants.indexes:
        index.create(connection, checkfirst=True)
