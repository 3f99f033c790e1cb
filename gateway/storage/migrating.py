"""Edge: ``migrate``: the database of an installation taken up or down, as its settings name it."""

from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from gateway.installation import DATABASE_FILE, prepare
from gateway.processes.server import read_server_file
from gateway.settings import Settings
from gateway.storage import schema
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.storage.opening import LARGE_PAGE
from gateway.storage.schema import SchemaRefused
from migrations import HEAD, REVISIONS


def migrate(directory: Path, settings: Settings, *, down: bool, to: str | None) -> dict[str, Any]:
    """``{"from", "to", "head"}``. Raises SchemaRefused, also while a server holds an SQLite file; DatabaseAway."""
    if settings.database_url is None and read_server_file(directory) is not None:
        raise SchemaRefused(
            "a server runs on this installation: `chartgate down` first; it takes the database up itself"
        )
    database = _opened(directory, settings)
    try:
        before, after = database.run_now(partial(_move, down=down, to=to))
    finally:
        database.close()
    return {"from": before, "to": after, "head": HEAD}


def _opened(directory: Path, settings: Settings) -> Database:
    if settings.database_url is not None:
        return open_postgres(settings.database_url)
    return open_sqlite(prepare(directory) / DATABASE_FILE, page_size=LARGE_PAGE)


def _move(connection: Connection, now: float, *, down: bool, to: str | None) -> tuple[str, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
    before = schema.find_revision(connection, now) or "0000"
    wanted = to or (_below(before) if down else HEAD)
    if (wanted > before) if down else (wanted < before and before in REVISIONS):
        raise SchemaRefused(f"the database is at revision {before}: that is not {'down' if down else 'up'}")
    if before > HEAD and not down:
        return before, before
    return before, before if wanted == before else schema.move(connection, now, to=wanted)


def _below(revision: str) -> str:
    lower = [each for each in REVISIONS if each < revision]
    if not lower:
        raise SchemaRefused("the database is at the first revision: there is none below")
    return lower[-1]
