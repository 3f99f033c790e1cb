"""Edge: the storage seam on PostgreSQL: one transaction per work, on a few threads (house.md §3)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError

from gateway.storage.failures import DatabaseAway

T = TypeVar("T")
Work = Callable[[Connection, float], T]
POSTGRES_THREADS = 8


class Postgres:
    """One transaction per work on a few threads; ``now`` is the database's clock, so replicas agree on it."""

    def __init__(self, url: str, *, threads: int = POSTGRES_THREADS) -> None:
        self.engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            hide_parameters=True,  # what a work binds is patient data: no error may print it
            pool_size=threads,
            max_overflow=0,
            connect_args={"options": "-c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"},
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
        except (OperationalError, InterfaceError) as failure:
            raise DatabaseAway("the database does not answer") from failure
