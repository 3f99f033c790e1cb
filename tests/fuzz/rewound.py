"""A database behind the storage seam that forgets: what one request wrote is taken back before the next.

So every request meets the same world, a failing one can be repeated alone by its number, and nothing grows.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.pool import StaticPool

T = TypeVar("T")
Work = Callable[[Connection, float], T]


class Rewound:
    """SQLite in memory on the caller's thread, a savepoint for each work as ``gateway.storage.database.Sqlite`` has. Until
    ``seal`` it keeps what is written; after it only for the length of ``one_request``."""

    def __init__(self, metadata: Sequence[MetaData], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._engine = create_engine(
            "sqlite://", poolclass=StaticPool,
            creator=lambda: sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=512),
        )  # fmt: skip
        self._connection = self._engine.connect()
        self.raw = cast(sqlite3.Connection, self._connection.connection.driver_connection)
        self.raw.execute("PRAGMA foreign_keys=ON")
        self._lock = threading.RLock()
        self._sealed = False
        for tables in metadata:
            tables.create_all(self._connection)

    async def run(self, work: Work[T]) -> T:
        """Runs the work at once. Raises what it raised."""
        return self._attempt(work)

    look = run

    def run_now(self, work: Work[T]) -> T:
        """The same for another thread (the audit log's), which waits until no request is under way."""
        if not self._sealed:
            return self._attempt(work)
        with self.one_request():
            return self._attempt(work)

    def seal(self) -> None:
        """From here on nothing stays."""
        self._sealed = True

    @contextlib.contextmanager
    def one_request(self) -> Iterator[None]:
        """The time in which what is written is there."""
        with self._lock:
            nested = self.raw.in_transaction
            self.raw.execute("SAVEPOINT request" if nested else "BEGIN")
            try:
                yield
            finally:
                self.raw.execute("ROLLBACK TO request" if nested else "ROLLBACK")

    def close(self) -> None:
        """The part of the seam that ends it."""
        with self._lock:
            self._connection.close()
            self._engine.dispose()

    def _attempt(self, work: Work[T]) -> T:
        with self._lock:
            self.raw.execute("SAVEPOINT work")
            try:
                value = work(self._connection, self._clock())
            except BaseException:
                self.raw.execute("ROLLBACK TO work")
                self.raw.execute("RELEASE work")
                raise
            self.raw.execute("RELEASE work")
            return value

    def count(self, tables: Sequence[str]) -> tuple[Any, ...]:
        """Rows of each table."""
        said = ", ".join(f'(SELECT count(*) FROM "{table}")' for table in tables)
        return tuple(self.raw.execute(f"SELECT {said}").fetchone())
