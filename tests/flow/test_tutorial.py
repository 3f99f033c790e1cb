"""The newcomer's walk of docs/tutorial.md, line by line: from ``models new`` to a shadow run that a new site's readiness shows."""

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import chartgate

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
LINES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
MINUTES = 15


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def detached(*words: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: it leaves a server behind."""
    return subprocess.run([sys.executable, "-m", "gateway.cli", *words], capture_output=True, text=True, check=False)


def test_a_newcomer_walks_from_a_new_model_to_a_shadow_run_at_a_new_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHARTGATE_DATA", raising=False)
    began, port, said = time.monotonic(), free_port(), {}
    try:
        for line in LINES:
            words = shlex.split(line.replace("8700", port))
            done = detached(*words[1:]) if "--detach" in words else chartgate(*words[1:])
            expected = 1 if words[1:3] == ["site", "readiness"] else 0
            assert done.returncode == expected, (line, done.stderr)
            said[" ".join(words[1:3])] = done.stdout
    finally:
        chartgate("down", "--data", "rehearsal")
    assert time.monotonic() - began < MINUTES * 60
    rehearsal = json.loads(said["site rehearse"])
    outputs = [output for patient in rehearsal["patients"] for output in patient["outputs"]]
    states = [output["state"] for output in outputs if output["model"] == "kidney-risk"]
    assert states.count("shadow") > 0
    assert {output["state"] for output in outputs} <= {"shadow", "refused", "abstained"}
    readiness = json.loads(said["site readiness"])
    mine = next(each for each in readiness["models"] if each["model"] == "kidney-risk")
    gate = next(gate for gate in mine["gates"] if gate["id"] == "shadow")
    assert (mine["ehr"], mine["policy"]) == ("north-ehr", "shadow")
    assert str(states.count("shadow")) in re.findall(r"\d+", gate["text"])
