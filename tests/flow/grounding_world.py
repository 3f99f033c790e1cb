"""A model that says what a test wants it to say, and a chart for it to be held against."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from monitoring import observations
from monitoring.alerting import handling
from monitoring.entries import COUNTS, TextChecked
from monitoring.tables import journal as entries
from tests.flow.delivery_world import PATIENT, ChartEhr, World, opened

MODEL = """
[model]
id = "echo"
version = "3.0.0"
title = "A model that writes"
entry = "model:predict"
[[feature]]
name = "problems"
kind = "presence"
resource = "Condition"
[output]
kind = "text"
name = "note"
codes = [{ system = "http://loinc.org", code = "11506-3", display = "Progress note" }]
[writeback]
policy = "confirm"
valid_for = "P1D"
"""
SUBJECT = {"reference": PATIENT}
HYPERTENSION = {
    "resourceType": "Condition", "id": "htn", "subject": SUBJECT, "code": {"text": "Hypertension"},
    "identifier": [{"value": "p1"}],  # the EHR of these tests finds what holds the value that is searched for
    "clinicalStatus": {"coding": [{"code": "active"}]}, "onsetDateTime": "2019-03-04",
}  # fmt: skip
POTASSIUM = {
    "resourceType": "Observation", "id": "k", "status": "final", "subject": SUBJECT, "effectiveDateTime": "2026-01-02",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}], "text": "Potassium"},
    "valueQuantity": {"value": 4.1, "unit": "mmol/L", "code": "mmol/L"},
}  # fmt: skip
THEIRS = {**POTASSIUM, "id": "theirs", "subject": {"reference": "Patient/p2"}}
OWN = {**POTASSIUM, "id": "own"}
INPUTS = ["Condition/htn/_history/1", "Observation/k/_history/1"]
TRUE = "Hypertension since 2019. [Condition/htn] Potassium 4.1 mmol/L on 2026-01-02. [Observation/k]"
FALSE = "No evidence of hypertension. Potassium 4.1 mmol/L."
Act = Callable[[World], Awaitable[None]]


def writer(folder: Path, text: str = TRUE) -> ChartEhr:
    """Puts the model into the folder of an installation; the EHR with the chart."""
    place = folder / "models" / "echo-3.0.0"
    place.mkdir(parents=True)
    (place / "model.toml").write_text(MODEL)
    (place / "model.py").write_text(f"def predict(features):\n    return {{'text': {text!r}}}\n")
    ehr = ChartEhr()
    for resource in (HYPERTENSION, POTASSIUM, THEIRS, OWN):
        ehr.keep(resource)
    return ehr


def drive(act: Act, folder: Path, *, text: str = TRUE, **options: Any) -> None:
    ehr = writer(folder, text)

    async def run() -> None:
        async with opened(folder, ehr=ehr, **options) as world:
            await act(world)

    asyncio.run(run())


async def post(world: World, text: str, inputs: list[str] | None = INPUTS, **changes: Any) -> Any:
    said = {
        "version": "3.0.0",
        "kind": "text",
        "value": None,
        "unit": None,
        "text": text,
        "inputs": inputs or [],
        **changes,
    }
    key = changes.pop("key", None) or await world.key("outputs.write", "outputs.read")
    said.pop("key", None)
    return await world.client.post("/api/outputs", json=world.body(**said), headers=key)


async def alerts(world: World) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = await world.gateway.run(handling.find_alerts)
    return {each.monitor: (each.severity, each.owners) for each in found}


async def counted(world: World) -> dict[str, int]:
    """The counts of the newest text, as the monitors were told them."""
    told = await world.gateway.run(lambda c, now: observations.find_entries(c, now, after=(0.0, 0), before=now + 9))
    checked = [each.told for each in told if isinstance(each.told, TextChecked)][-1]
    return {name: getattr(checked, name) for name in COUNTS}


async def journalled(world: World, what: str) -> dict[str, float]:
    rows = await world.gateway.run(lambda c, now: c.execute(entries.select().where(entries.c.what == what)).all())
    return {row.reason: row.value for row in rows}
