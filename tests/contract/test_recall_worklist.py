"""What only a person can take back at an EHR: done there by hand, it is seen when the recall is asked for again."""

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.contract.recall_world import begin, drive, found, outputs_of, statuses
from tests.flow.delivery_world import CREATE_ONLY, ChartEhr, World
from tests.flow.grounding_world import alerts
from writeback import recall, tables
from writeback.speaking.answers import Answer


def metrics(world: World) -> str:
    lines = world.gateway.exposition.text().decode().splitlines()
    return "\n".join(line for line in lines if line.startswith("chartgate_recall_worklists"))


def test_what_a_person_has_done_at_the_ehr_is_seen_when_the_recall_is_asked_for_again(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 3)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts == {"worklist": 4}  # and the Device
        assert await alerts(world) == {"M-WB-WORKLIST": ("warning", ("clinical_informatics",))}
        assert 'chartgate_recall_worklists_total{ehr="spec",model="echo",version="1.0.0"} 1.0' in metrics(world)
        first, second, _ = world.ehr.all("RiskAssessment")
        world.ehr.keep({**first, "status": "entered-in-error"})
        del world.ehr.kept[f"RiskAssessment/{second['id']}"]
        world.ehr.keep({**world.ehr.all("Device")[0], "status": "inactive"})

        writes = len(world.ehr.writes)
        await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts, done.standing) == ("done", {"retracted": 2, "gone": 1, "worklist": 1}, 1)
        assert len(world.ehr.writes) == writes
        assert sorted([await world.state(id) for id in ids]) == ["delivered", "retracted", "retracted"]

        world.ehr.keep({**world.ehr.all("RiskAssessment")[-1], "status": "entered-in-error"})
        await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).standing == 0
        assert 'version="1.0.0"} 2.0' in metrics(world), "the third time nothing was left"

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


@pytest.mark.parametrize(("status", "asked"), [(401, 2), (403, 2), (429, 1), (500, 2), (503, 1)])
def test_what_cannot_be_looked_at_still_stands_and_who_has_no_time_is_not_asked_on(
    status: int, asked: int, tmp_path: Path
) -> None:
    async def act(world: World) -> None:
        reads: list[str] = []

        def answer(method: str, path: str) -> Answer | None:
            reads.extend([path] if path.startswith("RiskAssessment/") else [])
            return Answer(status=status) if path.startswith("RiskAssessment/") else None

        await outputs_of(world, 2)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        world.ehr.fault = answer
        await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts, len(reads)) == ("done", {"worklist": 3}, asked)
        left = await world.gateway.run(lambda c, now: recall.list_items(c, now, begun.id, states=["worklist"]))
        assert {item.cause for item in left} == {"no_update"}

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_what_the_ehr_has_deleted_is_gone_and_leaves_no_dead_letter(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 2)
        await world.settle()
        del world.ehr.kept[f"RiskAssessment/{world.ehr.all('RiskAssessment')[0]['id']}"]
        begun = await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts) == ("done", {"gone": 1, "retracted": 2})
        assert {await world.state(id) for id in ids} == {"retracted"}
        rows = await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries.c.state)).scalars().all())
        assert {"rejected", "dead"} & set(rows) == set()

    drive(act, tmp_path)


def test_what_an_ehr_has_refused_is_asked_for_again_with_the_recall(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 2)
        await world.settle()
        world.ehr.fault = lambda method, path: Answer(status=403) if method == "PUT" else None
        begun = await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts == {"worklist": 3}
        await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts == {"worklist": 3}  # and not again and again
        world.ehr.fault = lambda method, path: None
        await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts) == ("done", {"retracted": 3})
        assert {await world.state(id) for id in ids} == {"retracted"}
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"] * 2
        told = [each for each in world.ehr.all("Provenance") if each["activity"]["coding"][0]["code"] == "UPDATE"]
        assert len(told) == 3  # of each change one

    drive(act, tmp_path)
