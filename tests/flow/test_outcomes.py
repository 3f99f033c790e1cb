"""Outcomes that come from elsewhere than ``/api/labels``: the EHR's own records, and clinicians' decisions."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitoring import tables
from monitoring.entries import Labelled
from monitoring.labels import tell_mature
from tests.flow.delivery_world import ChartEhr, World, opened
from tests.monitored import ordered_entries
from vocabulary.outcome import parse_outcome
from writeback.speaking.answers import Answer

QUERY = {"query": "Condition?code=urn:x|stroke", "since": "recorded-date", "mature_after": "PT0S"}


def drive(act: Callable[[World], Awaitable[None]], folder: Path, outcome: dict[str, Any], **options: Any) -> None:
    async def run() -> None:
        async with opened(folder, **options) as world:
            for key, model in list(world.gateway.models.items()):
                manifest = replace(model.manifest, monitoring={"outcome": outcome})
                world.gateway.models[key] = replace(model, manifest=manifest)  # type: ignore[index]
            await act(world)

    asyncio.run(run())


async def labels(world: World) -> dict[str, tuple[bool, str]]:
    rows = await world.gateway.run(lambda c, now: c.execute(select(tables.labels)).all())
    return {row.output: (row.event, row.source) for row in rows}


def stroke(patient: str) -> dict[str, Any]:
    coding = [{"system": "urn:x", "code": "stroke"}]
    return {"resourceType": "Condition", "id": f"c-{patient}", "subject": {"reference": f"Patient/{patient}"},
            "code": {"coding": coding}}  # fmt: skip


@pytest.mark.parametrize("event", [True, False])
def test_a_mature_output_is_labelled_by_what_the_ehr_knows_and_only_a_truth_value_is_kept(
    event: bool, tmp_path: Path
) -> None:
    asked: list[str] = []
    ehr = ChartEhr(fault=lambda method, path: asked.append(path))  # type: ignore[func-returns-value]
    if event:
        ehr.keep(stroke("p1"))

    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        assert await world.gateway.outcomes.round() == 1
        assert await labels(world) == {id: (event, "query")}
        assert await world.gateway.outcomes.round() == 0
        searches = [path for path in asked if path.startswith("Condition")]
        assert len(searches) == 1
        assert "patient=Patient/p1" in searches[0]
        assert "recorded-date=ge" in searches[0]
        assert await world.gateway.run(tell_mature) == 1
        journal = await world.gateway.run(ordered_entries)
        told = [each for each in journal if isinstance(each.told, Labelled)]
        assert [(each.told.event, each.score, each.first) for each in told] == [(event, 0.25, True)]  # type: ignore[union-attr]

    drive(act, tmp_path, QUERY, ehr=ehr)


def test_an_ehr_that_does_not_answer_is_asked_again_and_what_is_not_mature_is_not(tmp_path: Path) -> None:
    away = [True]
    ehr = ChartEhr(fault=lambda method, path: Answer(status=503) if away[0] and path.startswith("Condition") else None)

    async def act(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        assert await world.gateway.outcomes.round() == 0
        away[0] = False
        assert await world.gateway.outcomes.round() == 1

    async def early(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        assert await world.gateway.outcomes.round() == 0
        assert await labels(world) == {}

    drive(act, tmp_path, QUERY, ehr=ehr)
    drive(early, tmp_path / "early", {**QUERY, "mature_after": "P1D"})


@pytest.mark.parametrize(("decision", "event"), [("confirm", True), ("reject", False)])
def test_a_decision_is_an_outcome_where_the_manifest_says_so(decision: str, event: bool, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        headers = await world.clinician()
        answer = await world.client.post(f"/api/outputs/{id}/{decision}", json={"reason": "Seen."}, headers=headers)
        assert answer.status_code == 200
        assert await labels(world) == ({id: (event, "clinician")} if confirming else {})

    for confirming in (True, False):
        outcome = {"mature_after": "PT0S", "confirmations": confirming}
        drive(act, tmp_path / str(confirming), outcome, policy="confirm")


def test_a_label_before_it_is_mature_waits_and_can_be_put_right(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = (await world.submit(await world.key("outputs.write")))["id"]
        key = await world.key("labels.write")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for said, status in ((True, 201), (True, 200), (False, 200)):
            body = {"output": id, "label": said, "observed_at": stamp}
            answer = await world.client.post("/api/labels", json=body, headers=key)
            assert (answer.status_code, answer.json()["mature"]) == (status, False)
        assert await world.gateway.run(tell_mature) == 0
        assert await world.gateway.run(lambda c, now: tell_mature(c, now + 90_000)) == 1
        assert await world.gateway.run(lambda c, now: tell_mature(c, now + 90_000)) == 0
        assert await labels(world) == {id: (False, "api")}
        elsewhere = await world.key("labels.write", ehrs=("other",))
        body = {"output": id, "label": True, "observed_at": stamp}
        assert (await world.client.post("/api/labels", json=body, headers=elsewhere)).status_code == 404

    drive(act, tmp_path, {"mature_after": "P1D"})


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"source": "x"}, "mature_after"),
        ({"mature_after": "soon"}, "mature_after"),
        ({"mature_after": "P1D", "query": "Condition?code=x"}, "query"),
        ({"mature_after": "P1D", "query": "Condition", "since": "date"}, "query"),
        ({"mature_after": "P1D", "query": "Condition?patient=p", "since": "date"}, "query"),
        ({"mature_after": "P1D", "confirmations": "yes"}, "confirmations"),
        ([], "outcome"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_named_and_none(outcome: Any, said: str) -> None:
    found, problems = parse_outcome({"outcome": outcome})
    assert found is None
    assert any(said in problem for problem in problems)


def test_a_model_without_a_declaration_has_none() -> None:
    assert parse_outcome({}) == (None, [])
