"""Edge: how a file of SQLite is opened: durable at every commit, and nobody else's while it is."""

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

PAGE, LARGE_PAGE = 4096, 8192
"""Bytes of a page of a new file; one that is there keeps its own. A body of FHIR JSON takes most of the smaller: where there are
many of them, larger pages are fewer to write to the log and to copy back."""
LONG_LOG = 4000
"""Pages of 4096 bytes of the log after which they are copied back: a page written often is copied back less often."""
TOO_LONG = 2
"""At how many times that length a commit does it by itself, and whoever waits for it waits for that as well."""


AS_THEY_ARE: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (bool, int), (bytes, bytes), (type(None), dict[None, None]().get),
)  # fmt: skip
"""The driver takes these as they are, but first asks each one how it wants to be adapted, which costs as much as to write it."""
for kind, same in AS_THEY_ARE:
    sqlite3.register_adapter(kind, same)


def sqlite_engine(path: str, *, page_size: int = PAGE, log: int = LONG_LOG) -> Engine:
    """One connection, usable from any thread that has the turn."""
    engine = create_engine(
        "sqlite://",
        hide_parameters=True,
        creator=lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512),
        poolclass=StaticPool,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: Any) -> None:
        """EXCLUSIVE also keeps a second connection out, the precondition of SQLite's WAL-reset bug before 3.51.3."""
        connection.execute(f"PRAGMA page_size={page_size}")  # before anything is written
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode not in ("wal", "memory"):
            raise RuntimeError(f"SQLite refused write-ahead logging and keeps {mode}: is the disk a network share?")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-32768")
        copy_back_by_itself(connection, log)
        connection.execute("PRAGMA temp_store=MEMORY")

    return engine


def copy_back_by_itself(connection: sqlite3.Connection, log: int) -> None:
    """A commit copies the log back where it has become twice as long as it should (``log`` pages of 4096 bytes)."""
    connection.execute(f"PRAGMA wal_autocheckpoint={max(1, TOO_LONG * log * PAGE // _page_size(connection))}")


def _page_size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_size").fetchone()[0])


def copy_back(connection: sqlite3.Connection, log: int) -> int:
    """Copies the log back into the file, between two transactions, unless somebody is copying the file; gives how many pages
    of 4096 bytes it had, ``log`` where that is not known. A disk that fails fails the next commit."""
    try:
        if connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0]:
            pages = int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
            return max(1, pages * _page_size(connection) // PAGE)
    except sqlite3.Error:
        pass
    return log
