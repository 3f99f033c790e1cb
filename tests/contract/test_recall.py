"""A recall finds everything, takes it back where the EHR lets it, and may be killed anywhere; on both databases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from gateway.installation import METADATA
from gateway.storage.database import Database, open_postgres, open_sqlite
from r4 import codec
from tests.flow.delivery_world import CREATE_ONLY, EVERYTHING, ChartEhr, World, opened
from writeback import recall, recall_steps, resending, tables
from writeback.answers import Answer
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost

Act = Callable[[World], Awaitable[None]]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=METADATA)
    else:
        made = open_postgres(request.getfixturevalue("postgres").emptied(*METADATA))
    yield made
    made.close()


def drive(act: Act, folder: Path, database: Database | None = None, **options: Any) -> None:
    async def run() -> None:
        async with opened(folder, database=database, **options) as world:
            await act(world)

    asyncio.run(run())


async def begin(world: World, version: str = "1.0.0") -> recall.Recall:
    id = world.gateway.new_id()
    begun, _ = await world.gateway.run(
        lambda c, now: recall.start(c, now, id=id, model="echo", version=version, reason="Wrong weights.", by="test")
    )
    return begun


async def found(world: World, id: str) -> recall.Recall:
    made = await world.gateway.run(lambda c, now: recall.find_recall(c, now, id))
    assert made is not None
    return made


def statuses(ehr: ChartEhr, type: str) -> list[str]:
    return sorted(each["status"] for each in ehr.all(type))


async def outputs_of(world: World, count: int, **changes: Any) -> list[str]:
    key = await world.key("outputs.write")
    return [(await world.submit(key, **{"patient": f"Patient/p{1 + n % 2}", **changes}))["id"] for n in range(count)]


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

    drive(act, tmp_path, database)


@pytest.mark.parametrize("there", [True, False])
def test_a_dead_letter_in_doubt_is_looked_up_after_a_recall_and_never_sent(there: bool, tmp_path: Path) -> None:
    """The tries were used up before the recall: a person has it looked up, and runs the recall again."""

    async def act(world: World) -> None:
        lost: list[str] = []

        def cut(method: str, path: str) -> None:
            if path.startswith("RiskAssessment") and method == "PUT" and not lost:
                lost.append(path)
                raise AnswerLost("cut")

        world.ehr.after, world.ehr.fault = (cut, world.ehr.fault) if there else (world.ehr.after, cut)  # type: ignore[assignment]
        ids = await outputs_of(world, 1)
        for _ in range(3):  # card, Device, then the RiskAssessment
            await world.turn()
        own = tables.deliveries.c.resource_type == "RiskAssessment"
        dead = tables.deliveries.update().where(own).values(state="dead", moving=False)
        await world.gateway.run(lambda c, now: c.execute(dead))
        begun = await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts["worklist"] == 1
        key = await world.gateway.run(lambda c, now: c.scalar(select(tables.deliveries.c.key).where(own)))
        done = await world.gateway.run(lambda c, now: resending.resend(c, now, key=str(key)))
        assert not isinstance(done, str)
        await world.settle()
        await begin(world)
        await world.settle()
        assert statuses(world.ehr, "RiskAssessment") == (["entered-in-error"] if there else [])
        assert (await found(world, begun.id)).standing == 0
        assert await world.state(ids[0]) == ("retracted" if there else "expired")

    drive(act, tmp_path)


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


def test_a_withdrawal_that_is_not_seen_at_once_is_looked_for_again(tmp_path: Path) -> None:
    """The EHR reads from a copy that lags behind."""

    class Lagging(ChartEhr):
        behind = 0

        def _read(self, path: str) -> Answer:
            versions = self.kept.get(path, [])
            if self.behind and len(versions) > 1:
                self.behind -= 1
                return Answer(status=200, body=codec.format(versions[-2]))
            return super()._read(path)

    async def act(world: World) -> None:
        ids = await outputs_of(world, 1)
        await world.settle()
        ehr.behind = 3
        begun = await begin(world)
        await world.settle(rounds=30)
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"]
        assert (await found(world, begun.id)).counts == {"retracted": 2}
        assert await world.state(ids[0]) == "retracted"

    drive(act, tmp_path, ehr=(ehr := Lagging()))


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


def test_an_ehr_that_says_its_answer_is_not_all_was_not_searched(tmp_path: Path) -> None:
    class Partial(ChartEhr):
        def _search(self, path: str) -> Answer:
            bundle = super()._search(path).resource()
            assert bundle is not None
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
            bundle["entry"] = [*bundle["entry"], {"resource": outcome, "search": {"mode": "outcome"}}]
            return Answer(status=200, body=codec.format(bundle))

    async def act(world: World) -> None:
        await outputs_of(world, 1)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        done = await found(world, begun.id)
        assert (done.state, done.counts, dict(done.ehrs)) == ("done", {"retracted": 2}, {"spec": "cannot"})

    drive(act, tmp_path, ehr=Partial())


@pytest.mark.parametrize("root", ["/r4", "https://ehr.example:443/r4", "."])
def test_the_next_page_may_be_named_relative_to_the_ehr(root: str, tmp_path: Path) -> None:
    """A link may be relative to the base (R4 http §3.1.0.1.2), and servers leave the host out."""

    class Relative(ChartEhr):
        def _search(self, path: str) -> Answer:
            answer = super()._search(path)
            return Answer(status=200, body=answer.body.replace(f'"{self.base}/'.encode(), f'"{root}/'.encode()))

    async def act(world: World) -> None:
        await outputs_of(world, 5)
        await world.settle()
        for table in (tables.deliveries, tables.bodies, tables.outputs):
            await world.gateway.run(lambda c, now, table=table: c.execute(delete(table)))  # type: ignore[misc]
        begun = await begin(world)
        await world.settle()
        assert (await found(world, begun.id)).counts == {"retracted": 5}

    drive(act, tmp_path, ehr=Relative(page=2))


@pytest.mark.parametrize("stop_after", range(1, 12))
def test_a_recall_that_is_killed_anywhere_goes_on(stop_after: int, tmp_path: Path) -> None:
    """The process ends after its n-th transaction, again and again; every start goes one further."""

    async def act(world: World) -> None:
        await outputs_of(world, 3)
        await world.settle()
        begun = await begin(world)
        run, left = world.gateway.run, {"n": stop_after}

        async def mortal(work: Any, /) -> Any:
            left["n"] -= 1
            if left["n"] < 0:
                raise ConnectionError("killed")
            return await run(work)

        world.gateway.run = mortal  # type: ignore[method-assign]
        try:
            await world.gateway.recalls.advance(begun.id)
        except ConnectionError:
            pass
        world.gateway.run = run  # type: ignore[method-assign]
        await world.settle()
        assert (await found(world, begun.id)).counts == {"retracted": 4}
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"] * 3
        assert {len(versions) for name, versions in world.ehr.kept.items() if name.startswith("RiskAss")} == {2}

    drive(act, tmp_path)


def test_somebody_elses_newer_version_is_read_again_and_what_is_not_ours_is_left(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await outputs_of(world, 2)
        await world.settle()
        first, second = [each["id"] for each in world.ehr.all("RiskAssessment")]
        busy = {"left": 2}

        def meddle(method: str, path: str) -> Answer | None:
            if method == "PUT" and path == f"RiskAssessment/{first}" and busy["left"]:
                busy["left"] -= 1
                current = world.ehr.kept[path][-1]
                world.ehr.keep({**current, "note": [*current["note"], {"text": "A colleague's remark."}]})
            return None

        world.ehr.fault = meddle
        world.ehr.keep({"resourceType": "RiskAssessment", "id": second, "status": "final", "identifier": [],
                        "subject": {"reference": "Patient/p9"}})  # fmt: skip
        begun = await begin(world)
        await world.settle()
        kept = {each["id"]: each for each in world.ehr.all("RiskAssessment")}
        assert kept[first]["status"] == "entered-in-error"
        assert [note["text"] for note in kept[first]["note"]].count("A colleague's remark.") == 2
        assert kept[second]["status"] == "final"
        left = await world.gateway.run(lambda c, now: recall.list_items(c, now, begun.id, states=["worklist"]))
        assert [(item.cause, item.location) for item in left] == [("not_ours", f"RiskAssessment/{second}")]

    drive(act, tmp_path)


def test_an_ehr_that_is_away_leaves_the_recall_running(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await outputs_of(world, 1)
        await world.settle()
        world.ehr.fault = lambda method, path: Answer(status=503)
        begun = await begin(world)
        await world.settle(rounds=4)
        assert (await found(world, begun.id)).state == "running"
        world.ehr.fault = lambda method, path: None
        await world.settle()
        assert (await found(world, begun.id)).state == "done"
        assert statuses(world.ehr, "RiskAssessment") == ["entered-in-error"]

    drive(act, tmp_path)


@pytest.mark.parametrize("without", ["searches", "Device"])
def test_an_ehr_that_cannot_be_searched_is_said_to_be_unsearched(without: str, tmp_path: Path) -> None:
    blind = {type: replace(each, searches=frozenset({"identifier"})) for type, each in EVERYTHING.types.items()}
    if without == "Device":
        blind = {type: each for type, each in EVERYTHING.types.items() if type != "Device"}

    async def act(world: World) -> None:
        await outputs_of(world, 1)
        await world.settle()
        begun = await begin(world)
        await world.settle()
        assert dict((await found(world, begun.id)).ehrs) == {"spec": "cannot"}

    drive(act, tmp_path, ehr=ChartEhr(capabilities=Capabilities(types=blind)))


def test_an_output_that_waits_for_a_person_is_taken_back_unsent(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        ids = await outputs_of(world, 1)
        await begin(world)
        await world.settle()
        assert await world.state(ids[0]) == "retracted"
        answer = await world.client.post(
            f"/api/outputs/{ids[0]}/confirm", json={"reason": "Agreed."}, headers=await world.clinician()
        )
        assert answer.status_code == 409
        rows = await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries.c.role)).all())
        assert rows == []

    drive(act, tmp_path, policy="confirm")
