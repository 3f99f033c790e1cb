"""The command line's promises: exit codes, and sentences instead of tracebacks."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.application import application
from tests.command import chartgate

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own."""
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=180)


def test_a_process_ends_with_the_exit_code_and_a_sentence() -> None:
    done = run("demo", "--models", "/nowhere")
    assert done.returncode == 3
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("conform", "http://127.0.0.1:9/fhir"), ("conform", "nonsense"), ("demo", "--ehr", "ftp://x"),
        ("demo", "--ehr", "http://example.org/fhir"), ("demo", "--models", "/nowhere"),
        ("up", "--ehr", "http://127.0.0.1:9/fhir", "--port", "0", "--data", "{}"), ("demo", "--ehr", "http://127.0.0.1:9/fhir"),
        ("demo", "--model", "news2", "--models", "/nowhere"),
        ("models", "run", "models/news2", "--bundle", "/nowhere"), ("models", "run", "/nowhere", "--bundle", "LICENSE"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_run_is_exit_code_3_with_a_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = chartgate(*(word.replace("{}", str(tmp_path)) for word in arguments))
    assert done.returncode == 3
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("demo", "--persona", "nobody"), ("up", "--persona", "nobody"), ("personas", "show", "nobody"),
     ("up", "--references", "maybe"), ("keys", "add", "x", "--scope", "all"), ("nothing",),
     ("demo", "--model", "nobody"), ("conform", "http://127.0.0.1:9/fhir", "--format", "pdf")],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_use_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert chartgate(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--port", "{taken}"), 3, "is in use"), (("--ehr", "ftp://x"), 3, "--ehr must be"),
        (("--read-back", "nonsense"), 2, "nonsense"), (("--persona", "nobody"), 2, "--persona must be"),
    ],
)  # fmt: skip
def test_a_start_in_the_background_fails_with_its_own_words_and_code(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = [word.replace("{taken}", port) for word in arguments]
        words = ("--port", "0", *given) if "--port" not in given else given
        done = run("up", "--data", str(tmp_path), "--detach", "--wait", "--json", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_every_command_has_help() -> None:
    for command in ("up", "down", "demo", "conform", "doctor", "outputs", "keys", "clients", "models", "personas"):
        assert chartgate(command, "--help").returncode == 0


def test_personas_are_listed_shown_and_compared() -> None:
    def said(*arguments: str) -> str:
        return CliRunner().invoke(application, ["personas", *arguments]).output

    listed = json.loads(said("list", "--json"))
    assert [each["name"] for each in listed][:3] == ["spec", "hapi", "epic"]
    shown = json.loads(said("show", "epic", "--json"))
    assert all(rule["source"] for rule in shown["rules"])
    assert len(shown["rules"]) == next(each["rules"] for each in listed if each["name"] == "epic")
    assert {"about": "system offers", "epic": "nothing", "oracle": "batch"} in json.loads(
        said("diff", "epic", "oracle", "--json")
    )
    assert "59189" in said("diff", "epic", "oracle")
    assert "59189" not in said("diff", "hapi", "oracle")


def test_keys_are_made_listed_and_revoked_without_a_server(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"), "--json")
    made = json.loads(chartgate("keys", "add", "ci", "--scope", "outputs.write", *data).stdout)
    assert set(made) == {"id", "key"}
    listed = chartgate("keys", "list", *data).stdout
    assert made["id"] in listed
    assert made["key"] not in listed
    assert chartgate("keys", "revoke", made["id"], *data).returncode == 0
    assert chartgate("keys", "revoke", made["id"], *data).returncode == 3
    assert oct((tmp_path / "data").stat().st_mode & 0o777) == "0o700"


def test_the_doctor_shows_the_namespace_and_finds_nothing_wrong(tmp_path: Path) -> None:
    done = chartgate("doctor", "--data", str(tmp_path / "data"), "--json")
    assert json.loads(done.stdout)["namespace"].startswith("urn:chartgate:installation:")


def test_a_shipped_model_scores_a_bundle_or_says_why_not(tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}],
    }
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    said = json.loads(chartgate("models", "run", "models/news2", "--bundle", str(tmp_path / "b.json"), "--json").stdout)
    assert said["state"] in ("refused", "abstained")
    assert said["verdict"]["fitness"] == "unfit"
    assert chartgate("models", "check", "models/prevent").returncode == 0


def test_keys_are_listed_and_rotated_without_a_server_and_never_shown(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    listed = json.loads(CliRunner().invoke(application, ["ehrs", "keys", *data, "--json"]).stdout)
    assert [each["use"] for each in listed["signing"]] == ["signs", "signs"]
    said = CliRunner().invoke(application, ["ehrs", "rotate", "encryption", *data])
    assert said.exit_code == 0
    assert f"kept to open: {listed['encryption']['current']}" in said.stdout
    kept = json.loads((tmp_path / "keys.json").read_text())
    assert not [key for key in kept["encryption"]["keys"].values() if key in said.stdout]
    for arguments in (["session"], ["encryption", "--at-once"]):
        assert CliRunner().invoke(application, ["ehrs", "rotate", *arguments, *data]).exit_code == 2
