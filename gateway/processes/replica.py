"""Edge: a worker process: delivers from a PostgreSQL database that any number of processes share, and nothing else."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.app import open_gateway
from gateway.installation import open_as_told
from gateway.processes.stopping import serve_until_stopped
from gateway.settings import Settings, check_database
from gateway.storage.failures import DatabaseAway


class NotPostgres(ValueError):
    """There is no database that several processes may share; the text says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a worker has done: deliveries that came to an end, whatever it was, or are to be tried again."""

    attempts: int


def check_url(url: str | None) -> str:
    """The URL, when it is one of PostgreSQL. Raises NotPostgres."""
    try:
        return check_database(url)
    except ValueError as failure:
        raise NotPostgres(
            "workers share a PostgreSQL database: set CHARTGATE_DATABASE_URL=postgresql://USER@HOST/NAME. With SQLite there "
            "is one process, and `chartgate up` or `chartgate serve` delivers by itself"
        ) from failure


async def work(directory: Path, settings: Settings, environment: Mapping[str, str]) -> Work:
    """Delivers until SIGTERM or SIGINT; then what is under way is finished and recorded. Raises NotPostgres when the
    database cannot be reached, KeyFileError."""
    check_url(settings.database_url)
    try:
        installation = open_as_told(directory, settings, environment)
    except DatabaseAway as failure:
        raise NotPostgres("the database at CHARTGATE_DATABASE_URL cannot be reached") from failure
    try:
        async with open_gateway(
            installation,
            models=settings.models,
            base_url="http://localhost",
            clock=time.time,
            read_back=settings.read_back,
            shared=True,
        ) as gateway:
            async with gateway.delivering():
                await serve_until_stopped()
            return Work(attempts=gateway.worker.attempts)
    finally:
        installation.close()
