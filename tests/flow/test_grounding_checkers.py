"""Further checkers beside the rules: they never override one, and one that is late or broken holds up nothing."""

import asyncio
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from gateway.outputs.claim_checkers import Checkers, Plugin
from monitoring import samples
from monitoring.alerting import marks
from monitoring.grounding import checker
from monitoring.grounding.values import ClaimVerdict
from tests.flow.delivery_world import World
from tests.flow.grounding_world import FALSE, INPUTS, TRUE, drive, journalled, post


class Judge:
    """A checker of somebody else's that finds every sentence as it was told to."""

    name, version, kind = "judge", "2", "llm_judge"

    def __init__(self, verdict: str, *, seconds: float = 0.0, kind: str = "llm_judge") -> None:
        self.verdict, self.seconds, self.kind = verdict, seconds, kind
        self.asked: list[Any] = []

    def check(self, req: Any) -> list[ClaimVerdict]:
        self.asked.append(req)
        time.sleep(self.seconds)
        return [
            ClaimVerdict(span=span, claim_type="sentence", verdict=self.verdict, checker=self.name)
            for span in req.sentences
        ]  # type: ignore[arg-type]


async def waiting(world: World) -> list[samples.Waiting]:
    return await world.gateway.run(samples.find_waiting)


def test_a_judge_never_overrides_the_rules_and_disagreements_wait_for_people(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        judge = Judge("supported")
        world.gateway.checkers = Checkers([Plugin(judge)])
        assert (await post(world, FALSE)).status_code == 422
        found = [each for each in await waiting(world) if each.rules == "contradicted"]
        seen = {(each.span, each.checker, each.verdict) for each in found}
        # the rules' own is there as well where it was drawn by lot
        assert seen - {((0, 28), "rules", "contradicted")} == {((0, 28), "judge", "supported")}
        request = judge.asked[0]
        assert request.text == FALSE
        assert set(request.chart_snapshot_ref.resources) >= set(INPUTS)
        assert (await journalled(world, "checker"))["supported"] == 2

    drive(act, tmp_path)


def test_a_judges_contradiction_alone_blocks_nothing_and_a_rules_one_does(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        world.gateway.checkers = Checkers([Plugin(Judge("contradicted"))])
        assert (await post(world, TRUE)).status_code == 202
        assert {each.rules for each in await waiting(world)} == {"supported"}
        world.gateway.checkers = Checkers([Plugin(Judge("contradicted", kind="deterministic"))])
        assert (await post(world, TRUE)).status_code == 422

    drive(act, tmp_path)


def test_a_late_or_broken_checker_makes_a_text_uncheckable_and_holds_up_nothing(tmp_path: Path) -> None:
    class Broken(Judge):
        name = "broken"

        def check(self, req: Any) -> list[ClaimVerdict]:
            raise RuntimeError("Hypertension")

    async def act(world: World) -> None:
        from gateway.outputs import claim_checkers, grounding
        from monitoring.grounding.protocol import CheckRequest, SnapshotRef

        request = CheckRequest(
            text=TRUE, sentences=((0, 24),), chart_snapshot_ref=SnapshotRef(hash="", as_of=""), budget_ms=50
        )
        slow, broken = Plugin(Judge("supported", seconds=0.4)), Plugin(Broken("supported"))
        answers = await claim_checkers.Checkers([slow, broken]).ask(request)
        assert [(each.failure, each.claims[0].verdict) for each in answers] == [
            ("late", "uncheckable"),
            ("failed", "uncheckable"),
        ]
        assert (await slow.ask(request)).failure == "late"  # it still hangs: no second thread is spent on it
        await asyncio.sleep(0.5)
        assert (await slow.ask(structs.replace(request, budget_ms=5000))).failure == ""
        world.gateway.checkers = claim_checkers.Checkers([broken])
        assert (await post(world, TRUE)).status_code == 202
        assert grounding.LOOKUPS == 20

    drive(act, tmp_path)


def test_another_version_of_a_checker_is_a_change_marker_once(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        judge = Judge("supported")
        world.gateway.checkers = Checkers([Plugin(judge)])
        for _ in range(2):
            await post(world, TRUE)
        judge.version = "3"  # type: ignore[misc]
        world.gateway.checkers = Checkers([Plugin(judge)])
        await post(world, TRUE)
        marked = await world.gateway.run(lambda c, now: marks.find_markers(c, now, since=0.0, model="echo", ehr="spec"))
        assert sorted(each.what for each in marked if "checker" in each.what) == [
            "claim checker judge: version 2", "claim checker judge: version 3", f"claim checker rules: version {checker.VERSION}",
        ]  # fmt: skip

    drive(act, tmp_path)
