"""A person whose page meets a database that fails is told so, in a page and not in the server's own words."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.installation import METADATA
from gateway.storage.database import open_sqlite
from gateway.storage.failures import DatabaseAway, DatabaseFailed, DatabaseFull
from tests.flow.delivery_world import opened


class Failing:
    """A database that fails from when it is told so."""

    def __init__(self) -> None:
        self._inner = open_sqlite(":memory:", metadata=METADATA)
        self.failure: Exception | None = None

    async def run(self, work: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return await self._inner.run(work)

    async def look(self, work: Any) -> Any:
        return await self.run(work)

    def run_now(self, work: Any) -> Any:
        return self._inner.run_now(work)

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize(
    ("failure", "status"),
    [(DatabaseAway("away"), 503), (DatabaseFull("SECRET full"), 507), (DatabaseFailed("SECRET failed"), 500)],
)
def test_a_page_says_what_became_of_what_was_asked(failure: Exception, status: int, tmp_path: Path) -> None:
    async def run() -> None:
        database = Failing()
        async with opened(tmp_path, database=database, policy="confirm") as world:
            id = (await world.submit(await world.key("outputs.write")))["id"]
            person = await world.clinician()
            database.failure = failure
            form = {"reason": "Read against the chart."}
            answers = [
                await world.client.post(f"/app/outputs/{id}/confirm", data=form, headers=person),
                *[await world.client.get(path, headers=person) for path in ("/app", "/deliveries", f"/outputs/{id}")],
            ]
            for answer in answers:
                assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
                assert ("nothing of this was kept" in answer.text) == (status != 503)
                assert ("look in a moment whether it was done" in answer.text) == (status == 503)
                assert "SECRET" not in answer.text
            database.failure = None
            assert await world.state(id) == "awaiting_confirmation"
        database.close()

    asyncio.run(run())
