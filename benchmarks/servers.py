"""Servers that figures are taken against."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hapi_on_postgres(directory: Path) -> Iterator[str]:
    """The base of a HAPI server with default flags, on a PostgreSQL of its own. Ends the process where that is not installed."""
    from gateway.sandbox_ehrs import hapi
    from tests import cluster

    place = cluster.binaries()
    if place is None:
        raise SystemExit(cluster.INSTALL)
    with cluster.running(place) as running:
        started = hapi.start_process(directory, database=running.database())
        try:
            yield started.url.rstrip("/")
        finally:
            started.stop()
