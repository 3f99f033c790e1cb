"""Generated mutants of the tables and decisions of ``auth`` and ``sandbox``: few in ``make test``, the sample in the campaign."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.generated.__main__ import NUMBER, SEED, Tried, called, known_reasons, plain, read, sample, score
from tests.mutants.generated.sites import ROOT, mutated, sites

FLOOR = 0.95
"""What is killed at least (docs/reference/mutation-score.md)."""
LINES = ROOT / "benchmarks" / "results" / "generated_mutants.json"


def tried(tmp_path: Path, *options: str, parts: int) -> list[Tried]:
    """In processes of their own: these forks must not have the product yet."""
    command = [sys.executable, "-m", "tests.mutants.generated", *options]
    files = {f"{n}/{parts}": tmp_path / f"{n}.json" for n in range(1, parts + 1)}
    running = [
        subprocess.Popen([*command, "--part", part, "--json", str(file)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for part, file in files.items()
    ]
    assert {each.wait() for each in running} == {0}
    return [each for file in files.values() for each in read(file)]


def test_a_few_generated_mutants_are_killed(tmp_path: Path) -> None:
    found = tried(tmp_path, "--number", "3", "--seed", "1", parts=1)
    assert len(found) == 3
    assert [each.name for each in found if not (each.by or each.test)] == []


@pytest.mark.campaign
def test_a_sample_of_generated_mutants_is_killed_as_far_as_ever(tmp_path: Path) -> None:
    found = tried(tmp_path, parts=2)
    part, says = score(found)
    survivors = [
        {"name": e.name, "why": known_reasons().get(plain(e.name), "no test asks")}
        for e in found
        if not (e.by or e.test)
    ]
    LINES.write_text(json.dumps({"seed": SEED, "says": says, "survivors": survivors}, indent=1))
    assert len([each for each in found if not each.stillborn]) >= 300
    assert part >= FLOOR, says


def test_the_sample_is_the_same_each_time_and_each_of_its_mutants_differs_from_the_product() -> None:
    assert sample(NUMBER, SEED) == sample(NUMBER, SEED) != sample(NUMBER, SEED + 1)
    assert len(sample(NUMBER, SEED)) == NUMBER
    for site in sample(10, SEED):
        assert ast.dump(mutated(site)) != ast.dump(ast.parse((ROOT / site.file).read_text())), site.name


def test_a_mutant_is_found_by_its_name_without_its_line() -> None:
    assert {(site.file, site.within) for site in called(["sandbox/history.py _since: "])} == {
        ("sandbox/history.py", "_since")
    }
    assert called(["no such mutant"]) == []


def test_a_reason_is_of_a_mutant_that_there_is() -> None:
    there = {plain(site.name) for site in sites()}
    assert known_reasons().keys() <= there
    assert all(len(reason) > 20 for reason in known_reasons().values())


def test_a_survivor_lowers_the_score() -> None:
    rows = [Tried(name=str(n), by=by, test=test, suites=(), seconds=0) for n, (by, test) in
            enumerate([("smart: x", ""), ("", "tests/y.py"), ("", ""), ("does not start: E", "")])]  # fmt: skip
    part, says = score(rows)
    assert round(part, 3) == 0.667
    assert "2 of 3 killed (66.7%), 1 by a conformance check (33.3%); 1 did not start" in says
