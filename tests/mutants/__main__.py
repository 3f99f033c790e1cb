"""``make mutants``: which check kills which mutant. Exit 1 when one survives, or when the unmutated server fails a check.

``python -m tests.mutants [NAME…] [--json FILE]``: without names all; a mutant that is ``slow`` waits for what it is about.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from conformance.run import Report
from conformance.suites import SUITES
from gateway.sandbox_ehrs.ehr import SandboxEhr
from tests.mutants import tables
from tests.mutants.world import judged, open_ehr

console = Console(width=160)


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant. ``missed`` are the checks that should have failed and did not."""

    name: str
    killed_by: list[str]
    missed: list[str]
    seconds: float

    @property
    def survived(self) -> bool:
        return not self.killed_by or bool(self.missed)


def failing(report: Report) -> list[str]:
    return [item.id for item in report.checks if item.result in ("fail", "error")]


def judge(ehr: SandboxEhr, name: str) -> Verdict:
    """One mutant, at its suites."""
    mutant, began = tables()[name](), time.perf_counter()
    killed = failing(judged(ehr, mutant))
    missed = sorted(mutant.caught_by - set(killed))
    return Verdict(name=name, killed_by=killed, missed=missed, seconds=round(time.perf_counter() - began, 2))


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", type=Path)
    said = parser.parse_args(arguments)
    logging.disable()  # what the product says of its faults is not what is looked for
    with open_ehr() as ehr:
        clean = failing(judged(ehr))
        verdicts = []
        for name in console_progress(said.names or list(tables())):
            verdicts.append(judge(ehr, name))
    show(verdicts, clean)
    if said.json:
        said.json.write_text(json.dumps([asdict(each) for each in verdicts], indent=1))
    return 1 if clean or any(each.survived for each in verdicts) else 0


def console_progress(names: list[str]) -> Sequence[str]:
    from rich.progress import track

    return track(names, console=Console(stderr=True), transient=True)  # type: ignore[return-value]


def show(verdicts: Sequence[Verdict], clean: Sequence[str]) -> None:
    """The matrix as a table, and what no mutant kills."""
    table = Table("mutant", "killed by", "seconds", title="Mutants")
    for each in verdicts:
        killers = ", ".join(each.killed_by) or "[red]survived[/]"
        table.add_row(
            each.name, killers + "".join(f"\n[red]not by {name}[/]" for name in each.missed), f"{each.seconds}"
        )
    console.print(table)
    killers = {name for each in verdicts for name in each.killed_by}
    checks = {item.id for suite in SUITES.values() for item in suite.checks}
    console.print(f"{len(checks & killers)} of {len(checks)} checks killed a mutant")
    for id in clean:
        console.print(f"[red]the unmutated server fails {id}[/]")
    survivors = [each.name for each in verdicts if each.survived]
    console.print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} mutants were killed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
