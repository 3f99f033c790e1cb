"""Short works are done on the event loop that asked for them, in groups, and nobody is left waiting."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from gateway.storage.database import SHORT_LIMIT, open_sqlite
from gateway.storage.tempo import LATELY
from gateway.storage.works import Repeatable, Short
from tests.unit.gateway.named_database import METADATA, PETS, adds, there


def test_short_works_are_done_where_they_came_from_and_others_are_not(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])

    def where(connection: Connection, now: float) -> int:
        return threading.get_ident()

    async def ask() -> list[int]:
        return [await database.run(work) for work in (Short(where), Repeatable(where), where)]

    here, *elsewhere = asyncio.run(ask())
    database.close()
    assert here == threading.get_ident()
    assert here not in elsewhere


@pytest.mark.parametrize("quick", [True, False])
def test_a_quick_disk_commits_where_the_works_are_done_and_a_slow_one_elsewhere(tmp_path: Path, quick: bool) -> None:
    database, commits = open_sqlite(tmp_path / "x.db", metadata=[METADATA]), []
    for _ in range(0 if quick else LATELY):
        database._tempo.took(10.0)

    def seen(sql: str) -> None:
        commits.extend([threading.get_ident()] if sql == "COMMIT" else [])

    def orphan(connection: Connection, now: float) -> None:
        connection.execute(insert(PETS), {"owner": "nobody"})

    async def works() -> None:
        await database.alone(lambda raw: raw.set_trace_callback(seen))
        for name in "abcd":
            await database.run(Short(adds(name)))
        with pytest.raises(sqlite3.IntegrityError):
            await database.run(Short(orphan))
        await asyncio.gather(*(database.run(Short(adds(name))) for name in "ef"))

    asyncio.run(works())
    assert there(database) == list("abcdef")
    database.close()
    assert [each == threading.get_ident() for each in commits[:6]] == [quick] * 6


def test_works_that_come_shortly_after_one_another_are_committed_together(tmp_path: Path) -> None:
    database, commits = open_sqlite(tmp_path / "x.db", metadata=[METADATA]), []

    async def later(name: str, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await database.run(Short(adds(name)))

    async def works() -> None:
        await database.alone(lambda raw: raw.set_trace_callback(lambda sql: commits.append(sql)))
        await asyncio.gather(*(database.run(Short(adds(name))) for name in "ab"))
        await asyncio.gather(*(later(name, turns) for turns, name in enumerate("cdefgh")))

    asyncio.run(works())
    assert there(database) == list("abcdefgh")
    database.close()
    assert commits.count("COMMIT") == 2 + 1  # and what ``there`` asked for


def test_between_two_groups_the_event_loop_does_something_else(tmp_path: Path) -> None:
    """Or who asks for much at once would stop everybody."""
    database, turns = open_sqlite(tmp_path / "x.db", metadata=[METADATA]), 0
    seen: list[int] = []

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def works() -> None:
        beating = asyncio.create_task(others())
        many = (database.run(Short(lambda connection, now: seen.append(turns))) for _ in range(10 * SHORT_LIMIT))
        await asyncio.gather(*many)
        beating.cancel()

    asyncio.run(works())
    database.close()
    assert max(seen.count(turn) for turn in set(seen)) <= SHORT_LIMIT


def test_a_failure_that_no_future_takes_stops_nobody_else(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])

    async def works() -> None:
        for kind in (Short, Repeatable):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await asyncio.wait_for(database.run(kind(lambda connection, now: next(iter(())))), 5)
        await asyncio.wait_for(database.run(Short(adds("a"))), 5)

    asyncio.run(works())
    assert there(database) == ["a"]
    database.close()


def test_nobody_waits_for_an_event_loop_that_has_ended(tmp_path: Path) -> None:
    """What it still asked for is done with the next, and nobody else is held up."""
    database, other = open_sqlite(tmp_path / "x.db", metadata=[METADATA]), asyncio.new_event_loop()
    asking: list[asyncio.Future[str]] = []

    async def asked() -> None:
        asking.append(asyncio.ensure_future(database.run(Short(adds("gone")))))
        asking[0]._log_destroy_pending = False  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    async def works() -> None:
        await asyncio.gather(*(database.run(Short(adds(name))) for name in "ab"))  # so that a group waits for others
        mine = asyncio.create_task(database.run(Short(adds("c"))))
        await asyncio.sleep(0)
        await asyncio.to_thread(other.run_until_complete, asked())
        other.close()
        await asyncio.wait_for(mine, 5)

    asyncio.run(works())
    assert there(database) == ["a", "b", "c", "gone"]
    database.close()
