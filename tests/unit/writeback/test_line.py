"""What ends at one EHR within a moment is recorded together, and nothing waits longer than that."""

import asyncio
import time

import pytest

from writeback.claims import Attempted
from writeback.line import FEW, MOMENT, Line


async def ends(seconds: float) -> list[Attempted]:
    await asyncio.sleep(seconds)
    return [object()]  # type: ignore[list-item]


@pytest.mark.parametrize(("slow", "together"), [(4 * FEW, 3), (0, 1)])
def test_a_few_that_ended_of_many_wait_a_moment_for_more(slow: int, together: int) -> None:
    async def run() -> tuple[int, float]:
        line = Line()
        for after in (0.0, MOMENT / 4, MOMENT / 2) if slow else (0.0,):
            line.begin(ends(after), 1)
        for _ in range(slow):
            line.begin(ends(60.0), 1)
        began = time.monotonic()
        await line.wait(5.0)
        taken = time.monotonic() - began
        for task in line.busy:
            task.cancel()
        return len(line.ended), taken

    found, taken = asyncio.run(run())
    assert found == together
    assert 0.9 * MOMENT * bool(slow) <= taken < 1.0


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
