"""Reads that come together go as one search, and what that does not show is read by itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from r4 import codec
from writeback.errors import AnswerLost
from writeback.speaking.answers import Answer
from writeback.speaking.searching import MOST, shown
from writeback.wire.gathering import Gathered
from writeback.wire.turns import Turns

HEADERS = {"cache-control": "no-cache, no-store, max-results=50"}


@dataclass
class Reader:
    """An EHR with these resources; it does not show the ``hidden`` in a search, and no search at all when ``broken``."""

    kept: dict[str, dict[str, Any]]
    hidden: frozenset[str] = frozenset()
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        self.asked.append(f"{method} {path}")
        self.told.append((headers or {}).get("cache-control", ""))
        await asyncio.sleep(0.01)
        if "?" not in path:
            found = self.kept.get(path)
            return Answer(status=404) if found is None else Answer(status=200, body=codec.format(found))
        if self.broken:
            raise AnswerLost("gone")
        type, _, ids = path.partition("?_id=")
        names = [f"{type}/{id}" for id in ids.partition("&")[0].split(",") if id not in self.hidden]
        entries = [{"resource": self.kept[name]} for name in names if name in self.kept]
        return Answer(status=200, body=bundle(entries))


def bundle(entries: list[Any]) -> bytes:
    return codec.format({"resourceType": "Bundle", "type": "searchset", "entry": entries})


def reader(number: int, type: str = "RiskAssessment", **changes: Any) -> Reader:
    ids = [f"r{each}" for each in range(number)]
    return Reader(kept={f"{type}/{id}": {"resourceType": type, "id": id} for id in ids}, **changes)


def read(ehr: Reader, paths: list[str]) -> list[Answer]:
    async def work() -> list[Answer]:
        gathered = Gathered(ehr, HEADERS, Turns())
        found = await asyncio.gather(*(gathered.send("GET", path) for path in paths))
        assert gathered.idle
        return found

    return asyncio.run(work())


def test_what_is_asked_for_together_is_one_search() -> None:
    ehr = reader(9)
    answers = read(ehr, list(ehr.kept))
    assert [answer.resource() for answer in answers] == list(ehr.kept.values())
    assert [asked.split("?")[0] for asked in ehr.asked] == ["GET RiskAssessment"]
    assert ehr.told == [HEADERS["cache-control"]]


def test_who_is_alone_is_read_by_id_and_those_that_come_meanwhile_together() -> None:
    ehr = reader(5)

    async def work() -> list[Answer]:
        gathered = Gathered(ehr, HEADERS, Turns())
        first = asyncio.create_task(gathered.send("GET", "RiskAssessment/r0"))
        await asyncio.sleep(0.002)
        others = [gathered.send("GET", f"RiskAssessment/r{number}") for number in range(1, 5)]
        return [*await asyncio.gather(*others), await first]

    answers = asyncio.run(work())
    assert {answer.status for answer in answers} == {200}
    assert ehr.asked == ["GET RiskAssessment/r0", "GET RiskAssessment?_id=r1,r2,r3,r4&_count=50"]


def test_no_search_asks_for_more_than_one_page_has() -> None:
    ehr = reader(MOST + 7)
    assert {answer.status for answer in read(ehr, list(ehr.kept))} == {200}
    assert [asked.count(",") + 1 for asked in ehr.asked] == [MOST, 7]


@pytest.mark.parametrize("changes", [{"hidden": frozenset({"r1"})}, {"broken": True}], ids=["hidden", "broken"])
def test_what_a_search_does_not_show_is_read_by_itself(changes: Any) -> None:
    ehr = reader(3, **changes)
    answers = read(ehr, list(ehr.kept))
    assert [answer.resource() for answer in answers] == list(ehr.kept.values())
    assert "GET RiskAssessment/r1" in ehr.asked


def test_what_is_not_there_is_told_so() -> None:
    ehr = reader(3)
    answers = read(ehr, [*ehr.kept, "RiskAssessment/none"])
    assert [answer.status for answer in answers] == [200, 200, 200, 404]


def test_writes_and_searches_go_as_they_are() -> None:
    ehr = reader(3)

    async def work() -> None:
        gathered = Gathered(ehr, HEADERS, Turns())
        await asyncio.gather(
            gathered.send("PUT", "RiskAssessment/r0", body=b"{}"), gathered.send("GET", "RiskAssessment?identifier=a")
        )  # fmt: skip

    asyncio.run(work())
    assert sorted(ehr.asked) == ["GET RiskAssessment?identifier=a", "PUT RiskAssessment/r0"]


@pytest.mark.parametrize("broken", [False, True])
def test_who_waits_lets_others_speak_and_no_more_do_than_may(broken: bool) -> None:
    """Thirty that have their turn, of which four may speak: what each reads after a search that failed included."""
    ehr, speaking, most = reader(30, broken=broken), 0, 0

    class Counted:
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            nonlocal speaking, most
            speaking += 1
            most = max(most, speaking)
            try:
                return await ehr.send(method, path, **given)
            finally:
                speaking -= 1

    async def work() -> list[Answer]:
        turns = Turns()
        turns.most, turns.enough = 4, 16
        gathered = Gathered(Counted(), HEADERS, turns)

        async def one(path: str) -> Answer:
            await turns.take()
            try:
                return await gathered.send("GET", path)
            finally:
                turns.end()

        found = await asyncio.gather(*map(one, ehr.kept))
        assert (turns.speaking, turns.resting) == (0, 0)
        return found

    assert [answer.resource() for answer in asyncio.run(work())] == list(ehr.kept.values())
    assert most <= 4
    assert broken or len(ehr.asked) <= 3


def test_one_who_gives_up_holds_up_no_other() -> None:
    ehr = reader(3)

    async def work() -> list[Any]:
        gathered = Gathered(ehr, HEADERS, Turns())
        tasks = [asyncio.create_task(gathered.send("GET", path)) for path in ehr.kept]
        await asyncio.sleep(0.002)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(work())
    assert isinstance(found[0], asyncio.CancelledError)
    assert [answer.status for answer in found[1:]] == [200, 200]


@pytest.mark.parametrize(
    "entries",
    [
        [{"resource": {"resourceType": "Patient", "id": "r0"}}],
        [{"resource": {"resourceType": "RiskAssessment", "id": "r0"}}] * 2,
        [{"resource": {"resourceType": "RiskAssessment"}}, "odd", {}],
    ],
    ids=["another type", "twice", "no id"],
)
def test_a_search_shows_what_has_its_type_and_its_id_once(entries: list[Any]) -> None:
    assert shown(Answer(status=200, body=bundle(entries)), "RiskAssessment") == {}
