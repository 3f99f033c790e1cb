"""What a process tells the journal is written in groups, and waits while the database fails."""

import asyncio
from collections.abc import Sequence

from gateway.monitors.journalling import Journalling
from monitoring.events import Event


def event(reason: str) -> Event:
    return Event(what="delivery", ehr="spec", state="dead", reason=reason)


class Journal:
    def __init__(self, fails: int) -> None:
        self.fails, self.written = fails, list[str]()
        self.whole = asyncio.Event()

    async def write(self, events: Sequence[Event]) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("away")
        self.written += [each.reason for each in events]
        self.whole.set()


def test_what_could_not_be_written_is_written_when_the_database_is_back_in_its_order() -> None:
    async def run() -> list[str]:
        journal = Journal(fails=2)
        journalling = Journalling(journal.write, again=0.01)
        journalling.add([event("a")], now=True)
        journalling.add([event("b")], now=True)
        await asyncio.wait_for(journal.whole.wait(), 5)
        await journalling.close()
        return journal.written

    assert asyncio.run(run()) == ["a", "b"]


def test_who_ends_writes_what_waits_once_and_does_not_wait_for_a_database_that_is_away() -> None:
    async def run(fails: int) -> list[str]:
        journal = Journal(fails)
        journalling = Journalling(journal.write, again=60.0)
        journalling.add([event("a")], now=True)
        await asyncio.sleep(0)
        journalling.add([event("b")], now=False)
        await asyncio.wait_for(journalling.close(), 5)
        return journal.written

    assert asyncio.run(run(1)) == ["a", "b"]
    assert asyncio.run(run(9)) == []
