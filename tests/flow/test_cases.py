"""The four cases, as the command line tells them: the failure is reproduced, and the signal is raised in this very run."""

import json
from functools import cache
from typing import Any

import pytest

from gateway.cases import cases
from tests.command import chartgate


def test_there_is_a_case_for_each_failure_mode_and_its_page_names_the_command() -> None:
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    found = cases()
    assert len({each.page for each in found}) == 4
    for each in found:
        assert f"chartgate case run {each.id}" in (root / each.page).read_text()


@cache
def run(name: str) -> tuple[int, dict[str, Any]]:
    ran = chartgate("case", "run", name, "--json")
    return ran.returncode, json.loads(ran.stdout)


@pytest.mark.parametrize("name", ["unwatched-model", "unknown-queue", "feed-shift", "eleven-clinics"])
def test_the_failure_is_seen(name: str) -> None:
    code, told = run(name)
    assert code == 0, told
    assert told["caught"]
    assert told["without"]
    assert told["with"]


def test_before_the_population_changed_nothing_was_raised_and_then_it_was_within_days() -> None:
    numbers = run("unwatched-model")[1]["numbers"]
    assert numbers["before"] == []
    assert min(numbers["days"].values()) < 3
    assert "M-PERF-02 observed_over_expected" in numbers["days"]
    assert numbers["precision"][1] < numbers["precision"][0]


def test_a_case_that_is_none_is_a_usage_error() -> None:
    assert chartgate("case", "run", "nothing").returncode == 2
