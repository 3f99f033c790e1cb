"""Edge: the one storage seam, ``await database.run(work)`` (house.md §3, docs/decisions/0003).

``work(connection, now) -> value`` is a plain synchronous function of a SQLAlchemy Core connection; ``now`` is Unix
seconds. Either everything a work wrote is durable when ``run`` returns, or nothing is and ``run`` raises.

SQLite: one connection, and whatever is waiting is committed as one group, a savepoint each; a work alone needs none, nor do
works that may be done again (``Repeatable``): where one of them fails, each is done again with its own. A thread of its own does
the works, but for the short ones of these (``Short``): where it has nothing to do the event loop does them, for two threads
that take turns at the interpreter, statement by statement, are slower than one. It commits them as well while the disk is quick
(``Tempo``): to wake a thread and be woken takes as long as the commit. Else that is another thread's, and it goes on meanwhile.
Where its disk has little room (``Room``), what takes on more (``Accepting``) is refused.
PostgreSQL: one transaction per work, on a few threads.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, MetaData, text

from gateway.storage.creating import create_missing
from gateway.storage.failures import DatabaseClosed, DatabaseFull, translated
from gateway.storage.groups import Clock, Done, Groups, Item
from gateway.storage.opening import LONG_LOG, PAGE, copy_back, sqlite_engine
from gateway.storage.postgres import Postgres
from gateway.storage.promises import Outcome, Promise, tell
from gateway.storage.room import Room
from gateway.storage.statements import DriverConnection
from gateway.storage.tempo import Tempo
from gateway.storage.works import Accepting, Short, Work

T = TypeVar("T")
GROUP_LIMIT = 500
"""Works in one commit, at most: bounds how long the first of a group waits for the last."""
SHORT_LIMIT = 64
"""Short works in one commit, at most: bounds how long the event loop is at them until it does something else."""


class Database(Protocol):
    """Both stores. ``run`` is for coroutines, ``run_now`` for the command line and tests (it blocks). ``look`` is ``run`` for
    a work that only reads, by key, in tens of microseconds."""

    async def run(self, work: Work[T]) -> T: ...
    async def look(self, work: Work[T]) -> T: ...
    def run_now(self, work: Work[T]) -> T: ...
    def close(self) -> None: ...


class Sqlite:
    """One file, one connection, group commit. A second process on the same file fails at once (EXCLUSIVE)."""

    def __init__(
        self, path: Path | str, *, clock: Clock = time.time, observe: Callable[[Any, float], None] | None = None,
        page_size: int = PAGE, room: Room | None = None,
    ) -> None:  # fmt: skip
        self.log = LONG_LOG if room is None else room.log
        self.path, self.engine = Path(path), sqlite_engine(str(path), page_size=page_size, log=self.log)
        self._clock, self._room = clock, room
        self._waiting: SimpleQueue[Item | None] = SimpleQueue()
        self._short: deque[tuple[Work[Any], asyncio.Future[Any]]] = deque()
        self._begun: SimpleQueue[Done | None] = SimpleQueue()
        self._closed = self._writing = False
        self._tempo = Tempo()
        self._copied, self._patience = 0, self.log
        """Rows that were changed before the log was copied back, and after how many more it is long again."""
        self._turn = threading.Lock()
        self._connection = DriverConnection(self.engine)
        self._raw = cast(sqlite3.Connection, self._connection.connection.driver_connection)
        self._groups = Groups(self._connection, self._raw, clock, observe, self._full)
        named = {f"sqlite {self.path.name}": self._serve, f"commits {self.path.name}": self._finish}
        self._threads = [threading.Thread(target=each, name=name, daemon=True) for name, each in named.items()]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Work[T]) -> T:
        """Runs the work in the next group; returns when it is durable. Raises what the work raised, and DatabaseFull for one
        that takes on more where there is little room."""
        if self._room is not None and self._room.short() and isinstance(work, Accepting):
            raise DatabaseFull("there is little room, and it is kept for what was accepted before")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if isinstance(work, Short) and not self._closed:
            self._tempo.came(len(self._short))
            self._short.append((work, future))
            loop.call_soon(self._gather, future, self._tempo.quiet)
        else:
            self._submit(work, future)
        return await future

    async def look(self, work: Work[T]) -> T:
        """Runs the work at once, on this thread, where no group is being written or about to be: to wake another costs ten
        times what a look by key does. Else it waits for its turn as any other. It sees what is committed."""
        if self._closed or self._writing or not self._turn.acquire(blocking=False):
            return await self.run(work)
        try:
            return cast(T, self._groups.call(work, self._clock()))
        except Exception as failure:
            told = translated(failure)
            if told is None or told is failure:
                raise
            raise told from failure
        finally:
            self._pass_on()

    def run_now(self, work: Work[T]) -> T:
        self._submit(work, future := Future[T]())
        return future.result()

    async def alone(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Does something between two groups, outside of any transaction."""

        def turn() -> T:
            self._turn.acquire()
            try:
                return act(self._raw)
            finally:
                self._pass_on()

        return await asyncio.to_thread(turn)

    def close(self) -> None:
        """Commits what waits, then closes the file. Idempotent."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._threads[0].join()
            with self._turn:  # what the event loop had begun is handed over
                self._begun.put(None)
            self._threads[1].join()
            self._connection.close()
            self.engine.dispose()

    def _submit(self, work: Work[Any], future: Promise) -> None:
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
                break
        while self._short:
            self._commit([])

    def _commit(self, group: Sequence[Item]) -> None:
        """One transaction for the whole group, and for what waits for the event loop."""
        self._writing = True
        self._turn.acquire()
        outcomes = self._groups.ended(self._groups.done([*group, *self._due()]))
        self._writing = False
        self._over(outcomes)

    def _gather(self, mine: asyncio.Future[Any], turns: int) -> None:
        """Begins for all who wait when after this one nobody came on its event loop for so many turns: whoever did has that to
        do. Who has the turn meanwhile may take them along; he begins what is left then."""
        waiting, loop = tuple(self._short), mine.get_loop()
        last = next((each for _, each in reversed(waiting) if each is mine or each.get_loop() is loop), None)
        if last is not mine:
            return
        if turns and len(waiting) < SHORT_LIMIT and not self._tempo.late():
            loop.call_soon(self._gather, mine, turns - 1)
        else:
            self._begin()

    def _begin(self) -> None:
        """On the event loop: does the short works, unless somebody has the turn: he takes them along, or passes it on."""
        if self._short and not self._writing and not self._closed and self._turn.acquire(blocking=False):
            group = self._due()
            done = self._groups.done(group)
            if not self._tempo.here(len(group)) or self._changed() >= self._patience:
                self._begun.put(done)
                return
            try:
                began = time.monotonic()
                outcomes = self._groups.ended(done)
                self._tempo.took(time.monotonic() - began)
                tell(outcomes)
            finally:
                self._pass_on()

    def _finish(self) -> None:
        """Commits what the event loop has begun, which goes on meanwhile."""
        while (begun := self._begun.get()) is not None:
            self._over(self._groups.ended(begun))

    def _over(self, outcomes: Sequence[Outcome]) -> None:
        """Passes the turn on, and tells whose works have ended; they do not wait until a long log is copied back."""
        changed = self._changed()
        if changed < self._patience:
            self._pass_on()
            tell(outcomes)
            return
        tell(outcomes)
        self._copied += changed
        self._patience = min(2 * changed, changed * self.log // copy_back(self._raw, self.log))
        self._pass_on()

    def _full(self) -> None:
        """There was no room: what is kept for that is let go, and the log copied back as soon as can be."""
        if self._room is not None:
            self._room.give()
        self._patience = 0

    def _changed(self) -> int:
        """Rows that were changed since the log was copied back; SQLite counts them in 32 bits."""
        return (self._raw.total_changes - self._copied) % 2**32

    def _due(self) -> list[Item]:
        return [self._short.popleft() for _ in range(min(SHORT_LIMIT, len(self._short)))]

    def _pass_on(self) -> None:
        """Gives the turn back, and wakes those whom ``_begin`` could not serve."""
        self._turn.release()
        if not self._writing:
            for loop in {future.get_loop() for _, future in tuple(self._short)}:
                with contextlib.suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(self._begin)


def open_sqlite(
    path: Path | str, *, metadata: Sequence[MetaData] = (), clock: Clock = time.time,
    observe: Callable[[Any, float], None] | None = None, page_size: int = PAGE, room: Room | None = None,
) -> Sqlite:  # fmt: skip
    """Opens or makes the file (mode 0600; ``page_size`` is for one that is made) and creates missing tables of ``metadata``.
    ``room`` is that of its disk, where it keeps some."""
    if str(path) != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = Sqlite(path, clock=clock, observe=observe, page_size=page_size, room=room)
    database.run_now(lambda connection, now: create_missing(connection, metadata))
    return database


def open_postgres(url: str, *, metadata: Sequence[MetaData] = ()) -> Postgres:
    """Connects (``url`` is ``postgresql://…``) and creates missing tables of ``metadata``, one process after the other."""
    database = Postgres(url)

    def create(connection: Connection, now: float) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
        create_missing(connection, metadata)

    database.run_now(create)
    return database
