"""``python -m tests.mutants.generated [--number N] [--seed S] [--json FILE] [--list] [--name TEXT]``: a sample of the
generated mutants, or those of all whose name has the text.

Each is judged by the conformance suites that come by the changed function (for a table: by all), and if it survives them, by
the project's own tests that name its module, function or table. Survivors are listed; ``reasons.csv`` says why. A run that
was cut short goes on where it was, with the same ``--json FILE``.
"""

import argparse
import csv
import json
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tests.mutants.generated import trial
from tests.mutants.generated.sites import ROOT, Site, sites

SEED, NUMBER = 20261126, 330
FOLDERS = ("unit", "property", "oracles", "flow", "contract")
AREAS = {
    "auth/access": ("unit/auth/access/test_*.py", "unit/auth/test_tables.py", "flow/test_smart_scopes.py", "contract/test_face_*.py"),
    "auth": ("unit/auth/test_*.py", "unit/auth/server/test_*.py", "flow/test_smart_*.py", "flow/test_sign_in*.py"),
    "sandbox": (
        *(f"unit/sandbox/test_{name}.py" for name in ("tables", "batches", "exports", "indexing", "statement", "history", "search*")),
        "unit/sandbox/test_store.py", "unit/sandbox/test_paging.py", "contract/test_face_*.py", "contract/test_capabilities.py",
        "flow/test_bulk*.py",
    ),
}  # fmt: skip
"""Tests of a whole area, the fast ones first: they come after those that name the module."""
PATIENCE = 400.0
"""Seconds for the project's own tests of one mutant; what is not noticed by then is a survivor."""
REASONS = Path(__file__).with_name("reasons.csv")


@dataclass(frozen=True)
class Tried:
    """``by`` is the check that killed it, ``test`` the test of the project that did where no check had; both empty for a
    survivor."""

    name: str
    by: str
    test: str
    suites: tuple[str, ...]
    seconds: float

    @property
    def stillborn(self) -> bool:
        return self.by.startswith(trial.STILLBORN)


def sample(number: int, seed: int) -> list[Site]:
    """The sites of a run, in no order: as many of the first as were tried are a sample too."""
    every = sites()
    return random.Random(seed).sample(every, min(number, len(every)))


def called(names: Sequence[str]) -> list[Site]:
    """The sites whose plain name has one of these in it."""
    return [site for site in sites() if any(name in plain(site.name) for name in names)]


def suites_for(site: Site, reach: trial.Reach, order: Sequence[str]) -> tuple[str, ...]:
    """Those that come by the changed function; for a table all."""
    own = order if site.within.isupper() else reach.get(f"{site.file}:{site.within}", ())
    return tuple(name for name in order if name in own)


def tests_for(site: Site) -> list[str]:
    """Files of the project's own tests that import the module or have its name, those that name the function first, and
    those of its area."""
    package, _, module = site.file.removesuffix(".py").rpartition("/")
    dotted = package.replace("/", ".")
    imported = re.compile(
        rf"(from {dotted}\.{module} import|from {dotted} import [^\n]*\b{module}\b|import {dotted}\.{module}\b)"
    )
    word = re.compile(rf"\b{module}\.{re.escape(site.within.rpartition('.')[2])}\b")
    texts = {file: file.read_text() for folder in FOLDERS for file in (ROOT / "tests" / folder).rglob("test_*.py")}
    found = [file for file, text in texts.items() if imported.search(text) or module in file.stem]
    found.sort(key=lambda file: (word.search(texts[file]) is None, "unit" not in file.parts, str(file)))
    area = next(patterns for folder, patterns in AREAS.items() if site.file.startswith(f"{folder}/"))
    others = sorted(file for pattern in area for file in (ROOT / "tests").glob(pattern))
    return list(dict.fromkeys(str(file) for file in (*found, *others)))


def try_all(chosen: Sequence[Site], order: Sequence[str], *, tests: bool) -> Iterator[Tried]:
    """Each in its own process."""
    trial.prepare()
    reach = trial.in_a_fork(partial(trial.reach, order), seconds=900)
    for site in chosen:
        suites, began = suites_for(site, reach, order), time.perf_counter()
        by = trial.in_a_fork(partial(trial.judged_by, site, suites)) if suites else ""
        by = "hangs" if by is None else by
        files = tests_for(site) if tests and not by else []
        test = trial.in_a_fork(partial(trial.tested_by, site, files), seconds=PATIENCE) if files else ""
        yield Tried(
            name=site.name, by=by, test=test or "", suites=suites, seconds=round(time.perf_counter() - began, 2)
        )


def order() -> list[str]:
    """The suites that judge a FHIR server."""
    from conformance.suites import SUITES

    return [name for name, suite in SUITES.items() if not suite.plays]


def known_reasons() -> dict[str, str]:
    """Why a survivor lives, by its name without the line."""
    return {row["mutant"]: row["reason"] for row in csv.DictReader(REASONS.read_text().splitlines())}


def plain(name: str) -> str:
    """The name of a mutant without its line, which changes with every edit above it."""
    place, _, rest = name.partition(" ")
    return f"{place.partition(':')[0]} {rest}"


def main(arguments: Sequence[str]) -> int:
    """Prints each mutant and the score; 0 whatever it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.generated")
    parser.add_argument("--number", type=int, default=NUMBER)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--name", action="append", help="of all mutants those whose name (without line) has this")
    parser.add_argument("--part", default="1/1", help="I/N: every N-th mutant, for several processes side by side")
    parser.add_argument("--conformance-only", action="store_true")
    said = parser.parse_args(arguments)
    part, parts = map(int, said.part.split("/"))
    drawn = called(said.name) if said.name else sample(said.number, said.seed)
    chosen = drawn[part - 1 :: parts]
    if said.list:
        print("\n".join(site.name for site in chosen))
        return 0
    tried = read(said.json)
    chosen = [site for site in chosen if site.name not in {each.name for each in tried}]
    for each in try_all(chosen, order(), tests=not said.conformance_only):
        print(f"{each.seconds:6.1f}  {each.name}  →  {each.by or each.test or 'SURVIVED'}", flush=True)
        tried.append(each)
        if said.json:
            said.json.write_text(json.dumps([asdict(each) for each in tried], indent=1))
    print(score(tried)[1])
    return 0


def read(file: Path | None) -> list[Tried]:
    """What an earlier run, perhaps cut short, has written there."""
    rows = json.loads(file.read_text()) if file and file.exists() else []
    return [Tried(**{**row, "suites": tuple(row["suites"])}) for row in rows]


def score(tried: Sequence[Tried]) -> tuple[float, str]:
    """Killed of those that start, and the same in words."""
    alive = [each for each in tried if not each.stillborn]
    checks, all = sum(bool(each.by) for each in alive), sum(bool(each.by or each.test) for each in alive)
    number = max(len(alive), 1)
    return all / number, (
        f"{all} of {len(alive)} killed ({all / number:.1%}), {checks} by a conformance check ({checks / number:.1%}); "
        f"{len(tried) - len(alive)} did not start"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
