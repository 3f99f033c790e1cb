"""``/api/recalls``: filters, pages, and what is refused, as every list of the API; and what there is to recall."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import delete

from gateway.installation import METADATA
from gateway.model_folders import seen
from gateway.storage.database import open_sqlite
from gateway.tables import facts
from tests.flow.delivery_world import opened
from writeback.tables import outputs


def test_recalls_are_filtered_and_paged(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            key = await world.key("recall")
            keys = [(f"m{number % 2}", f"1.{number}") for number in range(7)]
            await world.gateway.run(lambda c, now: seen.record_all(c, now, keys=keys))
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


def test_what_never_was_here_is_not_found_and_nothing_is_begun(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            key = await world.key("recall")
            for model, version, element, said in (
                ("Zzyzx", "1.0.0", "model", "/models"), ("echo", "Zzyzx", "version", "1.0.0 and 2.0.0"),
                ("echo@1.0.0", "1.0.0", "model", "/models"), ("ech_", "1.0.0", "model", "/models"),
            ):  # fmt: skip
                body = {"model": model, "version": version, "reason": "wrong"}
                answer = await world.client.post("/api/recalls", headers=key, json=body)
                issue = answer.json()["issue"][0]
                assert (answer.status_code, issue["code"], issue["expression"]) == (404, "not-found", [element])
                assert said in answer.text
                assert "Zzyzx" not in answer.text
            assert (await world.client.get("/api/recalls", headers=key)).json()["recalls"] == []

    asyncio.run(act())


def test_what_was_here_once_is_recalled_again_and_again_though_it_said_nothing_and_is_gone(tmp_path: Path) -> None:
    async def act() -> None:
        with_it = tmp_path / "with"
        database = open_sqlite(":memory:", metadata=METADATA)
        async with opened(with_it, database=database):
            pass
        async with opened(tmp_path / "without", database=database, versions=("3.0.0",)) as world:
            key = await world.key("recall")
            body = {"model": "echo", "version": "2.0.0", "reason": "wrong"}
            for status in (202, 200):
                assert (await world.client.post("/api/recalls", headers=key, json=body)).status_code == status
                await world.settle()
                told = (await world.client.get("/api/recalls", headers=key)).json()["recalls"]
                assert [(each["version"], each["state"], each["standing"]) for each in told] == [("2.0.0", "done", 0)]
        database.close()

    asyncio.run(act())


def test_what_an_older_release_wrote_is_known_by_its_outputs_and_by_its_recall(tmp_path: Path) -> None:
    async def act() -> None:
        async with opened(tmp_path) as world:
            await world.submit(await world.key("outputs.write"))
            await world.settle()
            key = await world.key("recall")
            await world.gateway.run(lambda c, now: c.execute(delete(facts)))
            for version, status in (("2.0.0", 404), ("1.0.0", 202), ("1.0.0", 200)):
                body = {"model": "echo", "version": version, "reason": "wrong"}
                assert (await world.client.post("/api/recalls", headers=key, json=body)).status_code == status
            await world.gateway.run(lambda c, now: c.execute(delete(outputs)))
            body = {"model": "echo", "version": "1.0.0", "reason": "wrong"}
            assert (await world.client.post("/api/recalls", headers=key, json=body)).status_code == 200

    asyncio.run(act())


def test_a_recall_without_words_is_none(tmp_path: Path) -> None:
    """Its reason is written into charts, and it is never lifted."""

    async def run() -> None:
        async with opened(tmp_path) as world:
            recaller = await world.key("recall")
            for reason in ("", " ", "\t \n", "\u00a0"):
                body = {"model": "echo", "version": "1.0.0", "reason": reason}
                answer = await world.client.post("/api/recalls", json=body, headers=recaller)
                assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["reason"])
            assert (await world.client.get("/api/recalls", headers=recaller)).json()["recalls"] == []

    asyncio.run(run())
