"""Edge: fills an embedded store at once, for a seed: the same rows as single writes make, without their questions."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from r4 import codec
from sandbox.backlog import catch_up, done_up_to
from sandbox.driver import add, positional
from sandbox.indexing import date_of, index
from sandbox.indexing import rows as term_rows
from sandbox.paging import last_change
from sandbox.store import Rules, stamped
from sandbox.tables import resources, terms

AT_ONCE = 500
"""Resources in one call of the driver: few calls, and little that the garbage collector looks through."""


_ADD, _ADD_TERM = positional(resources), positional(terms)


def load(connection: Connection, now: float, bodies: Iterable[Mapping[str, Any]], rules: Rules) -> int:
    """Seeds the store: resources that are known to be valid and to refer to one another. Returns how many.

    The rows are those of a create or update, given to the driver by the hundred."""
    catch_up(connection, base=rules.base)
    first = last_change(connection) + 1
    numbered, count = enumerate(bodies, start=first), 0
    while some := list(islice(numbered, AT_ONCE)):
        rows: list[tuple[object, ...]] = []
        found: list[tuple[object, ...]] = []
        for number, body in some:
            stored = stamped(body, id=body["id"], version=1, now=now)
            said = index(stored, base=rules.base)
            date = date_of(stored, base=rules.base)
            rows.append((number, stored["resourceType"], stored["id"], 1, False, now, codec.format(stored), date))
            found += term_rows(number, said, date)
        add(connection, _ADD, rows)
        add(connection, _ADD_TERM, found)
        count += len(rows)
    done_up_to(connection, first + count - 1)
    return count
