"""What the crash tests of deliveries share: a nursery of workers, and empty databases of both kinds."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import cluster
from tests.crash.delivery_kills import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Forks delivering workers (``delivery_worker``)."""
    with contextlib.closing(Nursery(tmp_path_factory.mktemp("nursery"))) as made:
        yield made


@pytest.fixture
def new_store(request: pytest.FixtureRequest) -> Iterator[Callable[[str, Path], str]]:
    """``new_store("sqlite" or "postgres", directory)``: the store's path or URL; dropped at the end."""
    made: list[str] = []

    def new(name: str, place: Path) -> str:
        if name == "sqlite":
            return str(place / "gateway.db")
        running: cluster.Cluster = request.getfixturevalue("postgres")
        made.append(running.database())
        return made[-1]

    yield new
    for url in made:
        request.getfixturevalue("postgres").drop(url)
