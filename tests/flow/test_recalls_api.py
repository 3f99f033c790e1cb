"""``GET /api/recalls``: filters, pages, and what is refused, as every list of the API."""

import asyncio
from pathlib import Path
from typing import Any

from tests.flow.delivery_world import opened


def test_recalls_are_filtered_and_paged(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            key = await world.key("recall")
            for number in range(7):
                body = {"model": f"m{number % 2}", "version": f"1.{number}", "reason": "wrong"}
                assert (await world.client.post("/api/recalls", headers=key, json=body)).status_code == 202

            async def listed(query: str) -> list[str]:
                answer = await world.client.get(f"/api/recalls{query}", headers=key)
                assert answer.status_code == 200, answer.text
                return [each["version"] for each in answer.json()["recalls"]]

            everything = await listed("")
            assert sorted(everything) == [f"1.{number}" for number in range(7)]
            assert await listed("?model=m1") == [each for each in everything if int(each[2:]) % 2]
            assert await listed("?version=1.3&model=m1") == ["1.3"]
            assert await listed("?version=1.3&model=m0") == []
            assert await listed("?until=2000-01-01T00:00:00Z") == []
            assert sorted(await listed("?state=running") + await listed("?state=done")) == sorted(everything)
            assert await _paged(world, key) == everything

    asyncio.run(act())


async def _paged(world: Any, key: dict[str, str]) -> list[str]:
    """All versions, two at a time."""
    found: list[str] = []
    where: str | None = "/api/recalls?limit=2"
    while where:
        answer = await world.client.get(where, headers=key)
        assert len(answer.json()["recalls"]) <= 2
        found += [each["version"] for each in answer.json()["recalls"]]
        where = answer.json()["next"]
        assert (f'<{where}>; rel="next"' if where else None) == answer.headers.get("link")
    return found


def test_a_filter_of_recalls_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            key = await world.key("recall")
            for query, element in (
                ("foo=1", "query"), ("ehr=spec", "query"), ("limit=0", "limit"), ("limit=501", "limit"), ("state=nope", "state"),
                ("cursor=zz", "cursor"), ("since=x", "since"), ("model=a&model=b", "model"),
            ):  # fmt: skip
                answer = await world.client.get(f"/api/recalls?{query}", headers=key)
                assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, [element]), query

    asyncio.run(act())
