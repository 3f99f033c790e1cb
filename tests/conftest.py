"""What tests share: one HAPI server, one PostgreSQL, one Chromium for the whole run, each only if a test asks for it.

Where one is missing the test is skipped with the command that installs it; under ``CI=true`` it fails instead. One Java
process serves every HAPI test, on PostgreSQL where there is one: tests keep apart by unique identifiers.
"""

import asyncio
import gc
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from gateway.sandbox_ehrs import hapi as hapi_server
from sandbox.seed import upstream
from tests import absent, cluster

HAPI_URL = "CHARTGATE_TEST_HAPI"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SHELL = "chromium-headless-shell"
"""Chromium without the windows that nobody looks at: a page of it takes a quarter of the processor time."""
HAPI_FIXTURES = frozenset({"hapi", "hapi_seeded", "hapi_postgres", "hapi_built"})
NAMES_HAPI = re.compile(r"\bhapi(_[a-z]+)?\b")
EITHER_STORE = {"abuse": re.compile(r"\btarget\b"), "contract": re.compile(r"\bworld\b")}
"""Folders whose own fixture is before HAPI as well, and its name."""
HERE = Path(__file__).parent
FOLDERS = {
    "flow": frozenset({"flow"}),
    "contract": frozenset({"contract", "unit"}),
}
"""The folders of two parts; the part ``hapi`` is whatever needs that server, and ``rest`` is everything else. The four run
side by side and are about equally long, so that no core is idle while the last one ends."""
PARTS = ("hapi", *FOLDERS, "rest")
SELDOM = (50_000, 20, 20)
"""How many new objects make the collector look: it took a twelfth of the processor time at Python's own 700."""
_NOT_RUN: list[str] = []


def missing(what: str) -> NoReturn:
    """Ends the test: failed where everything has to be there, skipped elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run the long proofs (marked campaign) too")
    parser.addoption("--part", choices=PARTS, help="one of the four parts that make test runs side by side")


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(*SELDOM)
    absent.remember()
    config.addinivalue_line("markers", "campaign: a long proof; runs with --campaign only, beside a short form of it")


def may_need_hapi(path: Path) -> bool:
    """Whether a test of this file may ask for the HAPI server, by the words in it."""
    text, folder = path.read_text(), path.relative_to(HERE).parts[0]
    return bool(NAMES_HAPI.search(text) or (folder in EITHER_STORE and EITHER_STORE[folder].search(text)))


def part_of(path: Path) -> str:
    """The part that a file's tests are in, but for those that need the HAPI server."""
    first = path.relative_to(HERE).parts[0]
    return next((part for part, folders in FOLDERS.items() if first in folders), "rest")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A part reads no file that has nothing for it: collecting all of them takes twenty seconds."""
    part = config.getoption("--part")
    if part is None or collection_path == HERE or not collection_path.is_relative_to(HERE):
        return None
    if part == "hapi":
        file = collection_path.suffix == ".py"
        return True if file and not may_need_hapi(collection_path) else None
    return True if part_of(collection_path) != part else None


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A campaign has its short form among the other tests, so leaving it out leaves nothing untested. Whatever
    needs the HAPI server is marked so and runs in a part of its own: each test is in exactly one part."""
    for item in items:
        if HAPI_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.hapi)
        if item.get_closest_marker("hapi") and not may_need_hapi(item.path):
            raise pytest.UsageError(
                f"{item.nodeid} needs HAPI, and its file does not say so: --part hapi would miss it"
            )
    # What is judged as a whole is judged before other tests leave their records in it.
    items.sort(key=lambda item: item.path.relative_to(HERE).as_posix() != "hapi/test_conformance.py")
    part = config.getoption("--part")
    out = [item for item in items if _left_out(item, part, campaign=config.getoption("--campaign"))]
    config.hook.pytest_deselected(items=out)
    gone = set(out)
    items[:] = [item for item in items if item not in gone]


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: no collection of garbage has to look through them again."""
    gc.collect()
    gc.freeze()


def _left_out(item: pytest.Item, part: str | None, *, campaign: bool) -> bool:
    other_part = part is not None and (item.get_closest_marker("hapi") is None) == (part == "hapi")
    return other_part or (not campaign and item.get_closest_marker("campaign") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run although nothing failed is said at the end, not left out."""
    for line in _NOT_RUN:
        terminalreporter.write_line(f"not run: {line}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[cluster.Cluster]:
    """A throwaway PostgreSQL cluster on loopback, for all whom no power cut concerns."""
    with cluster.running(postgres_binaries(), hasty=True) as running:
        yield running


def postgres_binaries() -> Path:
    place = cluster.binaries()
    if place is None:
        missing(cluster.INSTALL)
    return place


@pytest.fixture
def database_url(postgres: cluster.Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped at the end of the test."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def hapi_built() -> None:
    """The Java build of HAPI is there."""
    if not hapi_server.java_present():
        missing(hapi_server.MISSING)
    hapi_server.build(progress=print)


@pytest.fixture(scope="session")
def hapi_postgres(
    postgres: cluster.Cluster, hapi_built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The FHIR base of a HAPI server that keeps its data in PostgreSQL: what it acknowledged is on disk."""
    yield from _java(tmp_path_factory.mktemp("hapi"), database=postgres.database())


@pytest.fixture(scope="session")
def hapi(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FHIR base of a real HAPI server: the one given by environment, else a container, else a Java process."""
    given = os.environ.get(HAPI_URL)
    if given:
        yield given.rstrip("/")
    elif hapi_server.engine_present():
        running = hapi_server.start(tmp_path_factory.mktemp("hapi"), progress=print)
        yield running.url
        running.stop()
    else:
        _NOT_RUN.append("HAPI as a container (no container engine answers here); the local Java build was used instead")
        if cluster.binaries() is not None:
            yield request.getfixturevalue("hapi_postgres")
        else:
            request.getfixturevalue("hapi_built")
            yield from _java(tmp_path_factory.mktemp("hapi"), database=None)


def _java(directory: Path, *, database: str | None) -> Iterator[str]:
    running = hapi_server.start_process(directory, database=database, progress=print)
    yield running.url
    running.stop()


@pytest.fixture(scope="session")
def hapi_seeded(hapi: str) -> str:
    """The same server with the synthetic charts and a ward day that ends now. It takes half a minute, once."""
    asyncio.run(upstream.seed(hapi, anchor=time.time(), progress=lambda _: None))
    return hapi


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium for Playwright's ``executable_path``."""
    found = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    if found is None:
        missing("Chromium is not installed; on Debian: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def shell(chromium: str) -> str:
    """The path of Chromium's headless shell, or of the whole Chromium where there is none."""
    return shutil.which(SHELL) or chromium
