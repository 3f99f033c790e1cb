"""On PostgreSQL ``/metrics`` tells of snapshots that somebody holds and of rows that were not cleared away."""

import re
import time

from sqlalchemy import create_engine, text

from gateway.storage.database import Database
from gateway.storage.holding import DEAD, OLDEST, gauges
from writeback import tables


def value(shown: bytes, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$".encode(), shown, re.MULTILINE)
    assert found is not None, shown
    return float(found[1])


def test_a_snapshot_that_is_held_is_seen(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    tables.metadata.create_all(engine)
    with engine.connect() as other, engine.connect() as own:
        assert value(gauges(own, 0.0), OLDEST) == 0.0
        own.rollback()
        other.execution_options(isolation_level="REPEATABLE READ").execute(text("SELECT 1 FROM delivery_targets"))
        began = time.monotonic()
        own.execute(text("SELECT pg_sleep(0.2)"))
        own.rollback()
        seen = value(gauges(own, 0.0), OLDEST)
        assert 0.2 <= seen <= time.monotonic() - began + 1.0
    engine.dispose()


def test_where_nobody_else_is_there_is_nothing_to_tell(database: Database) -> None:
    shown = database.run_now(gauges)
    assert [name in shown.decode() for name in (OLDEST, DEAD)] == [database.engine.dialect.name == "postgresql"] * 2
