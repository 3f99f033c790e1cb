"""The key that said it puts it right: the EHR's copy keeps its place, its history and its label."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.flow.delivery_world import CREATE_ONLY, ChartEhr, World, drive
from writeback.afterwards import correcting


async def said(world: World, key: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """An output that is delivered, and the body that said it."""
    body = world.body()
    id = (await world.client.post("/api/outputs", json=body, headers=key)).json()["id"]
    await world.settle()
    assert await world.state(id) == "delivered"
    return id, body


def percent(ehr: ChartEhr) -> Decimal:
    return Decimal(ehr.all("RiskAssessment")[0]["prediction"][0]["probabilityDecimal"])


@pytest.mark.parametrize(("accepted", "status"), [(False, "preliminary"), (True, "corrected")])
def test_the_new_value_takes_the_old_ones_place(accepted: bool, status: str, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key = await world.key("outputs.write")
        id, body = await said(world, key)
        if accepted:
            final = {"status": "final", "reason": "Agreed."}
            await world.client.post(f"/api/outputs/{id}/amend", json=final, headers=await world.clinician())
            await world.settle()
        place = world.ehr.all("RiskAssessment")[0]["id"]
        world.ehr.keep(
            {**world.ehr.all("RiskAssessment")[0], "text": {"status": "generated", "div": "<div>25 %</div>"}}
        )
        answer = await world.client.post(f"/api/outputs/{id}/correct", json={**body, "value": 0.4}, headers=key)
        assert answer.status_code == 202, answer.text
        await world.settle()
        kept = world.ehr.all("RiskAssessment")[0]
        assert (kept["id"], kept["status"], percent(world.ehr), "text" in kept) == (place, status, Decimal(40), False)
        assert kept["meta"]["security"][0]["code"] == "AIAST"
        assert kept["note"][-1]["text"].startswith("Corrected by the model")
        assert kept["performer"]["reference"].startswith("Device/")
        again = await world.client.post(f"/api/outputs/{id}/correct", json={**body, "value": 0.4}, headers=key)
        assert (again.status_code, len(again.json()["edits"])) == (200, 4 if accepted else 2)
        former = await world.gateway.run(lambda c, now: correcting.former_words(c, now, id))
        assert [each["value"] for each in former] == [Decimal("0.25")]

    drive(act, tmp_path)


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [({"value": 0.9}, 422, "value"), ({"patient": "Patient/p2"}, 422, "patient"), ({"unit": "percent"}, 422, "unit"),
     ({"inference_id": "other"}, 422, "inference_id"), ({"version": "2.0.0"}, 422, "version"), ({"value": "x"}, 422, "value")],
)  # fmt: skip
def test_what_the_gate_refuses_or_is_another_output_changes_nothing(
    changes: dict[str, Any], status: int, named: str, tmp_path: Path
) -> None:
    async def act(world: World) -> None:
        key = await world.key("outputs.write")
        id, body = await said(world, key)
        writes = len(world.ehr.writes)
        answer = await world.client.post(f"/api/outputs/{id}/correct", json={**body, **changes}, headers=key)
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (status, [named])
        await world.settle()
        assert (percent(world.ehr), len(world.ehr.writes)) == (Decimal(25), writes)

    drive(act, tmp_path)


def test_only_the_key_that_said_it_corrects_it(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id, body = await said(world, await world.key("outputs.write"))
        for headers, status in (
            ({}, 401), (await world.key("outputs.write"), 403), (await world.key("outputs.read"), 403),
            (await world.key("outputs.write", models=("other",)), 404), (await world.clinician(), 401),
        ):  # fmt: skip
            answer = await world.client.post(f"/api/outputs/{id}/correct", json={**body, "value": 0.4}, headers=headers)
            assert answer.status_code == status
        assert percent(world.ehr) == Decimal(25)

    drive(act, tmp_path)


def test_where_the_ehr_takes_no_update_nothing_is_changed_here_either(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key = await world.key("outputs.write")
        id, body = await said(world, key)
        answer = await world.client.post(f"/api/outputs/{id}/correct", json={**body, "value": 0.4}, headers=key)
        assert answer.status_code == 409
        assert await world.gateway.run(lambda c, now: correcting.former_words(c, now, id)) == []

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def test_what_was_noted_of_the_old_value_goes_with_it(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        key = await world.key("outputs.write")
        body = {**world.body(), "confidence": 0.9}
        id = (await world.client.post("/api/outputs", json=body, headers=key)).json()["id"]
        await world.settle()
        said = {**body, "value": 0.4, "confidence": 0.6}
        answer = await world.client.post(f"/api/outputs/{id}/correct", json=said, headers=key)
        assert answer.status_code == 202, answer.text
        await world.settle()
        texts = [note["text"] for note in world.ehr.all("RiskAssessment")[0]["note"]]
        assert [text for text in texts if text.startswith("Confidence")] == ["Confidence: 0.6."]
        assert percent(world.ehr) == Decimal(40)

    drive(act, tmp_path)
