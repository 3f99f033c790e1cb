"""A recall finds everything, takes it back where the EHR lets it, and may be killed anywhere; on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from gateway.installation import METADATA
from gateway.storage.database import Database, open_postgres, open_sqlite
from tests.contract.recall_world import begin, drive, found, outputs_of, statuses
from tests.flow.delivery_world import CREATE_ONLY, EVERYTHING, ChartEhr, World
from writeback import recall, tables
from writeback.afterwards import recall_steps
from writeback.errors import AnswerLost
from writeback.speaking.answers import Answer


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=METADATA)
    else:
        made = open_postgres(request.getfixturevalue("postgres").emptied(*METADATA))
    yield made
    made.close()


def test_every_output_of_the_version_is_entered_in_error_and_no_other(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 4)
        other = await outputs_of(world, 1, version="2.0.0")
        await world.settle()
        begun = await begin(world)
        await world.settle()
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"] * 4 + ["preliminary"]
        assert statuses(world.ehr, "Device") == ["active", "inactive"]
        assert {await world.state(id) for id in ids} == {"retracted"}
        assert await world.state(other[0]) == "delivered"
        done = await found(world, begun.id)
        assert (done.state, done.counts, done.standing) == ("done", {"retracted": 5}, 0)
        trails = [each for each in world.ehr.all("Provenance") if each["activity"]["coding"][0]["code"] == "UPDATE"]
        assert len(trails) == 5
        assert {each["entity"][0]["role"] for each in trails} == {"removal", "revision"}
        assert all(each["target"][0]["reference"].endswith("/_history/2") for each in trails)
        assert all("Wrong weights." in each["reason"][0]["text"] for each in trails)
        assert all(each["meta"]["security"][0]["code"] == "AIAST" for each in world.ehr.all("RiskAssessment"))

    drive(act, tmp_path, database)


def test_a_second_recall_changes_nothing(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await outputs_of(world, 3)
        await world.settle()
        first = await begin(world)
        await world.settle()
        kept, writes = {name: len(versions) for name, versions in world.ehr.kept.items()}, len(world.ehr.writes)
        again = await begin(world)
        assert again.id == first.id
        await world.settle()
        assert {name: len(versions) for name, versions in world.ehr.kept.items()} == kept
        assert len(world.ehr.writes) == writes
        assert (await found(world, first.id)).state == "done"

    drive(act, tmp_path, database)


def test_what_was_not_sent_is_stopped_and_new_outputs_are_refused(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 3)
        begun = await begin(world)
        await world.settle()
        assert world.ehr.writes == []
        assert {await world.state(id) for id in ids} == {"retracted"}
        done = await found(world, begun.id)
        assert (done.state, done.counts) == ("done", {"stopped": 4})  # the Device too
        key = await world.key("outputs.write")
        answer = await world.client.post("/api/outputs", json=world.body(), headers=key)
        assert answer.status_code == 422
        assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "recalled"
        assert (
            await world.client.post("/api/outputs", json=world.body(version="2.0.0"), headers=key)
        ).status_code == 202

    drive(act, tmp_path, database)


def test_what_another_worker_takes_at_that_moment_is_not_said_to_be_stopped(database: Database, tmp_path: Path) -> None:
    """Between the look at a row and its stop a replica has claimed it."""

    async def act(world: World) -> None:
        await outputs_of(world, 1)
        begun = await begin(world)
        while (await world.gateway.run(lambda c, now: recall_steps.collect(c, now, recall=begun)))[0]:
            pass
        item = (await world.gateway.run(lambda c, now: recall.list_items(c, now, begun.id)))[0]
        own = tables.deliveries.c.key == item.key
        seen = await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries).where(own)).one())
        taken = tables.deliveries.update().where(own).values(state="leased", owner="another")
        await world.gateway.run(lambda c, now: c.execute(taken))
        await world.gateway.run(
            lambda c, now: recall_steps._resolve(c, now, begun, item, seen, None, decide=lambda found: None)
        )
        assert (await found(world, begun.id)).counts == {"waiting": 1}

    drive(act, tmp_path, database)


def test_what_is_being_sent_is_waited_for_and_then_taken_back(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        lost = {"left": 1}

        def cut(method: str, path: str) -> None:
            if path.startswith("RiskAssessment") and lost["left"]:
                lost["left"] -= 1
                raise AnswerLost("cut")

        world.ehr.after = cut
        ids = await outputs_of(world, 1)
        for _ in range(3):  # card, Device, then the RiskAssessment, whose answer is lost
            await world.turn()
        begun = await begin(world)
        await world.gateway.recalls.advance(begun.id)
        during = await found(world, begun.id)
        assert during.state == "running"
        assert during.counts["waiting"] == 1
        await world.settle()
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"]
        assert await world.state(ids[0]) == "retracted"

    drive(act, tmp_path, database)


def test_what_is_in_doubt_and_not_there_is_not_sent_any_more(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        lost: list[str] = []

        def never(method: str, path: str) -> Answer | None:
            if path.startswith("RiskAssessment") and method == "PUT" and not lost:
                lost.append(path)
                raise AnswerLost("cut before it was kept")
            return None

        world.ehr.fault = never
        await outputs_of(world, 1)
        for _ in range(3):  # card, Device, then the RiskAssessment
            await world.turn()
        begun = await begin(world)
        await world.settle()
        assert world.ehr.all("RiskAssessment") == []
        done = await found(world, begun.id)
        assert (done.state, done.standing, done.counts["stopped"]) == ("done", 0, 1)
        rows = await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries.c.state)).scalars().all())
        assert "dead" not in rows  # its Provenance is no dead letter: nobody misses it

    drive(act, tmp_path, database)


def test_where_the_ehr_takes_no_update_a_worklist_says_what_still_stands(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 2)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts, done.standing) == ("done", {"worklist": 3}, 3)
        left = await world.gateway.run(lambda c, now: recall.list_items(c, now, begun.id, states=["worklist"]))
        assert {item.cause for item in left} == {"no_update"}
        assert all(item.location and item.location.partition("/")[0] == item.type for item in left)
        assert {await world.state(id) for id in ids} == {"delivered"}
        world.ehr.capabilities = EVERYTHING  # the EHR's next release
        await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts == {"retracted": 3}

    drive(act, tmp_path, database, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_what_the_ehr_says_it_took_and_did_not_is_on_the_worklist(database: Database, tmp_path: Path) -> None:
    """A PUT is answered 200, makes a version, and the status stands as it stood: nothing was withdrawn."""

    class Deaf(ChartEhr):
        def keep(self, resource: dict[str, Any]) -> dict[str, Any]:
            before = self.kept.get(f"{resource['resourceType']}/{resource['id']}")
            status = {"status": before[-1]["status"]} if before and "status" in before[-1] else {}
            return super().keep({**resource, **status})

    async def act(world: World) -> None:
        ids = await outputs_of(world, 1)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        assert statuses(world.ehr, "RiskAssessment") == ["preliminary"]
        done = await found(world, begun.id)
        assert (done.state, done.counts, done.standing) == ("done", {"worklist": 2}, 2)
        left = await world.gateway.run(lambda c, now: recall.list_items(c, now, begun.id, states=["worklist"]))
        assert {item.cause for item in left} == {"not_kept"}
        assert await world.state(ids[0]) == "delivered"

    drive(act, tmp_path, database, ehr=Deaf())


def test_what_the_ledger_does_not_know_is_found_at_the_ehr(database: Database, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await outputs_of(world, 5)
        await world.settle()
        await world.gateway.run(lambda c, now: c.execute(delete(tables.deliveries)))  # a ledger restored from before
        await world.gateway.run(lambda c, now: c.execute(delete(tables.bodies)))
        await world.gateway.run(lambda c, now: c.execute(delete(tables.outputs)))
        begun = await begin(world)
        await world.settle()
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"] * 5
        done = await found(world, begun.id)
        assert (done.counts, dict(done.ehrs)) == ({"retracted": 5}, {"spec": "searched"})

    drive(act, tmp_path, database, ehr=ChartEhr(page=2))
