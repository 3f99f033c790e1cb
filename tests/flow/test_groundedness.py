"""Texts on their way to the EHR: what the chart contradicts is not written, and who cites somebody else is told at once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import save_launch
from auth.client.tokens import LaunchContext, Tokens
from gateway import jobs, scoring
from gateway.claim_checkers import Checkers, Plugin
from monitoring import observations, samples
from monitoring.alerting import acting, handling
from monitoring.entries import COUNTS, TextChecked
from monitoring.grounding.values import ClaimVerdict
from monitoring.tables import journal as entries
from tests.flow.delivery_world import KEYS, PATIENT, ChartEhr, World, opened
from writeback.answers import Answer

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


def drive(act: Act, folder: Path, *, text: str = TRUE, **options: Any) -> None:
    place = folder / "models" / "echo-3.0.0"
    place.mkdir(parents=True)
    (place / "model.toml").write_text(MODEL)
    (place / "model.py").write_text(f"def predict(features):\n    return {{'text': {text!r}}}\n")
    ehr = ChartEhr()
    for resource in (HYPERTENSION, POTASSIUM, THEIRS, OWN):
        ehr.keep(resource)

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


def test_a_text_that_the_chart_bears_out_waits_for_its_confirmation(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        answer = await post(world, TRUE)
        assert (answer.status_code, answer.json()["state"]) == (202, "awaiting_confirmation"), answer.text
        assert await alerts(world) == {}
        numbers = await counted(world)
        assert (numbers["contradicted"], numbers["unsupported"], numbers["citations"], numbers["foreign"]) == (
            0,
            0,
            2,
            0,
        )
        assert (numbers["supported"] >= 5, numbers["uncheckable"]) == (True, 0)

    drive(act, tmp_path)


def test_a_text_that_the_chart_contradicts_is_refused_recorded_and_counted(tmp_path: Path, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)

    async def act(world: World) -> None:
        answer = await post(world, FALSE)
        assert answer.status_code == 422
        issue = answer.json()["issue"][0]
        assert issue["expression"] == ["text"]
        assert "hypertension" not in answer.text.lower()
        id = answer.headers["location"].rpartition("/")[2]
        shown = (await world.client.get(f"/api/outputs/{id}", headers=await world.key("outputs.read"))).json()
        assert (shown["state"], shown["refusal"]["reason"], shown["deliveries"]) == ("refused", "contradicted_text", [])
        assert await alerts(world) == {"M-HAL-03": ("warning", ("clinical_informatics",))}
        assert (await counted(world))["contradicted"] == 1
        assert (
            'chartgate_refusals_total{model="echo",reason="contradicted_text"} 1.0'
            in world.gateway.exposition.text().decode()
        )
        assert world.ehr.writes == []

    drive(act, tmp_path)
    assert "ypertension" not in caplog.text


@pytest.mark.parametrize("inputs", [[], ["Observation/k/_history/1"]])
def test_without_the_chart_that_the_model_saw_nothing_is_held_against_a_text(tmp_path: Path, inputs: list[str]) -> None:
    async def act(world: World) -> None:
        answer = await post(world, FALSE, inputs)
        assert (answer.status_code, answer.json()["state"]) == (202, "awaiting_confirmation")
        numbers = await counted(world)
        assert numbers["contradicted"] == 0
        assert numbers["uncheckable"] == (2 if not inputs else 1)

    drive(act, tmp_path)


def test_inputs_that_have_changed_since_are_not_what_the_model_saw(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        world.ehr.keep({**POTASSIUM, "valueQuantity": {"value": 5.9, "unit": "mmol/L", "code": "mmol/L"}})
        answer = await post(world, "Potassium 4.1 mmol/L.", ["Observation/k/_history/1"])
        assert answer.status_code == 202
        assert (await counted(world))["uncheckable"] == 1
        stale = await post(world, "Potassium 4.1 mmol/L. [Observation/k]", ["Observation/k/_history/2"])
        assert stale.json()["issue"][0]["expression"] == ["text"]

    drive(act, tmp_path)


@pytest.mark.parametrize("inputs", [[], INPUTS])
def test_a_citation_of_another_patient_is_critical_at_once(tmp_path: Path, inputs: list[str]) -> None:
    async def act(world: World) -> None:
        for text in ("Potassium 4.1 mmol/L. [Observation/theirs]", "As in Patient/p2."):
            answer = await post(world, text, inputs)
            assert answer.status_code == 422
            assert "theirs" not in answer.text
        assert (await alerts(world))["M-HAL-02"] == ("critical", ("engineering", "clinical_informatics"))
        key = await world.key("monitors.read")
        listed = (await world.client.get("/api/alerts", headers=key)).text
        assert "theirs" not in listed
        assert "p2" not in listed

    drive(act, tmp_path)


def test_a_citation_of_nothing_is_refused_and_one_of_what_the_model_had_not_seen_is_not(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        gone = await post(world, "Potassium 4.1 mmol/L. [Observation/gone]")
        assert gone.status_code == 422
        own = await post(world, "Potassium 4.1 mmol/L. [Observation/own]")
        assert own.status_code == 202
        assert "M-HAL-02" not in await alerts(world)

    drive(act, tmp_path)


def test_while_a_citation_cannot_be_looked_up_nothing_is_decided(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        world.ehr.fault = lambda method, path: Answer(status=503) if path == "Observation/gone" else None
        answer = await post(world, "Potassium 4.1 mmol/L. [Observation/gone]")
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)

    drive(act, tmp_path)


async def launch(world: World) -> tuple[list[str], str]:
    """A launch whose models run: what it was told, and its page."""
    cipher = KEYS.cipher

    def work(connection: Any, now: float) -> None:
        save_ehr(connection, now, ehr=RegisteredEhr(name="spec", issuer=world.ehr.base, client_id="c"), cipher=cipher)
        save_launch(
            connection, now, id="l1", ehr="spec", context=LaunchContext(patient="p1"), fhir_user="Practitioner/d1",
            tokens=Tokens(access="a", expires=time.time() + 300, scopes="patient/*.cruds"), cipher=cipher,
        )  # fmt: skip
        jobs.add_job(connection, now, "l1")

    await world.gateway.run(work)
    world.gateway.models.pop(("echo", "1.0.0"))  # type: ignore[attr-defined]
    world.gateway.models.pop(("echo", "2.0.0"))  # type: ignore[attr-defined]
    await scoring.score_launch(world.gateway, "l1")
    job = await world.gateway.run(lambda c, now: jobs.find_job(c, now, "l1"))
    problems = list(job.problems) if job else ["no job"]
    page = await world.client.get("/app?launch=l1", headers=await world.clinician())
    return problems, page.text


def test_the_page_says_of_each_sentence_what_the_chart_says(tmp_path: Path) -> None:
    text = "Hypertension since 2019. [Condition/htn] Takes apixaban. She slept very well. <b>Asthma</b> is denied."

    async def act(world: World) -> None:
        problems, page = await launch(world)
        assert problems == []
        assert "2 supported by the chart, 1 not found in the chart, 1 not checked" in page
        assert "(supported by the chart)" in page
        assert "(not found in the chart: a drug is not in the chart)" in page
        assert "(not checked)" in page
        assert "<b>Asthma" not in page

    drive(act, tmp_path, text=text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("No history of hypertension.", "contradicted_text"), ("Hypertension. [Observation/theirs]", "foreign_citation")],
)
def test_a_launchs_text_is_refused_as_well(tmp_path: Path, text: str, reason: str) -> None:
    async def act(world: World) -> None:
        problems, page = await launch(world)
        assert problems == []
        assert "contradicted by the chart" in page
        rows = await world.gateway.run(
            lambda c, now: c.exec_driver_sql("SELECT reason FROM monitoring_journal WHERE what = 'refusal'").all()
        )
        assert [row[0] for row in rows] == [reason]
        assert ("M-HAL-02" in await alerts(world)) is (reason == "foreign_citation")
        assert world.ehr.writes == []

    drive(act, tmp_path, text=text)


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
        assert [(each.span, each.checker, each.verdict) for each in found] == [((0, 28), "judge", "supported")]
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
        from gateway import claim_checkers, grounding
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
        marked = await world.gateway.run(
            lambda c, now: acting.find_markers(c, now, since=0.0, model="echo", ehr="spec")
        )
        assert sorted(each.what for each in marked if "checker" in each.what) == [
            "claim checker judge: version 2", "claim checker judge: version 3", "claim checker rules: version 1",
        ]  # fmt: skip

    drive(act, tmp_path)
