"""The gateway's database as tests of the outbox take it: each test runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest

from gateway.database import Database, open_postgres, open_sqlite
from writeback import tables


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=[tables.metadata])
    else:
        made = open_postgres(request.getfixturevalue("database_url"), metadata=[tables.metadata])
    yield made
    made.close()
