"""What is remembered of an EHR, when the clock is put back while something is on its way to it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from gateway.storage.database import Sqlite, open_sqlite
from writeback import tables
from writeback.ledger.targets import find_target, note_health
from writeback.settings import PACE
from writeback.speaking.claims import Attempted, Claimed, Ending

HOUR = 3600.0
FAILED, KEPT = Ending(event="lost", healthy=False), Ending(event="kept", healthy=True)


@pytest.fixture
def database() -> Iterator[Sqlite]:
    made = open_sqlite(":memory:", metadata=[tables.metadata])
    yield made
    made.close()


def attempts(ending: Ending, *, since: float, count: int = 1) -> list[Attempted]:
    return [Attempted(delivery=_claimed(number, since), ending=ending) for number in range(count)]


def _claimed(id: int, since: float) -> Claimed:
    return Claimed(
        id=id, key=f"{id:064x}", ehr="spec", type="Observation", fhir_id=str(id), body=b"{}", strategy="put", quarantine=1.0,
        principal="backend", attempt=1, owner="here", doubtful=False, output=None, model="m", version="1", valid_until=None,
        planned_losses=(), needs={}, since=since,
    )  # fmt: skip


def paused_after(database: Sqlite, step: float, ending: Ending) -> float:
    """For how long an EHR that had failed again and again is left in peace, when the clock is put back by ``step`` and what was
    on its way ends."""

    def work(connection: Connection, now: float) -> float:
        note_health(connection, now, attempts(FAILED, since=now - 1, count=PACE.trip), PACE)
        note_health(connection, now - step, attempts(ending, since=now - 1), PACE)
        found = find_target(connection, "spec")
        assert found is not None
        return found.paused_until - (now - step)

    return database.run_now(work)


def test_an_ehr_that_answers_after_the_clock_was_put_back_is_not_left_in_peace_until_the_old_time(
    database: Sqlite,
) -> None:
    assert paused_after(database, HOUR, KEPT) <= 0.0


def test_one_that_fails_again_is_left_in_peace_for_a_pause_from_now_on(database: Sqlite) -> None:
    assert 0.0 < paused_after(database, HOUR, FAILED) < HOUR / 2


def test_a_pause_is_kept_where_the_clock_goes_on(database: Sqlite) -> None:
    assert paused_after(database, 0.0, KEPT) > 0.0
