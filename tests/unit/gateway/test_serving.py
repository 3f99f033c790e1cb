"""The face before an embedded store: what is written is found, and its search terms do not pile up in memory."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.face.serving import serve
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4.interaction import Answer, Interaction
from sandbox import backlog
from tests.crash.store_writer import TOKEN, observation, opened

NUMBERS = itertools.count()


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = opened(str(tmp_path / "store.db"))
    yield made
    made.audit.close()
    made.database.close()


async def create(ehr: SandboxEhr, *, size: int) -> Answer:
    """A create as it comes from a client, with a body of so many bytes."""
    asked = Interaction(action="create", type="Observation", body=observation(str(next(NUMBERS))))
    answer = await serve(ehr, asked, TOKEN, size=size)
    assert answer is not None
    return answer


def lag(ehr: SandboxEhr) -> int:
    """Resources without terms in their table."""
    sql = "SELECT count(*) FROM fhir_resources WHERE number NOT IN (SELECT number FROM fhir_terms)"
    return int(ehr.database.run_now(lambda c, now: c.exec_driver_sql(sql).scalar()))


@pytest.mark.parametrize("size", [100, 100_000])
def test_writes_together_are_each_answered_and_found(ehr: SandboxEhr, size: int) -> None:
    async def story() -> tuple[list[Answer], Answer | None]:
        answers = await asyncio.gather(*(create(ehr, size=size) for _ in range(40)))
        every = Interaction(action="search", type="Observation", query=(("status", "final"),))
        return answers, await serve(ehr, every, TOKEN)

    answers, found = asyncio.run(story())
    assert {answer.status for answer in answers} == {201}
    assert len({answer.headers["location"] for answer in answers}) == 40
    assert found is not None
    assert (found.resource or {})["total"] == 40


def test_terms_are_put_into_their_table_when_enough_was_written(
    ehr: SandboxEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> list[int]:
        lags = []
        for _ in range(25):
            await create(ehr, size=100)
            if ehr.catching_up is not None:
                await ehr.catching_up
            lags.append(lag(ehr))
        return lags

    monkeypatch.setattr(backlog, "DUE", 10)
    monkeypatch.setattr(backlog, "BEHIND", 1)
    lags = asyncio.run(story())
    assert (lags[8], lags[9], lags[19], max(lags)) == (9, 0, 0, 9)


def test_a_search_is_answered_whole_while_terms_come_into_their_table(
    ehr: SandboxEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> list[int]:
        every = Interaction(action="search", type="Observation", query=(("status", "final"), ("_summary", "count")))
        counts = []
        for _ in range(20):
            await asyncio.gather(create(ehr, size=100), create(ehr, size=100))
            found = await serve(ehr, every, TOKEN)
            counts.append(((found and found.resource) or {})["total"])
        return counts

    monkeypatch.setattr(backlog, "DUE", 3)
    monkeypatch.setattr(backlog, "BEHIND", 2)
    assert asyncio.run(story()) == list(range(2, 42, 2))


def test_a_refused_create_leaves_the_others_of_its_group(ehr: SandboxEhr) -> None:
    async def story() -> list[Answer | None]:
        wrong = Interaction(action="create", type="Observation", body={"resourceType": "Observation"})
        return await asyncio.gather(create(ehr, size=100), serve(ehr, wrong, TOKEN, size=100), create(ehr, size=100))

    assert [answer.status for answer in asyncio.run(story()) if answer] == [201, 422, 201]
