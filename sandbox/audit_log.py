"""Edge: the audit log's tables: rows appended, many at once, and read back newest first. Nothing changes or deletes one."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, literal_column, select
from sqlalchemy.dialects import sqlite

from sandbox.audit import Event
from sandbox.audit_tables import events, metadata, servers
from sandbox.driver import add, execute

AT_ONCE = 50
"""Rows of one statement: between two statements the driver may have to wait for its turn among the threads."""


@cache
def _statement(server: int, rows: int) -> str:
    """The insert with one question mark for each member of each Event, so that the rows are its parameters as they are."""
    marks: dict[str, Any] = {name: literal_column("?") for name in Event._fields}
    row = {**marks, "server": literal_column(str(server))}
    return str(insert(events).values([row] * rows).compile(dialect=sqlite.dialect()))


SCANNED = 2_000
"""Rows that one page looks at: so many take a few milliseconds, however long the log is."""


class Kept(NamedTuple):
    """A row as it is read: its number, the FHIR base that recorded it, and what happened."""

    number: int
    base: str
    event: Event


def open_log(connection: Connection, now: float, *, base: str) -> int:
    """Makes the tables where they are missing; the number that stands for this base in the rows."""
    metadata.create_all(connection)
    known = connection.scalar(select(servers.c.number).where(servers.c.base == base))
    if known is not None:
        return int(known)
    return int(connection.execute(insert(servers).values(base=base).returning(servers.c.number)).scalar_one())


def append(connection: Connection, now: float, rows: Sequence[Event], *, server: int) -> None:
    """Keeps the rows, in this transaction. The statement is the driver's own: less than half the time for many rows."""
    rest = len(rows) % AT_ONCE
    for end in range(AT_ONCE, len(rows) + 1, AT_ONCE):
        execute(connection, _statement(server, AT_ONCE), tuple(chain.from_iterable(rows[end - AT_ONCE : end])))
    add(connection, _statement(server, 1), rows[len(rows) - rest :])


def used(
    connection: Connection, now: float, what: str = "audit", *, patient: str | None = None, client: str | None = None
) -> None:
    """Keeps what the installation's owner did: that the log was read, about this patient where one was asked for, or a
    client registered. A log without rows stays so."""
    server = connection.scalar(select(func.max(servers.c.number)))
    if server is not None:
        append(connection, now, [Event(what, now, 200, patient=patient, client=client)], server=server)


def page(
    connection: Connection, now: float, *, limit: int, before: int | None = None, patient: str | None = None,
    client: str | None = None, since: float | None = None,
) -> tuple[list[Kept], int | None]:  # fmt: skip
    """Rows among the ``SCANNED`` numbers before ``before`` (the newest when None), newest first, and the number to go on
    before; None at the end. ``since`` is Unix seconds. A page may be empty without being the last."""
    top = before if before is not None else (connection.scalar(select(func.max(events.c.number))) or 0) + 1
    low = max(top - SCANNED, 1)
    wanted = select(*(events.c[name] for name in Event._fields), events.c.number, servers.c.base)
    wanted = wanted.join_from(events, servers, events.c.server == servers.c.number)
    wanted = wanted.where(events.c.number >= low, events.c.number < top)
    for column, value in ((events.c.patient, patient), (events.c.client, client)):
        wanted = wanted if value is None else wanted.where(column == value)
    if since is not None:
        wanted = wanted.where(events.c.at >= since)
    rows = connection.execute(wanted.order_by(events.c.number.desc()).limit(limit)).all()
    kept = [Kept(row.number, row.base, Event(*row[: len(Event._fields)])) for row in rows]
    further = kept[-1].number if len(kept) == limit else low
    return kept, further if further > 1 else None
