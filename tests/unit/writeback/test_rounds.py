"""Answers that are awaited on several connections are looked for together; those of a few are read as they come."""

import asyncio
from dataclasses import dataclass, field

import pytest

from writeback.rounds import FEW, Rounds


@dataclass(eq=False)
class Connection:
    """What was said to it, in turn."""

    told: list[str] = field(default_factory=list)

    def doze(self) -> None:
        self.told.append("doze")

    def wake(self) -> None:
        self.told.append("wake")


def told(number: int, *, seconds: float = 0.01, lasts: float = 0.015) -> list[list[str]]:
    """What so many connections were told that await an answer for so long."""

    async def work() -> list[list[str]]:
        rounds, connections = Rounds(seconds), [Connection() for _ in range(number)]
        for connection in connections:
            rounds.asked(connection, asyncio.get_running_loop())
        await asyncio.sleep(lasts)
        return [connection.told for connection in connections]

    return asyncio.run(work())


@pytest.mark.parametrize(("number", "seconds"), [(FEW, 0.01), (2 * FEW, 0.0)], ids=["few", "no rounds"])
def test_what_a_few_wait_for_is_read_as_it_comes(number: int, seconds: float) -> None:
    assert told(number, seconds=seconds) == [[]] * number


def test_several_are_looked_at_once_a_round() -> None:
    found = told(FEW + 2)
    assert found == [["wake", "doze"]] * FEW + [["doze", "wake", "doze"]] * 2


def test_who_has_an_answer_reads_what_comes_unasked() -> None:
    async def work() -> list[list[str]]:
        rounds, connections = Rounds(0.01), [Connection() for _ in range(FEW + 1)]
        for connection in connections:
            rounds.asked(connection, asyncio.get_running_loop())
        for connection in connections:
            rounds.answered(connection)
        await asyncio.sleep(0.03)
        return [connection.told for connection in connections]

    assert asyncio.run(work()) == [["wake"]] * FEW + [["doze", "wake"]]
