"""Edge: the exports of a sandbox EHR in its database: what was asked, how far it is, and what was written, in parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (  # fmt: skip
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

jobs = Table(
    "fhir_exports",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client", String(128), nullable=False, index=True),
    Column("boot", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("request", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("progress", Text, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)
"""``state``: running, done, failed. ``boot`` is the process that runs it: what another has left running has failed."""

parts = Table(
    "fhir_export_parts",
    metadata,
    Column("job", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("fhir_export_parts_name", parts.c.job, parts.c.number, unique=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """``parts`` are ``(number, type, count)``."""

    id: str
    client: str
    state: str
    request: str
    at: float
    progress: str
    expires: float
    parts: Sequence[tuple[int, str, int]] = ()


def begin(connection: Connection, now: float, *, id: str, client: str, boot: str, request: str) -> bool:
    """Keeps a new job; False when the client has as many under way as it may. Sweeps what has expired."""
    gone = [row.id for row in connection.execute(select(jobs.c.id).where(jobs.c.expires <= now))]
    for each in gone:
        remove(connection, now, each)
    mine = (jobs.c.client == client, jobs.c.state == "running", jobs.c.boot == boot)
    if (connection.scalar(select(func.count()).select_from(jobs).where(*mine)) or 0) >= RUNNING:
        return False
    row = {"id": id, "client": client, "boot": boot, "state": "running", "request": request, "at": now}
    connection.execute(insert(jobs), {**row, "progress": "waiting", "expires": now + 24 * LIFE})
    return True


def find(connection: Connection, now: float, *, id: str, client: str, boot: str) -> Job | None:
    """The job, if it is this client's and has not expired."""
    row = connection.execute(select(jobs).where(jobs.c.id == id, jobs.c.client == client)).one_or_none()
    if row is None or row.expires <= now:
        return None
    state = "failed" if row.state == "running" and row.boot != boot else row.state
    listed = select(parts.c.number, parts.c.type, parts.c.count).where(parts.c.job == id).order_by(parts.c.number)
    found = tuple((each[0], each[1], each[2]) for each in connection.execute(listed))
    return Job(
        id=row.id, client=row.client, state=state, request=row.request, at=row.at, progress=row.progress,
        expires=row.expires, parts=found,
    )  # fmt: skip


def add(connection: Connection, now: float, *, job: str, number: int, type: str, lines: Sequence[bytes]) -> bool:
    """Keeps one part; False when the job was cancelled meanwhile."""
    if not running(connection, now, job):
        return False
    row: dict[str, Any] = {"job": job, "number": number, "type": type, "count": len(lines), "body": b"".join(lines)}
    connection.execute(insert(parts), row)
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


def body(connection: Connection, now: float, *, job: str, number: int) -> tuple[str, bytes] | None:
    """The type and the NDJSON of one part."""
    row = connection.execute(select(parts).where(parts.c.job == job, parts.c.number == number)).one_or_none()
    return None if row is None else (row.type, row.body)


def remove(connection: Connection, now: float, id: str) -> None:
    """The job and everything that it has written."""
    connection.execute(delete(parts).where(parts.c.job == id))
    connection.execute(delete(jobs).where(jobs.c.id == id))
