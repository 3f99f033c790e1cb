"""A small database of names, and works that add one."""

from collections.abc import Callable

from sqlalchemy import Column, Connection, ForeignKey, MetaData, String, Table, insert, select

from gateway.storage.database import Sqlite

METADATA = MetaData()
NAMES = Table("names", METADATA, Column("name", String(8), primary_key=True))
NAMED = ForeignKey("names.name", deferrable=True, initially="DEFERRED")
PETS = Table("pets", METADATA, Column("owner", String(8), NAMED, primary_key=True))
"""Looked at when the transaction ends: an owner without a name breaks the commit."""


class Wrong(Exception):
    """What a work raises."""


def adds(name: str, *, wrong: bool = False, done: list[str] | None = None) -> Callable[[Connection, float], str]:
    """A work that adds a name, and then fails or gives it."""

    def work(connection: Connection, now: float) -> str:
        connection.execute(insert(NAMES), {"name": name})
        if done is not None:
            done.append(name)
        if wrong:
            raise Wrong
        return name

    return work


def there(database: Sqlite) -> list[str]:
    return database.run_now(lambda c, now: list(c.scalars(select(NAMES.c.name).order_by(NAMES.c.name))))


def names(connection: Connection, now: float) -> list[str]:
    return list(connection.scalars(select(NAMES.c.name).order_by(NAMES.c.name)))
