"""A recall that meets an EHR which is away, slow to show or says little, that is killed anywhere, or finds what it cannot take back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from r4 import codec
from tests.contract.recall_world import begin, drive, found, outputs_of, statuses
from tests.flow.delivery_world import EVERYTHING, OFFERED, ChartEhr, World
from writeback import recall, tables
from writeback.afterwards import resending
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost
from writeback.speaking.answers import Answer


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
        begun = await begin(world)
        await world.settle()
        assert await world.state(ids[0]) == "retracted"
        assert (await found(world, begun.id)).counts == {"stopped": 1}
        answer = await world.client.post(
            f"/api/outputs/{ids[0]}/confirm", json={"reason": "Agreed."}, headers=await world.clinician()
        )
        assert answer.status_code == 409
        rows = await world.gateway.run(lambda c, now: c.execute(select(tables.deliveries.c.role)).all())
        assert rows == []

    drive(act, tmp_path, policy="confirm")


def test_a_report_that_the_ledger_does_not_know_is_found_by_what_it_groups_and_a_strangers_is_left(
    tmp_path: Path,
) -> None:
    """R4's DiagnosticReport names no Device."""
    types = {**EVERYTHING.types, "DiagnosticReport": replace(OFFERED, searches=frozenset({"identifier", "result"}))}
    ehr = ChartEhr(capabilities=Capabilities(types=types))

    async def act(world: World) -> None:
        await outputs_of(world, 1)
        await world.settle()
        device = f"Device/{ehr.all('Device')[0]['id']}"
        mark = {"system": f"{world.gateway.keyring.namespace}/delivery", "value": "a" * 64}
        score = {"resourceType": "Observation", "id": "o1", "status": "preliminary", "device": {"reference": device}}
        ehr.keep({**score, "identifier": [{**mark, "value": "b" * 64}]})
        over = {"resourceType": "DiagnosticReport", "status": "final", "result": [{"reference": "Observation/o1"}]}
        ehr.keep({**over, "id": "ours", "identifier": [mark]})
        ehr.keep({**over, "id": "theirs"})
        begun = await begin(world)
        await world.settle()
        stand = {each["id"]: each["status"] for each in [*ehr.all("DiagnosticReport"), *ehr.all("Observation")]}
        assert stand == {"o1": "entered-in-error", "ours": "entered-in-error", "theirs": "final"}
        assert dict((await found(world, begun.id)).ehrs) == {"spec": "searched"}

    drive(act, tmp_path, ehr=ehr)
