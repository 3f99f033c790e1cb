"""Texts on their way to the EHR: what the chart contradicts is not written, and who cites somebody else is told at once."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import save_launch
from auth.client.tokens import LaunchContext, Tokens
from gateway.launches import jobs, scoring
from tests.flow.delivery_world import KEYS, World
from tests.flow.grounding_world import FALSE, INPUTS, POTASSIUM, TRUE, alerts, counted, drive, post
from writeback.speaking.answers import Answer


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


def test_where_there_is_no_room_for_its_outputs_a_launch_says_so(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        world.gateway.installation.database._room = SimpleNamespace(short=lambda: True)  # type: ignore[attr-defined]
        problems, page = await launch(world)
        assert ([scoring.FULL], scoring.FULL[:20] in page) == (problems, True)
        assert world.ehr.writes == []

    drive(act, tmp_path)


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
