"""What ends at one EHR within a moment is recorded together, and nothing waits longer than that."""

import asyncio
import time

import pytest

from writeback.line import MOMENT, Line
from writeback.settings import Pace
from writeback.speaking.claims import Attempted
from writeback.terms import Terms


async def ends(seconds: float) -> list[Attempted]:
    await asyncio.sleep(seconds)
    return [object()]  # type: ignore[list-item]


async def waited(line: Line) -> tuple[int, float]:
    """How many have ended after the line has waited, and the seconds that it took; the others are given up."""
    began = time.perf_counter()
    await line.wait(5.0)
    taken = time.perf_counter() - began
    for task in line.busy:
        task.cancel()
    return len(line.ended), taken


@pytest.mark.parametrize(("slow", "together"), [(4, 3), (0, 1)])
def test_a_few_that_ended_of_many_wait_a_moment_for_more(slow: int, together: int) -> None:
    async def run() -> tuple[int, float]:
        line = Line()
        for after in (0.0, MOMENT / 4, MOMENT / 2) if slow else (0.0,):
            line.begin(ends(after), 1)
        for _ in range(slow):
            line.begin(ends(60.0), 1)
        return await waited(line)

    found, taken = asyncio.run(run())
    assert found == together
    assert 0.9 * MOMENT * bool(slow) <= taken < 1.0


def test_when_half_have_ended_nobody_waits() -> None:
    async def run() -> tuple[int, float]:
        line = Line()
        for after in (0.0, 0.0, 0.0, 60.0, 60.0, 60.0):
            line.begin(ends(after), 1)
        await line.wait(5.0)
        return await waited(line)

    found, taken = asyncio.run(run())
    assert found == 3
    assert taken < MOMENT


def test_what_is_claimed_ahead_begins_when_another_ends_and_not_before() -> None:
    async def run() -> tuple[int, int, int]:
        line, pace = Line(), Pace(in_flight=2)
        assert line.ahead(pace) == 3
        going = [asyncio.Event() for _ in range(3)]

        async def attempt(number: int) -> list[Attempted]:
            going[number].set()
            return await ends(0.2 if number == 0 else 60.0)

        for number in range(3):
            line.begin(attempt(number), 1, pace)
        await asyncio.sleep(0.02)
        before = sum(each.is_set() for each in going)
        await asyncio.wait_for(going[2].wait(), 5.0)
        for task in line.busy:
            task.cancel()
        return before, len(line.ended), line.ahead(pace)

    assert asyncio.run(run()) == (2, 1, 1)


@pytest.mark.parametrize("batch", [False, True], ids=["singly", "in batches"])
def test_no_more_are_under_way_than_the_ehr_bears(batch: bool) -> None:
    """The most that spoke at a time, and how many did in all."""
    speaking: list[int] = [0, 0, 0]

    async def attempt() -> list[Attempted]:
        speaking[0] += 1
        speaking[1] = max(speaking[:2])
        await asyncio.sleep(0.002)
        speaking[0] -= 1
        speaking[2] += 1
        return []

    async def run() -> int:
        line, pace = Line(), Pace()
        line.terms = Terms(batch=batch, at_once=3)
        for _ in range(20):
            line.begin(attempt(), 1, pace)
        async with asyncio.timeout(5.0):
            while speaking[2] < 20:
                await asyncio.sleep(0.001)
        return line.room(pace)

    assert asyncio.run(run()) == 32
    assert speaking == [0, 3, 20]


def test_where_the_ehr_is_slow_little_is_claimed_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("writeback.line.LONG", 0.01)

    async def run() -> tuple[int, int]:
        line, pace = Line(), Pace()
        line.terms = Terms(at_once=4)
        before = line.ahead(pace)
        for _ in range(5):
            line.begin(ends(0.03), 1, pace)
        await asyncio.sleep(0.045)
        return before, line.ahead(pace)

    assert asyncio.run(run()) == (48, 5)


def test_when_nothing_is_left_that_may_begin_nobody_waits() -> None:
    async def run() -> tuple[int, float]:
        line, pace = Line(), Pace()
        line.terms = Terms(at_once=2)
        for after in (0.0, 60.0, 60.0):
            line.begin(ends(after), 1, pace)
        return await waited(line)

    found, taken = asyncio.run(run())
    assert found == 1
    assert taken < MOMENT / 2


def test_where_a_rate_is_limited_nothing_is_claimed_ahead() -> None:
    line, pace = Line(), Pace(in_flight=2)
    line.terms = Terms(per_minute=100)
    assert line.ahead(pace) == 2


def test_who_calls_is_heard_at_once() -> None:
    async def run() -> float:
        line = Line()
        line.begin(ends(60.0), 1)
        await asyncio.sleep(0)
        line.ready.set()
        began = time.monotonic()
        await line.wait(5.0)
        for task in line.busy:
            task.cancel()
        return time.monotonic() - began

    assert asyncio.run(run()) < 1.0
