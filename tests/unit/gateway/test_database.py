"""Works that come together are committed together; one that fails takes nothing of the others with it."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from gateway.storage.database import open_sqlite
from gateway.storage.failures import DatabaseClosed
from gateway.storage.opening import LARGE_PAGE, LONG_LOG, PAGE, TOO_LONG
from gateway.storage.works import Repeatable, Short
from tests.unit.gateway.named_database import METADATA, NAMES, PETS, Wrong, adds, names, there


async def together(path: Path, *works: Callable[[Connection, float], Any]) -> tuple[list[Any], list[str]]:
    """What became of works that waited while another was written, and what is there in the end."""
    database = open_sqlite(path / "x.db", metadata=[METADATA])
    begun, free = threading.Event(), threading.Event()

    def holds(connection: Connection, now: float) -> None:
        begun.set()
        free.wait(5)

    try:
        first = asyncio.create_task(database.run(holds))
        await asyncio.to_thread(begun.wait, 5)
        waiting = [asyncio.create_task(database.run(work)) for work in works]
        await asyncio.sleep(0)
        free.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        await first
        return list(found), await database.run(
            lambda c, now: list(c.scalars(select(NAMES.c.name).order_by(NAMES.c.name)))
        )
    finally:
        database.close()


def test_of_works_that_may_be_done_again_the_one_that_fails_is_alone(tmp_path: Path) -> None:
    done: list[str] = []
    works = [Repeatable(adds(name, wrong=name == "b", done=done)) for name in "abc"]
    found, there = asyncio.run(together(tmp_path, *works))
    assert (found[0], type(found[1]), found[2]) == ("a", Wrong, "c")
    assert there == ["a", "c"]
    assert done == ["a", "b", "a", "b", "c"], "each was done again, with a savepoint of its own"


def test_what_may_not_be_done_again_is_done_once_among_others(tmp_path: Path) -> None:
    done: list[str] = []
    works = [
        adds("a", done=done),
        Repeatable(adds("b")),
        Repeatable(adds("b")),
        adds("c", wrong=True, done=done),
        adds("d", done=done),
    ]
    found, there = asyncio.run(together(tmp_path, *works))
    assert [found[0], found[1], found[4]] == ["a", "b", "d"]
    assert not isinstance(found[2], str)
    assert type(found[3]) is Wrong
    assert there == ["a", "b", "d"]
    assert done == ["a", "c", "d"]


@pytest.mark.parametrize("kind", [Repeatable, lambda work: work])
def test_works_that_all_hold_are_all_there(tmp_path: Path, kind: Any) -> None:
    found, there = asyncio.run(together(tmp_path, *(kind(adds(name)) for name in "abcd")))
    assert found == there == list("abcd")


@pytest.mark.parametrize("kind", [Short, Repeatable, lambda work: work])
def test_a_commit_that_fails_fails_every_work_of_its_group_and_no_later_one(tmp_path: Path, kind: Any) -> None:
    def orphan(connection: Connection, now: float) -> None:
        connection.execute(insert(PETS), {"owner": "nobody"})

    found, kept = asyncio.run(together(tmp_path, kind(adds("a")), kind(orphan), kind(adds("b"))))
    assert [type(each).__name__ for each in found] == ["IntegrityError"] * 3
    assert kept == []


def test_neither_kind_of_work_waits_without_end_for_the_other(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])
    counts = {"again": 0, "once": 0}

    async def client(kind: str, number: int, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            work = adds(f"{kind[0]}{number}-{counts[kind]}")
            await database.run(Short(work) if kind == "again" else work)
            counts[kind] += 1

    async def everybody() -> None:
        until = asyncio.get_running_loop().time() + 0.5
        await asyncio.gather(*(client(kind, number, until) for kind in counts for number in range(8)))

    asyncio.run(everybody())
    written = there(database)
    database.close()
    assert len(written) == counts["again"] + counts["once"]
    assert min(counts.values()) * 20 > max(counts.values()), counts


def test_what_waits_when_the_database_is_closed_is_written(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])

    async def leave() -> list[Any]:
        works: list[Any] = [Short(adds("a")), adds("b"), Short(adds("c"))]
        waiting = [asyncio.create_task(database.run(work)) for work in works]
        await asyncio.sleep(0)
        database.close()
        with pytest.raises(DatabaseClosed):
            await database.run(Short(adds("d")))
        return await asyncio.gather(*waiting)

    assert asyncio.run(leave()) == ["a", "b", "c"]
    opened = open_sqlite(tmp_path / "x.db")
    assert there(opened) == ["a", "b", "c"]
    opened.close()


def test_a_look_is_done_at_once_and_on_this_thread(tmp_path: Path) -> None:
    async def run() -> tuple[list[str], int]:
        await database.run(adds("a"))
        return await database.look(lambda c, now: (names(c, now), threading.get_ident()))

    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])
    assert asyncio.run(run()) == (["a"], threading.get_ident())
    database.close()


def test_a_look_overtakes_no_group_that_waits_for_its_turn(tmp_path: Path) -> None:
    async def run() -> list[str]:
        with database._turn:
            writing = asyncio.create_task(database.run(adds("a")))
            while not database._writing:
                await asyncio.sleep(0.001)
        found = await database.look(names)
        await writing
        return found

    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])
    for _ in range(20):
        assert asyncio.run(run()) == ["a"]
        database.run_now(lambda c, now: c.execute(NAMES.delete()) and None)
    database.close()


def test_a_long_log_is_copied_back_but_not_while_somebody_copies_the_file(tmp_path: Path) -> None:
    """Of few pages and many rows, so that no commit does it by itself."""

    def many(connection: Connection, now: float) -> None:
        count = len(names(connection, now))
        connection.execute(insert(NAMES), [{"name": str(number)} for number in range(count, count + 2 * LONG_LOG)])

    async def sizes() -> list[int]:
        found = []
        for pages in (0, TOO_LONG * LONG_LOG):
            await database.alone(lambda raw, pages=pages: raw.execute(f"PRAGMA wal_autocheckpoint={pages}"))  # type: ignore[misc]
            await database.run(many)
            found.append(await database.alone(lambda raw: database.path.stat().st_size))
        return found

    database = open_sqlite(tmp_path / "x.db", metadata=[METADATA])
    held, copied = asyncio.run(sizes())
    database.close()
    assert held < 100_000 < copied


def test_the_size_of_pages_is_for_a_new_file_and_the_log_is_as_long_in_bytes(tmp_path: Path) -> None:
    def told(path: Path, size: int) -> list[int]:
        database = open_sqlite(path, metadata=[METADATA], page_size=size)
        words = ("page_size", "wal_autocheckpoint")
        found = asyncio.run(database.alone(lambda raw: [raw.execute(f"PRAGMA {word}").fetchone()[0] for word in words]))
        database.close()
        return found

    most = TOO_LONG * LONG_LOG
    assert told(tmp_path / "large.db", LARGE_PAGE) == [LARGE_PAGE, most // 2]
    assert told(tmp_path / "small.db", PAGE) == told(tmp_path / "small.db", LARGE_PAGE) == [PAGE, most]
