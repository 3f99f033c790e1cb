"""What can go wrong with the database, in our own words: none names a statement or a value.

::

    DatabaseFailed     nothing of the work was kept
    ├── DatabaseFull   there is no room
    └── DatabaseAway   PostgreSQL did not answer: the same may be tried again
    DatabaseClosed     it was closed before
"""

import sqlite3

BROKEN = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN})
"""Primary result codes of SQLite that say that the file or its disk fails."""


class DatabaseFailed(RuntimeError):
    """The file could not be read or written: nothing of the work was kept. The text names no statement and no value."""


class DatabaseFull(DatabaseFailed):
    """There is no room for what the work writes; reads go on, and writes once there is room."""


class DatabaseAway(DatabaseFailed):
    """The server did not answer, ended the work or had no turn for it: what it would have written is not there, but for a
    commit whose answer was lost. The same may be tried again."""


class DatabaseClosed(RuntimeError):
    """The database was closed while, or before, the work was waiting."""


def translated(failure: BaseException | None) -> BaseException | None:
    """A failure of the disk in our own words; any other as it is."""
    cause = getattr(failure, "orig", failure)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DatabaseFull("there is no room for this")
    return DatabaseFailed("the database's file failed") if code in BROKEN else failure
