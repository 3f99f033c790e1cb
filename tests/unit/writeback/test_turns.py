"""No more speak than may; who wants a turn again goes before who has not begun; who rests waits for company."""

import asyncio
import time

import pytest

from writeback.wire.turns import COMPANY, Turns


def turns(most: int | None, enough: int = 8) -> Turns:
    made = Turns()
    made.most, made.enough = most, enough
    return made


def test_who_wants_a_turn_waits_for_one_and_goes_before_what_has_not_begun() -> None:
    async def work() -> tuple[list[str], int]:
        said: list[str] = []
        made = Turns(lambda: said.append("freed"))
        made.most = 1
        made.begin()

        async def again(name: str) -> None:
            await made.take()
            said.append(name)
            made.end()

        tasks = [asyncio.create_task(again(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        assert not made.free
        made.end()
        await asyncio.gather(*tasks)
        return said, made.speaking

    assert asyncio.run(work()) == (["first", "second", "freed"], 0)


def test_who_gives_up_waiting_takes_no_turn() -> None:
    async def work() -> tuple[int, bool]:
        made = turns(1)
        made.begin()
        early, granted = asyncio.create_task(made.take()), asyncio.create_task(made.take())
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.sleep(0)
        made.end()
        granted.cancel()  # it has its turn, and does not know yet
        await asyncio.gather(early, granted, return_exceptions=True)
        return made.speaking, made.free

    assert asyncio.run(work()) == (0, True)


@pytest.mark.parametrize(("resting", "speaking", "waits"), [(1, 1, True), (2, 1, False), (1, 0, False)])
def test_who_rests_waits_until_enough_do_or_nobody_speaks(resting: int, speaking: int, waits: bool) -> None:
    async def work() -> float:
        made = turns(None, enough=2)
        for _ in range(resting + speaking):
            made.begin()
        for _ in range(resting):
            made.rest()
        began = time.monotonic()
        await made.company()
        return time.monotonic() - began

    taken = asyncio.run(work())
    assert (taken >= 0.9 * COMPANY) is waits


def test_who_has_its_answer_speaks_again_at_once() -> None:
    made = turns(1)
    made.begin()
    made.rest()
    made.begin()
    made.rise()
    assert (made.speaking, made.resting, made.free) == (2, 0, False)
