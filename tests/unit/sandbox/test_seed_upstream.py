"""Loading the seed over HTTP, against a server in memory that insists on existing references."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from r4 import codec
from sandbox.seed import load, pack, upstream
from sandbox.seed.messy import CLEAN, Messiness
from sandbox.seed.ward import HOUR, ward_day

BASE = "http://127.0.0.1:1/fhir"
ANCHOR = 1_770_000_000.0
WHOLE = sum(1 for _ in load.packed()) + len(ward_day(ANCHOR)) + 1  # the ward itself


class Server:
    """Takes PUTs, alone and in transactions; ``refuse`` may answer a request in its place."""

    def __init__(self, refuse: Callable[[int], int | None] = lambda number: None) -> None:
        self.stored: dict[str, Any] = {}
        self.transactions = 0
        self.refuse = refuse

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.removeprefix("/fhir").strip("/")
        if request.method == "GET":
            found = self.stored.get(name)
            return httpx2.Response(404 if found is None else 200, content=codec.format(found or {}))
        if request.method == "PUT":
            self.stored[name] = codec.parse(request.content)
            return httpx2.Response(200)
        self.transactions += 1
        return httpx2.Response(self.refuse(self.transactions) or self.take(codec.parse(request.content)["entry"]))

    def take(self, entries: list[dict[str, Any]]) -> int:
        assert len(entries) <= upstream.BUNDLE
        new = {entry["request"]["url"]: entry["resource"] for entry in entries}
        for resource in new.values():
            assert set(pack.targets(resource)) <= self.stored.keys() | new.keys()
        self.stored |= new
        return 200


def seed(
    server: Server, *, anchor: float = ANCHOR, told: list[str] | None = None, messiness: Messiness = CLEAN
) -> int:  # fmt: skip
    async def run() -> int:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as client:
            tell = [].append if told is None else told.append
            return await upstream.seed(BASE, anchor=anchor, progress=tell, client=client, messiness=messiness)

    return asyncio.run(run())


def test_everything_is_loaded_after_what_it_refers_to_and_the_marker_last() -> None:
    server = Server()
    assert seed(server) == WHOLE
    assert len(server.stored) == WHOLE + 1
    assert list(server.stored)[-1] == upstream.MARKER


def test_a_second_run_sends_nothing() -> None:
    server = Server()
    seed(server)
    sent = server.transactions
    assert (seed(server), server.transactions) == (0, sent)


def test_hours_later_only_the_ward_day_is_sent_and_nothing_is_doubled() -> None:
    server = Server()
    seed(server)
    assert seed(server, anchor=ANCHOR + 5 * HOUR) == len(ward_day(ANCHOR)) + 1
    assert len(server.stored) == WHOLE + 1


def test_a_clock_set_back_gives_a_ward_day_that_is_not_in_the_future() -> None:
    server = Server()
    seed(server)
    assert seed(server, anchor=ANCHOR - 2 * HOUR) == len(ward_day(ANCHOR)) + 1


def test_a_run_that_was_cut_short_is_made_whole_by_the_next() -> None:
    server = Server(refuse=lambda number: 500 if number == 7 else None)
    with pytest.raises(upstream.SeedError, match="500"):
        seed(server)
    assert upstream.MARKER not in server.stored
    server.refuse = lambda number: None
    assert seed(server) == WHOLE
    assert len(server.stored) == WHOLE + 1


def test_a_conflict_is_tried_again() -> None:
    server = Server(refuse=lambda number: 409 if number in (3, 4) else None)
    assert seed(server) == WHOLE


def test_a_refusal_names_status_types_and_count_and_nothing_that_was_sent() -> None:
    with pytest.raises(upstream.SeedError) as refused:
        seed(Server(refuse=lambda number: 422))
    assert "422 to a transaction of" in str(refused.value)
    assert "Practitioner" in str(refused.value)
    assert "Nienow" not in str(refused.value)


def test_progress_counts_up_to_the_whole() -> None:
    told: list[str] = []
    seed(Server(), told=told)
    assert told[-1].endswith(f"{WHOLE} of {WHOLE}")


def test_every_type_of_the_seed_has_its_wave() -> None:
    assert {*load.ORDER, "Group"} == set().union(*upstream.WAVES)


def test_a_messy_seed_is_sent_in_the_same_order_and_sent_once() -> None:
    server = Server()
    assert seed(server, messiness=Messiness(0.3)) > WHOLE  # duplicates
    assert any(name.endswith("-again") for name in server.stored)
    assert seed(server, messiness=Messiness(0.3)) == 0


@pytest.mark.parametrize(("first", "then"), [(0.3, 0.0), (0.0, 0.3), (0.3, 0.4)])
def test_charts_that_are_there_at_another_rate_are_not_mixed_with_these(first: float, then: float) -> None:
    server = Server()
    seed(server, messiness=Messiness(first))
    sent = server.transactions
    with pytest.raises(upstream.SeedError, match="--messy"):
        seed(server, messiness=Messiness(then))
    assert server.transactions == sent
