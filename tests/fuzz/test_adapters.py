"""The fuzzer of the adapters: its short form, its long form, and the proof that it sees what it is for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.adapter_bytes import Choices
from tests.fuzz.adapter_holes import HOLES
from tests.fuzz.adapter_inputs import make
from tests.fuzz.adapter_judge import Product, judge
from tests.fuzz.adapters import PRESENT, Report, Run, blind, starts

SEED = 4
ROOT = Path(__file__).parents[2]
RULES = {"echo of a body": "echo", "echo of a refusal": "echo", "a value that was not said": "range"}
"""The rules that holes break which are not called by them."""


def said(report: Report) -> str:
    """What a person needs to repeat the findings."""
    return "\n".join(f"{rule}: {says} (--only {data})" for (rule, says), data in report.findings.items())


def run_apart(*arguments: str, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: what atheris puts into the modules stays there."""
    command = [sys.executable, "-m", "tests.fuzz.adapters", "--seed", str(SEED), *arguments]
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=there, capture_output=True, text=True, timeout=seconds, check=False)


def test_whatever_comes_is_read_refused_or_written_as_the_canon_says() -> None:
    """Guided by coverage where atheris is installed, else random."""
    done = run_apart("--inputs", "2000")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    line = json.loads(done.stdout.splitlines()[-1])
    assert (line["inputs"], line["findings"], line["guided"]) == (2000, 0, PRESENT)
    assert {"written", "not writable", "malformed", "not JSON", "refused: out_of_range"} <= set(line["outcomes"])


@pytest.mark.campaign
def test_ten_million_inputs_are_read_refused_or_written_as_the_canon_says() -> None:
    """In chunks, each with a seed of its own and a line of its own."""
    for seed in range(40):
        done = run_apart("--inputs", "250000", "--seed", str(seed), "--keep", seconds=3600)
        assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("hole", HOLES)
def test_a_fault_that_is_planted_is_found(hole: str) -> None:
    rule = RULES.get(hole, hole)
    report = blind(Run(HOLES[hole]), 1500, SEED, until=rule)
    assert rule in {found for found, _ in report.findings}, f"1500 inputs did not show an adapter that breaks {rule!r}"
    for finding, data in report.findings.items():
        assert finding in judge(bytes.fromhex(data), HOLES[hole]).faults, "a shrunk input shows the same"
        assert not judge(bytes.fromhex(data), Product()).faults


def test_a_planted_fault_is_found_by_the_guided_loop_too() -> None:
    done = run_apart("--inputs", "400", "--hole", "whenPeriod")
    assert done.returncode == 1, done.stdout + done.stderr[-2000:]
    assert "--- whenPeriod: a prediction has not the period" in done.stdout


def test_bytes_are_the_same_input_each_time() -> None:
    for data in starts(SEED, 200):
        one, other = make(data), make(data)
        assert (one and (one.raw, one.manifest, one.site)) == (other and (other.raw, other.manifest, other.site))


def test_past_the_end_of_the_bytes_every_choice_is_the_plain_one() -> None:
    choices = Choices(b"")
    assert (choices.byte(), choices.below(1000), choices.pick("ab"), choices.seldom(255)) == (0, 0, "a", False)
