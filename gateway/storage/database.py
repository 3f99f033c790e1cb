"""Edge: the one storage seam, ``await database.run(work)`` (house.md §3, docs/decisions/0003).

``work(connection, now) -> value`` is a plain synchronous function of a SQLAlchemy Core connection; ``now`` is Unix
seconds. Either everything a work wrote is durable when ``run`` returns, or nothing is and ``run`` raises.

SQLite: one thread owns one connection and commits whatever is waiting as one group, a savepoint each; a work alone needs none,
and works that may be done again (``Repeatable``) share one: where one of them fails, each is done again with its own.
PostgreSQL: one transaction per work, on a few threads.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.pool import StaticPool

from gateway.storage.creating import create_missing
from gateway.storage.failures import DatabaseClosed, translated
from gateway.storage.postgres import Postgres
from gateway.storage.statements import DriverConnection

T = TypeVar("T")
Work = Callable[[Connection, float], T]
Clock = Callable[[], float]

GROUP_LIMIT = 500
"""Works in one commit, at most: bounds how long the first of a group waits for the last."""
AUTOCHECKPOINT = 4000
"""Pages of the log after which they are copied back: a page written often is copied back less often."""


@dataclass(frozen=True, slots=True)
class Repeatable(Generic[T]):
    """A work that changes nothing but the database, so that it may be done again from its beginning. A savepoint costs SQLite
    a copy of every page that is written after it: a quarter of what it takes to record an output."""

    work: Work[T]

    def __call__(self, connection: Connection, now: float) -> T:
        return self.work(connection, now)


class Database(Protocol):
    """Both stores. ``run`` is for coroutines, ``run_now`` for the command line and tests (it blocks). ``look`` is ``run`` for
    a work that only reads, by key, in tens of microseconds."""

    async def run(self, work: Work[T]) -> T: ...
    async def look(self, work: Work[T]) -> T: ...
    def run_now(self, work: Work[T]) -> T: ...
    def close(self) -> None: ...


_Promise = asyncio.Future[Any] | Future[Any]
_Item = tuple[Work[Any], _Promise]
_Outcome = tuple[_Promise, Any, BaseException | None]


class Sqlite:
    """One file, one writer thread, group commit. A second process on the same file fails at once (EXCLUSIVE)."""

    def __init__(
        self, path: Path | str, *, clock: Clock = time.time, observe: Callable[[Any, float], None] | None = None
    ) -> None:
        self.path, self.engine = Path(path), _sqlite_engine(str(path))
        self._clock, self._observe = clock, observe
        self._waiting: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed = False
        self._turn = threading.Lock()
        self._wanted = False
        self._connection = DriverConnection(self.engine)
        self._raw = cast(sqlite3.Connection, self._connection.connection.driver_connection)
        self._thread = threading.Thread(target=self._serve, name=f"sqlite {Path(path).name}", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T]) -> T:
        """Runs the work in the next group; returns when it is durable. Raises what the work raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submit(work, future)
        return await future

    async def look(self, work: Work[T]) -> T:
        """Runs the work at once, on this thread, where no group is being written or about to be: to wake another costs ten
        times what a look by key does. Else it waits for its turn as any other. It sees what is committed."""
        if self._closed or self._wanted or not self._turn.acquire(blocking=False):
            return await self.run(work)
        try:
            return cast(T, self._call(work, self._clock()))
        except Exception as failure:
            told = translated(failure)
            if told is None or told is failure:
                raise
            raise told from failure
        finally:
            self._turn.release()

    def run_now(self, work: Work[T]) -> T:
        future: Future[T] = Future()
        self._submit(work, future)
        return future.result()

    async def alone(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Does something between two groups, outside of any transaction."""

        def turn() -> T:
            with self._turn:
                return act(self._raw)

        return await asyncio.to_thread(turn)

    def close(self) -> None:
        """Commits what waits, then closes the file. Idempotent."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()
            self._connection.close()
            self.engine.dispose()

    def _submit(self, work: Work[Any], future: "_Promise") -> None:
        if self._closed:
            raise DatabaseClosed("the database is closed")
        self._waiting.put((work, future))

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, last = [first], False
            while len(group) < GROUP_LIMIT and not last:
                try:
                    item = self._waiting.get_nowait()
                except Empty:
                    break
                last = item is None
                if item is not None:
                    group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: Sequence["_Item"]) -> None:
        """One transaction for the whole group. A failed begin or commit fails every future of it."""
        self._wanted = True
        with self._turn:
            self._wanted = False
            outcomes = self._outcomes(group)
        _tell([(future, value, translated(failed)) for future, value, failed in outcomes])

    def _outcomes(self, group: Sequence["_Item"]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        try:
            self._raw.execute("BEGIN IMMEDIATE")
            now = self._clock()
            if len(group) == 1:  # alone in its transaction, a work needs no savepoint
                outcomes = [(group[0][1], self._call(group[0][0], now), None)]
            else:
                for repeatable, items in groupby(group, lambda item: isinstance(item[0], Repeatable)):
                    outcomes += (self._together if repeatable else self._apart)(list(items), now)
            self._raw.execute("COMMIT")
        except BaseException as failure:
            with contextlib.suppress(sqlite3.Error):  # on a broken disk this fails as well
                if self._raw.in_transaction:
                    self._raw.execute("ROLLBACK")
            outcomes = [(future, None, failure) for _, future in group]
        return outcomes

    def _together(self, items: Sequence["_Item"], now: float) -> list[_Outcome]:
        """Those that may be done again, in one savepoint as long as none fails."""
        self._raw.execute("SAVEPOINT works")
        try:
            outcomes: list[_Outcome] = [(future, self._call(work, now), None) for work, future in items]
        except Exception:
            if not self._raw.in_transaction:
                raise
            self._raw.execute("ROLLBACK TO works")
            outcomes = self._apart(items, now)
        self._raw.execute("RELEASE works")
        return outcomes

    def _apart(self, items: Sequence["_Item"], now: float) -> list[_Outcome]:
        return [(future, *self._attempt(work, now)) for work, future in items]

    def _attempt(self, work: Work[Any], now: float) -> tuple[Any, BaseException | None]:
        self._raw.execute("SAVEPOINT work")
        try:
            value = self._call(work, now)
        except Exception as failure:
            if not self._raw.in_transaction:  # SQLite itself rolled the whole group back: disk full, I/O error
                raise
            self._raw.execute("ROLLBACK TO work")
            self._raw.execute("RELEASE work")
            return None, failure
        self._raw.execute("RELEASE work")
        return value, None

    def _call(self, work: Work[Any], now: float) -> Any:
        if self._observe is None:
            return work(self._connection, now)
        began = time.thread_time()
        value = work(self._connection, now)
        self._observe(work, time.thread_time() - began)
        return value


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Settles a group's futures with one wake-up for each event loop: waking costs more than most works."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        if isinstance(outcome[0], asyncio.Future):
            loops.setdefault(outcome[0].get_loop(), []).append(outcome)
        else:
            _settle([outcome])
    for loop, settled in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, settled)


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for future, value, failed in outcomes:
        if future.done():  # its caller was cancelled; the work stands all the same
            continue
        if failed is None:
            future.set_result(value)
        else:
            future.set_exception(failed)


def open_sqlite(
    path: Path | str, *, metadata: Sequence[MetaData] = (), clock: Clock = time.time,
    observe: Callable[[Any, float], None] | None = None,
) -> Sqlite:  # fmt: skip
    """Opens or makes the file (mode 0600) and creates missing tables of ``metadata``."""
    if str(path) != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = Sqlite(path, clock=clock, observe=observe)
    database.run_now(lambda connection, now: create_missing(connection, metadata))
    return database


def open_postgres(url: str, *, metadata: Sequence[MetaData] = ()) -> Postgres:
    """Connects and creates missing tables of ``metadata``; of several processes at once one does, and the others wait.
    ``url`` is ``postgresql://…``."""
    database = Postgres(url)

    def create(connection: Connection, now: float) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
        create_missing(connection, metadata)

    database.run_now(create)
    return database


def _sqlite_engine(path: str) -> Engine:
    engine = create_engine(
        "sqlite://",
        hide_parameters=True,
        creator=lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512),
        poolclass=StaticPool,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: Any) -> None:
        """EXCLUSIVE also keeps a second connection out, the precondition of SQLite's WAL-reset bug before 3.51.3."""
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode not in ("wal", "memory"):
            raise RuntimeError(f"SQLite refused write-ahead logging and keeps {mode}: is the disk a network share?")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-32768")
        connection.execute(f"PRAGMA wal_autocheckpoint={AUTOCHECKPOINT}")
        connection.execute("PRAGMA temp_store=MEMORY")

    return engine
