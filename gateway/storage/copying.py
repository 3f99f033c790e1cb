"""Edge: a consistent copy of a database that goes on being used.

SQLite: in write-ahead mode the file itself changes only at a checkpoint. One is made, the next are put off, and another process
copies the file (a second handle of this one would, when it is closed, take away the lock that keeps others out). PostgreSQL:
one snapshot, read by COPY while others write.
"""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from gateway.storage.archive import PIECE, BackupRefused
from gateway.storage.database import Sqlite
from gateway.storage.opening import copy_back_by_itself
from gateway.storage.postgres import Postgres

if TYPE_CHECKING:
    from psycopg import sql

SUFFIX = ".copy"


async def copy_sqlite(database: Sqlite, target: Path) -> None:
    """The file as it is now, with everything that was acknowledged before. Raises BackupRefused, OSError."""
    source = database.path
    await database.alone(_hold)
    try:
        before = source.stat()
        command = ["cp", "--reflink=auto", "--", str(source), str(target)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
        after = source.stat()
    finally:
        await database.alone(partial(copy_back_by_itself, log=database.log))
    if done.returncode or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BackupRefused("the database could not be copied: is there room where the backup goes?")
    await asyncio.to_thread(_sound, target)


def _hold(raw: sqlite3.Connection) -> None:
    """Everything into the file, and nothing more for a while."""
    busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise BackupRefused("the database is read by somebody else just now: try again")
    raw.execute("PRAGMA wal_autocheckpoint=0")


def _sound(path: Path) -> None:
    os.chmod(path, 0o600)
    with sqlite3.connect(path) as copy:
        said = copy.execute("PRAGMA quick_check").fetchone()[0]
    copy.close()
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    if said != "ok":
        raise BackupRefused("the copy of the database is not sound: look at the disk, and run chartgate doctor")


async def copy_postgres(database: Postgres, folder: Path) -> None:
    """A file of COPY's text for each table, of one snapshot."""
    await asyncio.to_thread(_dump, database, folder)


def _dump(database: Postgres, folder: Path) -> None:
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.transaction(), driver.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for name, columns in _tables(cursor).items():
                path = folder / f"{name}{SUFFIX}"
                with path.open("wb") as stream, cursor.copy(_copy(name, columns, "TO STDOUT")) as out:
                    for piece in out:
                        stream.write(piece)


def fill_postgres(driver: Any, folder: Path) -> None:
    """The files of ``copy_postgres`` into tables of the same revision that are empty, in the transaction that is open;
    counting goes on behind the last row. ``driver`` is psycopg's connection. Raises BackupRefused."""
    with driver.cursor() as cursor:
        tables = _tables(cursor)
        files = {path.name.removesuffix(SUFFIX): path for path in folder.glob(f"*{SUFFIX}")}
        if set(files) != set(tables):
            raise BackupRefused("the backup has other tables than its revision: it cannot be used")
        for name, path in files.items():
            cursor.execute(_statement("DELETE FROM {}", name))
            with path.open("rb") as stream, cursor.copy(_copy(name, tables[name], "FROM STDIN")) as into:
                while piece := stream.read(PIECE):
                    into.write(piece)
        cursor.execute(_COUNTED)
        for table, column in cursor.fetchall():
            _count_on(cursor, table, column)


def _tables(cursor: Any) -> dict[str, list[str]]:
    """Every table but Alembic's own, and its columns in the order of their names."""
    cursor.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name <> 'alembic_version' GROUP BY 1 ORDER BY 1"
    )
    return dict(cursor.fetchall())


_COUNTED = (
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'"
)


def _statement(text: LiteralString, *names: str) -> "sql.Composed":
    """The text with the names in it, quoted."""
    from psycopg import sql  # an installation on SQLite starts without it

    return sql.SQL(text).format(*map(sql.Identifier, names))


def _copy(name: str, columns: Sequence[str], how: LiteralString) -> "sql.Composed":
    from psycopg import sql

    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) ").format(sql.Identifier(name), listed) + sql.SQL(how)


def _count_on(cursor: Any, table: str, column: str) -> None:
    text: LiteralString = (
        "SELECT setval(pg_get_serial_sequence(%s, %s), coalesce((SELECT max({}) FROM {}), 0) + 1, false)"
    )
    cursor.execute(_statement(text, column, table), (table, column))
