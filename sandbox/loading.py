"""Edge: fills an embedded store at once, for a seed: the same rows as single writes make, without their questions."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select

from r4 import codec
from sandbox.indexing import index
from sandbox.store import Rules, add_terms, positional, stamped
from sandbox.tables import resources

AT_ONCE = 500
"""Resources in one call of the driver: few calls, and little that the garbage collector looks through."""


_ADD_RESOURCE = positional(resources)
assert tuple(resources.c.keys()) == ("number", "type", "id", "version", "deleted", "updated", "body")


def load(connection: Connection, now: float, bodies: Iterable[Mapping[str, Any]], rules: Rules) -> int:
    """Seeds the store: resources that are known to be valid and to refer to one another. Returns how many.

    The rows are those of a create or update, given to the driver by the hundred."""
    first = (connection.scalar(select(func.max(resources.c.number))) or 0) + 1
    numbered, count = enumerate(bodies, start=first), 0
    while some := list(islice(numbered, AT_ONCE)):
        kept = [(number, stamped(body, id=body["id"], version=1, now=now)) for number, body in some]
        rows = [
            (number, stored["resourceType"], stored["id"], 1, False, now, codec.format(stored))
            for number, stored in kept
        ]  # fmt: skip
        connection.exec_driver_sql(_ADD_RESOURCE, rows)
        add_terms(
            connection,
            [
                (number, stored["resourceType"], *term)
                for number, stored in kept
                for term in index(stored, base=rules.base)
            ],
        )
        count += len(rows)
    return count
