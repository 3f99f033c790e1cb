"""A worker's look at the outbox begins where its last one ended, and nothing is left behind for long."""

import asyncio
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_ID, Ehr, accept, said, submission
from tests.unit.writeback.examples import NAMES
from writeback import tables
from writeback.ledger.claiming import LAG, OVERLAP, Claims, claim_due, waits
from writeback.line import Line
from writeback.settings import Pace
from writeback.speaking.claims import START, Cursor
from writeback.worker import Worker

EHR = "spec"


@pytest.fixture
def rows(database: Database) -> list[int]:
    """An outbox of forty rows never tried, and their ids, the oldest first."""
    asyncio.run(accept(database, submission(said(), capabilities=BY_ID)))

    def more(connection: Connection, now: float) -> list[int]:
        table, bodies = tables.deliveries, tables.bodies
        one = dict(connection.execute(select(table).where(table.c.role == "primary")).one()._mapping)
        body = connection.scalar(select(bodies.c.body).limit(1))
        free = {"state": "ready", "blockers": 0, "next_at": 0.0, "lane": None, "output": None, "needs": "[]"}
        connection.execute(bodies.delete())
        connection.execute(tables.waits.delete())
        connection.execute(table.delete())
        for number in range(40):
            connection.execute(insert(table), {**one, **free, "id": 1000 * number + 1, "key": f"{number:064x}"})
            connection.execute(insert(bodies), {"delivery": 1000 * number + 1, "body": body})
        return [1000 * number + 1 for number in range(40)]

    return database.run_now(more)


def claim(database: Database, cursor: Cursor, *, limit: int = 4, turn: int = 0) -> tuple[list[int], Cursor]:
    found = database.run_now(
        lambda c, now: claim_due(c, now, ehr=EHR, owner="w", limit=limit, turn=turn, cursor=cursor)
    )
    return [row.id for row in found.rows], found.cursor


def put_back(database: Database, id: int, **columns: Any) -> None:
    free = {"state": "ready", "owner": None, "lease_until": None, **columns}
    change = update(tables.deliveries).where(tables.deliveries.c.id == id).values(**free)
    database.run_now(lambda connection, now: connection.execute(change))


def test_all_is_claimed_once_and_the_cursor_ends_behind_the_last(database: Database, rows: list[int]) -> None:
    found, cursor = claim(database, START)
    taken = [*found]
    while found:
        found, after = claim(database, cursor)
        taken += found
        assert (after.oldest, after.newest) >= (cursor.oldest, cursor.newest)
        cursor = after
    assert sorted(taken) == rows
    assert cursor.oldest == cursor.newest == rows[-1]


def test_what_came_in_below_the_cursor_waits_for_the_next_look_from_the_start(
    database: Database, rows: list[int]
) -> None:
    _, cursor = claim(database, START, limit=100)
    put_back(database, rows[3], next_at=0.0)
    assert claim(database, cursor)[0] == []
    assert not database.run_now(lambda c, now: waits(c, now, ehr=EHR, cursor=cursor))
    assert database.run_now(lambda c, now: waits(c, now, ehr=EHR))
    assert claim(database, START)[0] == [rows[3]]


def test_a_look_overlaps_the_last_one(database: Database, rows: list[int]) -> None:
    """Of two transactions that accept at a time, that with the higher id may end first."""
    _, cursor = claim(database, START, limit=100)
    change = update(tables.deliveries).where(tables.deliveries.c.id == rows[0]).values(id=rows[-1] - OVERLAP + 1)
    database.run_now(lambda connection, now: connection.execute(change))
    put_back(database, rows[-1] - OVERLAP + 1, next_at=0.0)
    assert claim(database, cursor)[0] == [rows[-1] - OVERLAP + 1]


def test_rows_that_came_due_together_are_claimed_one_after_the_other(database: Database, rows: list[int]) -> None:
    for id in rows:
        put_back(database, id, next_at=5.0)
    cursor, taken = START, []
    while (found := claim(database, cursor, limit=3))[0]:
        taken += found[0]
        cursor = found[1]
    assert sorted(taken) == rows
    assert cursor.due == 5.0


def test_a_time_that_a_wrong_clock_set_moves_no_cursor(database: Database, rows: list[int]) -> None:
    """It counts as come, and is far ahead of all that comes due from now on."""
    for id in rows[1:]:
        put_back(database, id, state="delivered", moving=False)
    put_back(database, rows[0], next_at=4e9)
    taken, cursor = claim(database, START)
    assert (taken, cursor.due) == ([rows[0]], 0.0)


def test_who_came_due_a_little_before_the_last_is_found(database: Database, rows: list[int]) -> None:
    cursor = Cursor(oldest=rows[-1] + OVERLAP, newest=rows[-1] + OVERLAP, due=1000.0)
    put_back(database, rows[0], next_at=1000.0 - LAG)
    put_back(database, rows[1], next_at=1000.0 - LAG - 0.1)
    assert claim(database, cursor)[0] == [rows[0]]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_meanwhile_nothing_is_claimed_twice_or_left_behind(
    database: Database, rows: list[int], seed: int
) -> None:
    """Claims of every size, rows that come due, and rows that end late, until a look from the start finds nothing."""
    chance, cursor, taken = Random(seed), START, []
    late = chance.sample(rows, 12)
    for id in late:
        put_back(database, id, state="delivered")
    for turn in range(60):
        found, cursor = claim(database, cursor, limit=chance.randint(1, 5), turn=turn)
        taken += found
        if late and chance.random() < 0.5:
            put_back(database, late.pop(), next_at=chance.choice((0.0, float(turn))))
    while found := claim(database, START, limit=50)[0]:
        taken += found
    assert sorted(taken) == rows


def test_a_line_begins_again_after_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [100.0]
    monkeypatch.setattr("writeback.line.monotonic", lambda: at[0])
    line, pace = Line(), Pace(sweep=5.0)
    line.took(Claims(cursor=Cursor(oldest=7, newest=9, due=3.0)))
    at[0] += 4.9
    assert line.cursor(pace) == Cursor(oldest=7, newest=9, due=3.0)
    at[0] += 0.1
    assert line.cursor(pace) == START


def test_a_worker_delivers_what_it_had_passed(database: Database) -> None:
    """Its cursor stands beyond everything: a transaction ended very late."""
    asyncio.run(accept(database, submission(said(), capabilities=BY_ID)))
    line = Line()
    line.took(Claims(cursor=Cursor(oldest=10**6, newest=10**6, due=4e9)))

    async def turns() -> list[int]:
        worker = Worker(
            run=database.run, senders=lambda name, principal: Ehr(), ehrs=lambda: (EHR,), namespace=NAMES.namespace,
            pace=Pace(sweep=0.3),
        )  # fmt: skip
        worker._lines[EHR] = line
        first = await worker.turn(EHR)
        await asyncio.sleep(0.3)
        return [first, await worker.turn(EHR)]

    before, after = asyncio.run(turns())
    assert before == 0
    assert after > 0
