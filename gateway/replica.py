"""Edge: a worker process: delivers from a PostgreSQL database that any number of processes share, and nothing else."""

import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError

from gateway.app import open_gateway
from gateway.installation import open_replica
from gateway.process import serve_until_stopped
from writeback.terms import ReadBack

SCHEMES = ("postgresql://", "postgres://")


class NotPostgres(ValueError):
    """There is no database that several processes may share; the text says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a worker has done: deliveries that came to an end, whatever it was, or are to be tried again."""

    attempts: int


def check_url(url: str | None) -> str:
    """The URL, when it is one of PostgreSQL. Raises NotPostgres."""
    if not url or not url.startswith(SCHEMES):
        raise NotPostgres(
            "workers share a PostgreSQL database: set CHARTGATE_DATABASE_URL=postgresql://USER@HOST/NAME. With SQLite there "
            "is one process, and `chartgate up` delivers by itself"
        )
    return url.replace("postgres://", "postgresql://", 1)


async def work(directory: Path, url: str, *, read_back: ReadBack) -> Work:
    """Delivers until SIGTERM or SIGINT; then what is under way is finished and recorded. Raises NotPostgres when the
    database cannot be reached, KeyFileError, ValueError for a setting."""
    try:
        installation = open_replica(directory, check_url(url))
    except OperationalError as failure:
        raise NotPostgres("the database at CHARTGATE_DATABASE_URL cannot be reached") from failure
    try:
        async with open_gateway(
            installation, models=(), base_url="http://localhost", clock=time.time, read_back=read_back
        ) as gateway:
            async with gateway.delivering():
                await serve_until_stopped()
            return Work(attempts=gateway.worker.attempts)
    finally:
        installation.close()
