"""Edge: fills an embedded store at once, for a seed: the same rows as single writes make, without their questions."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, func, select

from r4 import codec
from sandbox.indexing import Term, index
from sandbox.store import Rules, stamped
from sandbox.tables import resources, terms

AT_ONCE = 500
"""Resources in one call of the driver: few calls, and little that the garbage collector looks through."""


def _positional(table: Table, columns: Sequence[str]) -> str:
    """The insert of a whole row, as the sqlite driver takes it; all names are those of our own tables."""
    assert [column.name for column in table.columns] == list(columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


_INSERT_RESOURCE = _positional(resources, ("number", "type", "id", "version", "deleted", "updated", "body"))
_INSERT_TERM = _positional(terms, ("number", "type", *Term._fields))


def load(connection: Connection, now: float, bodies: Iterable[Mapping[str, Any]], rules: Rules) -> int:
    """Seeds the store: resources that are known to be valid and to refer to one another. Returns how many.

    The rows are those of a create or update, given to the driver by the hundred: naming and checking the parameters of
    each row, as SQLAlchemy does, costs more than storing them."""
    first = (connection.scalar(select(func.max(resources.c.number))) or 0) + 1
    numbered, count = enumerate(bodies, start=first), 0
    while some := list(islice(numbered, AT_ONCE)):
        kept = [(number, stamped(body, id=body["id"], version=1, now=now)) for number, body in some]
        rows = [
            (number, stored["resourceType"], stored["id"], 1, False, now, codec.format(stored))
            for number, stored in kept
        ]  # fmt: skip
        connection.exec_driver_sql(_INSERT_RESOURCE, rows)
        found = [
            (number, stored["resourceType"], *term) for number, stored in kept for term in index(stored, base=rules.base)
        ]  # fmt: skip
        if found:
            connection.exec_driver_sql(_INSERT_TERM, found)
        count += len(rows)
    return count
