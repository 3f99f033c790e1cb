"""Edge: a group of works in one transaction of SQLite: done, and committed."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from gateway.storage.failures import DatabaseFull, translated
from gateway.storage.promises import Outcome, Promise
from gateway.storage.works import Repeatable, Work

Clock = Callable[[], float]
Item = tuple[Work[Any], Promise]
Done = tuple[list[Outcome], BaseException | None]
"""A group whose works are done, and what keeps it from being committed."""


class Groups:
    """Of one connection, for whoever has its turn. ``observe`` is told of each work, and of the processor's seconds it took;
    ``full`` is told when there was no room for a group, or for a work of it."""

    def __init__(
        self, connection: Connection, raw: sqlite3.Connection, clock: Clock, observe: Callable[[Any, float], None] | None,
        full: Callable[[], None],
    ) -> None:  # fmt: skip
        self._connection, self._raw, self._clock, self._observe, self._full = connection, raw, clock, observe, full

    def done(self, group: Sequence[Item]) -> Done:
        """Begins the transaction, and does the works in it."""
        outcomes: list[Outcome] = []
        try:
            self._raw.execute("BEGIN IMMEDIATE")
            now = self._clock()
            if len(group) == 1:  # alone in its transaction, a work needs no savepoint
                outcomes = [(group[0][1], self.call(group[0][0], now), None)]
            else:
                again = [item for item in group if isinstance(item[0], Repeatable)]
                once = [item for item in group if not isinstance(item[0], Repeatable)]
                outcomes = self._together(again, now) + self._apart(once, now)
        except BaseException as failure:
            return [(future, None, failure) for _, future in group], failure
        return outcomes, None

    def ended(self, done: Done) -> list[Outcome]:
        """Commits the group. A failed begin or commit fails every future of it."""
        outcomes, failure = done
        try:
            if failure is None:
                self._raw.execute("COMMIT")
                self._see(outcomes)
                return outcomes
        except BaseException as broken:
            failure = broken
        with contextlib.suppress(sqlite3.Error):  # on a broken disk this fails as well
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        failed: list[Outcome] = [(future, None, failure) for future, _, _ in outcomes]
        self._see(failed)
        return failed

    def _see(self, outcomes: Sequence[Outcome]) -> None:
        for _, _, failure in outcomes:
            if failure is not None and isinstance(translated(failure), DatabaseFull):
                self._full()
                return

    def _together(self, items: Sequence[Item], now: float) -> list[Outcome]:
        """The first of the transaction: if one of them fails, it begins anew and each has a savepoint."""
        try:
            return [(future, self.call(work, now), None) for work, future in items]
        except Exception:
            if not self._raw.in_transaction:
                raise
            self._raw.execute("ROLLBACK")
            self._raw.execute("BEGIN IMMEDIATE")
        return self._apart(items, now)

    def _apart(self, items: Sequence[Item], now: float) -> list[Outcome]:
        return [(future, *self._attempt(work, now)) for work, future in items]

    def _attempt(self, work: Work[Any], now: float) -> tuple[Any, BaseException | None]:
        self._raw.execute("SAVEPOINT work")
        try:
            value = self.call(work, now)
        except Exception as failure:
            if not self._raw.in_transaction:  # SQLite itself rolled the whole group back: disk full, I/O error
                raise
            self._raw.execute("ROLLBACK TO work")
            self._raw.execute("RELEASE work")
            return None, failure
        self._raw.execute("RELEASE work")
        return value, None

    def call(self, work: Work[Any], now: float) -> Any:
        """One work alone, in whatever transaction there is."""
        if self._observe is None:
            return work(self._connection, now)
        began = time.thread_time()
        value = work(self._connection, now)
        self._observe(work, time.thread_time() - began)
        return value
