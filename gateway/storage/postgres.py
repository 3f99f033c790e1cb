"""Edge: the storage seam on PostgreSQL: one transaction per work, on a few threads (house.md §3).

A replica that is frozen in mid-transaction keeps its locks. The server ends a transaction that waits for its client too long, but
not between rows that are sent in a pipeline, nor after them: the driver then sends a Flush behind the Sync, and a message of any
kind stops the server's clock (PostgreSQL 15, psycopg 3.3). So whoever waits for a lock in vain ends such transactions of this
program's.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from gateway.storage.failures import DatabaseAway

T = TypeVar("T")
Work = Callable[[Connection, float], T]
POSTGRES_THREADS = 8
LOCK, STUCK = 5.0, 10.0
"""Seconds that a work waits for a lock, and that a transaction may wait for its client."""
PROGRAM = "chartgate"
LOCKED = "55P03"
"""PostgreSQL's ``lock_not_available``."""
_END_STUCK = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND application_name = :program AND backend_xid IS NOT NULL AND wait_event = 'ClientRead'"
    " AND state_change < clock_timestamp() - make_interval(secs => :seconds)"
)


class Postgres:
    """One transaction per work on a few threads; ``now`` is the database's clock, so replicas agree on it."""

    def __init__(
        self, url: str, *, threads: int = POSTGRES_THREADS, lock: float = LOCK, stuck: float = STUCK
    ) -> None:  # fmt: skip
        self._stuck = stuck
        limits = f"-c lock_timeout={lock * 1000:.0f} -c idle_in_transaction_session_timeout={stuck * 1000:.0f}"
        self.engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            hide_parameters=True,  # what a work binds is patient data: no error may print it
            pool_size=threads,
            max_overflow=0,
            connect_args={"options": limits, "application_name": PROGRAM},
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="postgres")

    async def run(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work)

    async def look(self, work: Work[T]) -> T:
        return await self.run(work)

    def run_now(self, work: Work[T]) -> T:
        return self._transact(work)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self.engine.dispose()

    def _transact(self, work: Work[T]) -> T:
        try:
            with self.engine.begin() as connection:
                now = connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8"))
                return work(connection, float(now or 0.0))
        except (
            OperationalError,
            InterfaceError,
            InternalError,
        ) as failure:  # the last: it was ended while it waited for us
            if getattr(failure.orig, "sqlstate", None) == LOCKED:
                self._end_stuck()
            raise DatabaseAway("the database does not answer") from failure

    def _end_stuck(self) -> None:
        with contextlib.suppress(DBAPIError), self.engine.begin() as connection:
            connection.execute(_END_STUCK, {"program": PROGRAM, "seconds": self._stuck})
