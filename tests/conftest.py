"""What tests share: one HAPI server, one PostgreSQL, one Chromium for the whole run, each only if a test asks for it.

Where one is missing the test is skipped with the command that installs it; under ``CI=true`` it fails instead. One Java
process serves every HAPI test, on PostgreSQL where there is one: tests keep apart by unique identifiers.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from gateway import hapi as hapi_server
from sandbox.seed import upstream
from tests import cluster

HAPI_URL = "CHARTGATE_TEST_HAPI"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
HAPI_FIXTURES = frozenset({"hapi", "hapi_seeded", "hapi_postgres", "hapi_built"})
HERE = Path(__file__).parent
SHORT = frozenset({"unit", "property", "fuzz", "oracles", "flow"})
"""Folders of many short tests: they run beside those that wait for browsers, kills and whole contracts."""
_NOT_RUN: list[str] = []


def missing(what: str) -> NoReturn:
    """Ends the test: failed where everything has to be there, skipped elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run the long proofs (marked campaign) too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "campaign: a long proof; runs with --campaign only, beside a short form of it")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A campaign has its short form among the other tests, so leaving it out leaves nothing untested. Whatever
    needs the HAPI server is marked so, and so are the folders of short tests: ``make test`` runs the three parts side by side."""
    for item in items:
        if item.path.relative_to(HERE).parts[0] in SHORT:
            item.add_marker(pytest.mark.short)
        chosen = getattr(getattr(item, "callspec", None), "params", {}).values()
        if HAPI_FIXTURES & set(getattr(item, "fixturenames", ())) or "hapi" in chosen:
            item.add_marker(pytest.mark.hapi)
    # What is judged as a whole is judged before other tests leave their records in it.
    items.sort(key=lambda item: item.path.relative_to(HERE).as_posix() != "hapi/test_conformance.py")
    if not config.getoption("--campaign"):
        long = [item for item in items if item.get_closest_marker("campaign")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run although nothing failed is said at the end, not left out."""
    for line in _NOT_RUN:
        terminalreporter.write_line(f"not run: {line}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[cluster.Cluster]:
    """A throwaway PostgreSQL cluster on loopback."""
    place = cluster.binaries()
    if place is None:
        missing(cluster.INSTALL)
    with cluster.running(place) as running:
        yield running


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
