"""What contract tests run on: the gateway's database on SQLite and on PostgreSQL, the EHR face before the embedded store
and before HAPI."""

from collections.abc import Iterator

import pytest

from conformance.run import Report
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Database, open_postgres, open_sqlite
from monitoring.tables import metadata as monitoring_metadata
from tests.contract import face_world
from tests.mutants.world import judged, open_ehr
from writeback import tables


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=[tables.metadata, monitoring_metadata])
    else:
        made = open_postgres(request.getfixturevalue("postgres").emptied(tables.metadata, monitoring_metadata))
    yield made
    made.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("hapi", marks=pytest.mark.hapi)])
def world(request: pytest.FixtureRequest) -> Iterator[face_world.World]:
    """The records of two patients before either store, one world a file."""
    with face_world.running(request.getfixturevalue("hapi") if request.param == "hapi" else None) as made:
        yield made


@pytest.fixture(scope="session")
def seeded() -> Iterator[SandboxEhr]:
    """A seeded EHR in memory, to be judged: unmutated, or with one fault after another."""
    with open_ehr() as made:
        yield made


@pytest.fixture(scope="session")
def clean(seeded: SandboxEhr) -> Report:
    """The report on it without a fault."""
    return judged(seeded)
