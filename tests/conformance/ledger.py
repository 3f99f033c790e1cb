"""The column ``checks`` of the requirement ledgers, as the checks' own decorators have it: ``python -m
tests.conformance.ledger`` writes it anew. A row that has checks has no reason."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from conformance.suites import SUITES

FOLDER = Path(__file__).parents[2] / "conformance" / "requirements"
COLUMNS = ("id", "source", "level", "actor", "text", "checks", "reason")


def shown() -> Mapping[str, list[str]]:
    """The checks that name each requirement."""
    found: dict[str, list[str]] = defaultdict(list)
    for suite in SUITES.values():
        for item in suite.checks:
            for requirement in item.requirements:
                found[requirement].append(item.id)
    return found


def filled(text: str, checks: Mapping[str, list[str]]) -> str:
    """A ledger with its column ``checks`` as it must be."""
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in csv.DictReader(text.splitlines()):
        named = " ".join(checks.get(row["id"], ()))
        writer.writerow({**row, "checks": named, "reason": "" if named else row["reason"]})
    return made.getvalue()


if __name__ == "__main__":
    for path in FOLDER.glob("*.csv"):
        path.write_text(filled(path.read_text(), shown()))
