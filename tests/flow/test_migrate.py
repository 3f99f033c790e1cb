"""``chartgate migrate`` as people use it, and what a release says that finds another schema than it needs."""

import json
from pathlib import Path

import pytest

from gateway.processes.server import write_server_file
from migrations import HEAD
from tests.command import chartgate


def test_an_installation_goes_down_and_up_and_says_where_it_is(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path), "--json"]
    assert json.loads(chartgate("migrate", *data).stdout) == {"from": "0000", "to": HEAD, "head": HEAD}
    assert json.loads(chartgate("migrate", "down", "--to", "0001", *data).stdout)["to"] == "0001"
    assert chartgate("migrate", "down", *data).returncode == 3
    assert chartgate("migrate", "up", "--to", "0007", *data).returncode == 3
    assert chartgate("migrate", "sideways", *data).returncode == 2
    assert chartgate("keys", "list", *data).returncode == 0  # one process alone moves it up itself
    assert json.loads(chartgate("migrate", *data).stdout)["from"] == HEAD


def test_a_server_that_runs_is_not_disturbed(tmp_path: Path) -> None:
    chartgate("migrate", "--data", str(tmp_path))
    write_server_file(tmp_path, "http://localhost:1")  # this very process
    refused = chartgate("migrate", "down", "--data", str(tmp_path))
    assert (refused.returncode, "chartgate down" in refused.stderr) == (3, True)


def test_a_replica_on_an_earlier_schema_says_what_to_run(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chartgate("ehrs", "keys", "--new", str(tmp_path / "keys.json"))
    monkeypatch.setenv("CHARTGATE_DATABASE_URL", database_url)
    monkeypatch.setenv("CHARTGATE_KEYS_FILE", str(tmp_path / "keys.json"))
    data = ["--data", str(tmp_path / "data")]
    assert chartgate("migrate", *data).returncode == 0
    assert chartgate("migrate", "down", "--to", "0001", *data).returncode == 0
    for verb in (["serve", "--port", "0"], ["worker"], ["keys", "list"]):
        refused = chartgate(*verb, *data)
        assert (refused.returncode, "chartgate migrate" in " ".join(refused.stderr.split())) == (3, True), verb
    assert chartgate("migrate", *data).returncode == 0
    assert chartgate("keys", "list", *data).returncode == 0
