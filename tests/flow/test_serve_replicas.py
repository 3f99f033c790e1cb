"""Replicas of ``serve`` on one PostgreSQL: each answers for all, and what a killed one left behind another takes up."""

import signal
from pathlib import Path

import pytest

from tests.command import chartgate
from tests.flow.outputs_world import Running
from tests.flow.production_world import Serve, made_key, output, register, serving, until
from tests.flow.test_worker_verb import total


def test_replicas_answer_for_one_another_and_a_killed_ones_work_is_finished(
    ehr: Running, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, models = tmp_path / "keys.json", ["--models", str(ehr.place / "models")]
    assert chartgate("ehrs", "keys", "--new", str(keys)).returncode == 0
    told = {"CHARTGATE_DATABASE_URL": database_url, "CHARTGATE_KEYS_FILE": str(keys)}
    before = total(ehr, "RiskAssessment")
    with (
        serving(tmp_path / "one", *models, environment=told) as one,
        serving(tmp_path / "two", *models, environment=told) as two,
    ):
        register(ehr, ehr.place / "data", one)
        one.key = two.key = made_key(one.data, "outputs.write", "outputs.read", "metrics.read")
        known = lambda served: served.get("/health/ready", key=one.key).json()["checks"].get("ehrs") == "ok"  # noqa: E731
        assert until(lambda: known(one) and known(two))
        accepted = [taken(each, ehr, number) for number in range(20) for each in (one, two)]
        one.end(signal.SIGKILL)
        accepted += [taken(two, ehr, number) for number in range(20)]
        assert until(
            lambda: {two.get(each, key=two.key).json()["state"] for each in accepted} == {"delivered"}, seconds=60
        )
    assert total(ehr, "RiskAssessment") == before + len(accepted)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    listed = chartgate("outputs", "list", "--limit", "1000", "--data", str(tmp_path / "three"), "--json")
    assert listed.stdout.count('"inference_id"') == len(accepted)  # without a server the database itself is asked


def taken(served: Serve, ehr: Running, number: int) -> str:
    answer = served.post(output(ehr, patient=number))
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def test_replicas_with_other_keys_than_the_databases_are_refused(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTGATE_DATABASE_URL", database_url)
    for name, code in (("a", 0), ("b", 3)):
        assert chartgate("ehrs", "keys", "--new", str(tmp_path / name)).returncode == 0
        monkeypatch.setenv("CHARTGATE_KEYS_FILE", str(tmp_path / name))
        done = chartgate("keys", "list", "--data", str(tmp_path / "data"))
        assert done.returncode == code
    assert "keys" in done.stderr


def test_keys_may_come_as_a_document_of_the_environment(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.json"
    assert chartgate("ehrs", "keys", "--new", str(keys)).returncode == 0
    monkeypatch.setenv("CHARTGATE_DATABASE_URL", database_url)
    monkeypatch.setenv("CHARTGATE_KEYS", keys.read_text())
    assert chartgate("keys", "list", "--data", str(tmp_path / "data")).returncode == 0
    turned = chartgate("ehrs", "rotate", "signing", "--data", str(tmp_path / "data"))
    assert (turned.returncode, "CHARTGATE_KEYS" in turned.stderr) == (3, True)
    assert not (tmp_path / "data" / "keys.json").exists()
