"""What the crash tests share: a nursery of workers, empty databases of both kinds, and a disk that is soon full."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import cluster
from tests.conftest import missing
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB in memory."""
    with _mounted(tmp_path / "disk", "8m") as place:
        yield place


@pytest.fixture
def own_disk(tmp_path: Path) -> Iterator[Path]:
    """One of 96 MB: a whole installation and its sandbox live there."""
    with _mounted(tmp_path / "disk", "96m") as place:
        yield place


@contextlib.contextmanager
def _mounted(place: Path, size: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        missing("mounting a small file system needs root: run the tests as root")
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True, capture_output=True)
