"""An EHR that answers 201 and keeps nothing, and one that wants to be left in peace (docs/reference/write-back.md)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from r4 import codec
from tests.flow.delivery_world import CREATE_ONLY, EVERYTHING, ChartEhr, World, opened
from writeback.capabilities import Capabilities
from writeback.ledger import outputs
from writeback.speaking.answers import Answer

CONDITIONAL = Capabilities(
    types={type: replace(each, update_create=False) for type, each in EVERYTHING.types.items()}
)  # fmt: skip
PLAIN = Capabilities(
    types={type: replace(each, conditional_create=False) for type, each in CREATE_ONLY.types.items()}
)  # fmt: skip


@dataclass
class Forgetful(ChartEhr):
    """Says 201 to every write. ``until`` writes are forgotten; later ones are kept."""

    until: int = 10_000

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if method == "GET" or len(self.writes) >= self.until:
            return await super().send(method, path, headers=headers, body=body)
        self.writes.append(f"{method} {path.partition('/')[0]}")
        type = codec.parse(body or b"")["resourceType"]
        return Answer(status=201, headers={"location": f"{type}/{path.partition('/')[2] or uuid4().hex}/_history/1"})


async def told(world: World) -> dict[str, Any]:
    id = (await world.submit(await world.key("outputs.write")))["id"]
    await world.settle(rounds=8)
    shown = await world.gateway.run(lambda c, now: outputs.show_output(c, now, id))
    assert shown is not None
    return shown


@pytest.mark.parametrize("capabilities", [EVERYTHING, CONDITIONAL], ids=["put", "conditional"])
@pytest.mark.parametrize(("until", "state"), [(10_000, "pending"), (2, "delivered")])
def test_what_was_acknowledged_and_is_not_there_is_in_doubt_until_it_is(
    until: int, state: str, capabilities: Capabilities, tmp_path: Path
) -> None:
    async def run() -> None:
        ehr = Forgetful(capabilities=capabilities, until=until)
        async with opened(tmp_path, ehr=ehr) as world:
            shown = await told(world)
            assert shown["state"] == state
            assert [each["read_back"] for each in shown["deliveries"]] == [state == "delivered"] * 2
            assert len(ehr.all("RiskAssessment")) == (1 if state == "delivered" else 0)

    asyncio.run(run())


@dataclass
class Hiding(ChartEhr):
    """Keeps what it is sent once, matches it by its condition, and shows none of it by its id."""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if method == "GET" and "?" not in path and not path.startswith("Patient/"):
            return Answer(status=404)
        if condition := (headers or {}).get("if-none-exist"):
            found = codec.parse(self._search(f"{path}?{condition}").body)["entry"]
            if found:
                return Answer(status=200, headers={"location": f"{path}/{found[0]['resource']['id']}/_history/1"})
        return await super().send(method, path, headers=headers, body=body)


def test_what_a_condition_matches_is_there_although_it_is_not_shown(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, ehr=Hiding(capabilities=CONDITIONAL)) as world:
            shown = await told(world)
            assert [(each["state"], each["read_back"]) for each in shown["deliveries"]] == [("delivered", False)] * 2
            assert len(world.ehr.all("RiskAssessment")) == 1

    asyncio.run(run())


def test_what_may_not_be_sent_twice_is_delivered_by_the_word_of_the_ehr_alone(tmp_path: Path) -> None:
    async def run() -> None:
        ehr = Forgetful(capabilities=PLAIN)
        async with opened(tmp_path, ehr=ehr) as world:
            shown = await told(world)
            assert [(each["state"], each["read_back"]) for each in shown["deliveries"]] == [("delivered", False)] * 2
            assert ehr.writes.count("POST RiskAssessment") == 1
            staff = await world.staff()
            page = await world.client.get(f"/outputs/{shown['id']}", headers=staff)
            assert "not read back" in page.text
            assert "It stands in the chart." not in page.text
            key = shown["deliveries"][0]["delivery"]
            page = await world.client.get(f"/deliveries/{key}", headers=staff)
            assert "does not show it" in page.text
            assert "everything was kept" not in page.text

    asyncio.run(run())


def test_what_is_kept_is_said_to_have_been_read(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, ehr=Forgetful(until=0)) as world:
            shown = await told(world)
            assert [(each["state"], each["read_back"]) for each in shown["deliveries"]] == [("delivered", True)] * 2
            page = await world.client.get(f"/outputs/{shown['id']}", headers=await world.staff())
            assert "not read back" not in page.text

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wish", "told"), [(None, "5"), ("30", "30"), ("0", "1"), ("999999", "3600"), ("soon", "5")]
)  # fmt: skip
def test_the_wish_of_an_ehr_that_cannot_be_read_is_handed_on(wish: str | None, told: str, tmp_path: Path) -> None:
    async def run() -> None:
        busy = Answer(status=429, headers={} if wish is None else {"retry-after": wish})
        async with opened(tmp_path, ehr=ChartEhr(fault=lambda method, path: busy)) as world:
            key = await world.key("outputs.write")
            answer = await world.client.post("/api/outputs", json=world.body(), headers=key)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, told)

    asyncio.run(run())
