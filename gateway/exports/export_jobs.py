"""Edge: the exports of a sandbox EHR in its database: what was asked, how far it is, and what was written, in parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (  # fmt: skip
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from sandbox.tables import metadata

LIFE = 3600.0
"""Seconds for which a finished export can be fetched."""
RUNNING = 5
"""Exports of one client under way at once."""
SWEPT = 4
"""Parts that are removed in one work, at most: no work holds the database for long."""

jobs = Table(
    "fhir_export_jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client", String(128), nullable=False, index=True),
    Column("scopes", Text, nullable=False),
    Column("boot", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("request", Text, nullable=False),
    Column("since", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Column("progress", Text, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)
"""``state``: running, done, failed. ``boot`` is the process that runs it: what another has left running has failed.
``scopes`` are those of the grant that asked: what was written is what these reach."""

parts = Table(
    "fhir_export_files",
    metadata,
    Column("job", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("type", String(64), nullable=False),
    Column("lines", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""``kind``: output, or deleted, whose lines are Bundles of what of the type was deleted."""
Index("fhir_export_files_name", parts.c.job, parts.c.number, unique=True)


class Part(NamedTuple):
    """A file of an export; ``lines`` is how many."""

    number: int
    kind: str
    type: str
    lines: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A row of ``jobs``; ``at`` and ``expires`` in Unix seconds."""

    id: str
    client: str
    scopes: str
    since: bool
    state: str
    request: str
    at: float
    progress: str
    expires: float
    parts: Sequence[Part] = ()


def begin(
    connection: Connection, now: float, *, id: str, client: str, scopes: str, boot: str, request: str, since: bool
) -> bool:  # fmt: skip
    """Keeps a new job; False when the client has as many under way as it may."""
    mine = (jobs.c.client == client, jobs.c.state == "running", jobs.c.boot == boot, jobs.c.expires > now)
    if (connection.scalar(select(func.count()).select_from(jobs).where(*mine)) or 0) >= RUNNING:
        return False
    row = {"id": id, "client": client, "scopes": scopes, "boot": boot, "state": "running", "request": request}
    connection.execute(
        insert(jobs), {**row, "since": since, "at": now, "progress": "waiting", "expires": now + 24 * LIFE}
    )
    return True


def find(connection: Connection, now: float, *, id: str, client: str) -> Job | None:
    """The job, if it is this client's and has not expired."""
    row = connection.execute(select(jobs).where(jobs.c.id == id, jobs.c.client == client)).one_or_none()
    if row is None or row.expires <= now:
        return None
    listed = select(parts.c.number, parts.c.kind, parts.c.type, parts.c.lines).where(parts.c.job == id)
    found = tuple(Part(*each) for each in connection.execute(listed.order_by(parts.c.number)))
    return Job(
        id=row.id, client=row.client, scopes=row.scopes, since=row.since, state=row.state, request=row.request, at=row.at,
        progress=row.progress, expires=row.expires, parts=found,
    )  # fmt: skip


def add(connection: Connection, now: float, *, job: str, part: Part, body: bytes) -> bool:
    """Keeps one part; False when the job was cancelled meanwhile."""
    if not running(connection, now, job):
        return False
    connection.execute(insert(parts), {"job": job, **part._asdict(), "body": body})
    return True


def running(connection: Connection, now: float, id: str) -> bool:
    """Whether it still is wanted."""
    return connection.scalar(select(jobs.c.state).where(jobs.c.id == id)) == "running"


def tell(connection: Connection, now: float, *, id: str, progress: str) -> None:
    """How far it is."""
    connection.execute(
        update(jobs).where(jobs.c.id == bindparam("job")).values(progress=bindparam("far")),
        {"job": id, "far": progress},
    )


def end(connection: Connection, now: float, *, id: str, state: str) -> None:
    """It is done, or has failed; it can be fetched from now on for so long."""
    connection.execute(update(jobs).where(jobs.c.id == id).values(state=state, expires=now + LIFE))


def body(connection: Connection, now: float, *, job: str, number: int) -> bytes | None:
    """The NDJSON of one part."""
    found: bytes | None = connection.scalar(select(parts.c.body).where(parts.c.job == job, parts.c.number == number))
    return found


def remove(connection: Connection, now: float, id: str) -> None:
    """The job is gone at once; what it has written goes with the next ``sweep``."""
    connection.execute(delete(jobs).where(jobs.c.id == id))


def sweep(connection: Connection, now: float) -> bool:
    """Removes what has expired, and some of the parts that are of no job; whether there may be more of them."""
    connection.execute(delete(jobs).where(jobs.c.expires <= now))
    orphans = select(parts.c.job, parts.c.number).where(parts.c.job.not_in(select(jobs.c.id))).limit(SWEPT)
    found = connection.execute(orphans).all()
    for job, number in found:
        connection.execute(delete(parts).where(parts.c.job == job, parts.c.number == number))
    return len(found) == SWEPT
