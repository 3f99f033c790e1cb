"""Requests of a delivery and their places in the EHR's rate limit."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import pytest

from writeback.errors import Unsent
from writeback.speaking.answers import Answer
from writeback.wire.exchange import LATEST
from writeback.wire.metering import Metered


@dataclass
class Limited:
    """An EHR that counts, and a limit whose next place is ``wait`` seconds away."""

    wait: float = 0.0
    sent: list[str] = field(default_factory=list)
    taken: int = 0

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        self.sent.append(method)
        return Answer(status=200)

    async def take(self) -> float:
        self.taken += 1
        return self.wait

    def ask(self, *methods: str, booked: int, late: float) -> None:
        """These requests as one delivery makes them."""

        async def delivery() -> None:
            metered = Metered(self, self.take, booked=booked, late=late)
            for method in methods:
                await metered.send(method, "Observation")

        asyncio.run(delivery())


def test_what_was_booked_goes_at_once_and_each_further_request_takes_a_place() -> None:
    ehr = Limited()
    ehr.ask("PUT", "GET", "GET", booked=1, late=monotonic() + 60)
    assert (ehr.sent, ehr.taken) == (["PUT", "GET", "GET"], 2)


def test_what_was_booked_too_long_ago_takes_a_place_anew() -> None:
    ehr = Limited()
    ehr.ask("PUT", booked=1, late=monotonic() - 1)
    assert (ehr.sent, ehr.taken) == (["PUT"], 1)


def test_a_place_beyond_the_conversations_end_is_not_waited_for() -> None:
    ehr, before = Limited(wait=30.0), LATEST.set(monotonic() + 1)
    try:
        with pytest.raises(Unsent):
            ehr.ask("PUT", booked=0, late=0.0)
    finally:
        LATEST.reset(before)
    assert ehr.sent == []
