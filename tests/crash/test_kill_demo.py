"""SIGKILL of the demo at any moment loses no accepted output and writes none twice."""

import random
import time
from pathlib import Path

import httpx2
import pytest

from tests.crash import kill_demo
from tests.crash.judge import judge

SEED = 20261
SHORT, LONG = 5, 50


def test_a_few_kills_lose_and_double_nothing_in_the_embedded_ehr() -> None:
    tally = kill_demo.campaign(None, kills=SHORT, seed=SEED)
    assert tally.problems == []
    assert tally.kills == SHORT
    assert tally.kept > 0


@pytest.mark.hapi
def test_a_few_kills_lose_and_double_nothing_in_hapi_and_the_judge_would_have_seen_it(
    hapi_seeded: str, tmp_path: Path
) -> None:
    tally = kill_demo.Tally(seconds=20.0)
    directory = tmp_path / "data"
    kept = kill_demo.run_round(directory, hapi_seeded, kills=SHORT, chance=random.Random(SEED), tally=tally)
    assert tally.problems == []
    written = next(item for item in kept if item.type == "RiskAssessment")
    assert [problem.split(":")[0] for problem in faults_after_a_copy(directory, hapi_seeded, written.id)] == [
        "doubled", "unaccounted",
    ]  # fmt: skip
    assert [problem.split(":")[0] for problem in faults_after_a_deletion(directory, hapi_seeded, written.id)] == [
        "lost"
    ]


def faults_after_a_copy(directory: Path, ehr: str, id: str) -> list[str]:
    """What the judge says when the EHR holds one written resource twice; the second goes again."""
    with httpx2.Client(timeout=60, trust_env=False) as client:
        copy = client.get(f"{ehr}/RiskAssessment/{id}").json()
        second = client.post(f"{ehr}/RiskAssessment", json=copy).json()["id"]
        faults = faults_now(directory, ehr)
        client.delete(f"{ehr}/RiskAssessment/{second}")
    return faults


def faults_after_a_deletion(directory: Path, ehr: str, id: str) -> list[str]:
    """What the judge says when one written resource is gone. Its Provenance has to go first, for it refers to it."""
    with httpx2.Client(timeout=60, trust_env=False) as client:
        client.delete(f"{ehr}/Provenance", params={"target": f"RiskAssessment/{id}"})
        assert client.delete(f"{ehr}/RiskAssessment/{id}").status_code == 200
    return [fault for fault in faults_now(directory, ehr) if "RiskAssessment" in fault]


def faults_now(directory: Path, ehr: str) -> list[str]:
    outputs = kill_demo.outputs_of(directory)
    return judge(accepted=[], outputs=outputs, kept=kill_demo.read_ehr(directory, ehr, set()))


@pytest.mark.campaign
def test_fifty_kills_lose_and_double_nothing_in_the_embedded_ehr() -> None:
    began = time.monotonic()
    tally = kill_demo.campaign(None, kills=LONG, seed=SEED)
    kill_demo.record(kill_demo.result_line(tally, ehr=None, seed=SEED, began=began))
    assert tally.problems == []


@pytest.mark.campaign
@pytest.mark.hapi
def test_fifty_kills_lose_and_double_nothing_in_hapi(hapi_seeded: str) -> None:
    began = time.monotonic()
    tally = kill_demo.campaign(hapi_seeded, kills=LONG, seed=SEED)
    kill_demo.record(kill_demo.result_line(tally, ehr=hapi_seeded, seed=SEED, began=began))
    assert tally.problems == []
