"""Edge: the requirements: what the specifications ask, in our own words, and which checks show it.

One row a requirement in ``requirements/*.csv``: ``id``, ``source`` (an address), ``level``, ``actor``, ``text``, ``checks``
(names, by spaces), ``reason`` (why there is none). The same id may stand in two files: levels and sources agree, checks are
joined.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.check import Check

HERE = Path(__file__).parent / "requirements"
COLUMNS = ("id", "source", "level", "actor", "text", "checks", "reason")
LEVELS = ("SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY")
ACTORS = ("server", "client")
SHORTEST_REASON = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """A normative sentence in our own words."""

    id: str
    source: str
    level: str
    actor: str
    text: str
    checks: tuple[str, ...] = ()
    reason: str = ""

    @property
    def binding(self) -> bool:
        """Whether it is a SHALL or a SHALL NOT."""
        return self.level.startswith("SHALL")

    @property
    def address(self) -> str:
        """The source as an address that a browser opens; empty where it is none."""
        if "://" in self.source:
            return self.source
        return f"https://{self.source}" if "." in self.source.split("/")[0] and " " not in self.source else ""


def load_requirements(directory: Path = HERE) -> Mapping[str, Requirement]:
    """All requirements by id, in the order of files and rows. Raises ValueError for a file that has other columns."""
    found: dict[str, Requirement] = {}
    for row in load_rows(directory):
        known = found.get(row.id)
        joined = tuple(dict.fromkeys((*known.checks, *row.checks))) if known else row.checks
        found[row.id] = replace(known or row, checks=joined, reason="" if joined else row.reason)
    return found


def load_rows(directory: Path = HERE) -> list[Requirement]:
    """Every row as it stands. Raises ValueError."""
    return [row for file in sorted(directory.glob("*.csv")) for row in rows_of(file)]


def rows_of(file: Path) -> Iterator[Requirement]:
    """The rows of one file. Raises ValueError."""
    lines = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise ValueError(f"{file.name}: the columns are {', '.join(COLUMNS)}")
    for line in lines:
        if None in line or None in line.values():
            raise ValueError(f"{file.name}: the row {line['id']} has not {len(COLUMNS)} columns")
        words = {name: value.strip() for name, value in line.items()}
        yield Requirement(**{**words, "checks": tuple(words["checks"].split())})  # type: ignore[arg-type]


def faults(rows: Iterable[Requirement], checks: Iterable[Check]) -> list[str]:
    """What does not hold between requirements and checks, in words; empty when all does."""
    rows, checks = list(rows), list(checks)
    named = {(id, item.id) for item in checks for id in item.requirements}
    listed = {(row.id, name) for row in rows for name in row.checks}
    there = {item.id for item in checks}
    return [
        *(f"{row.id}: {fault}" for row in rows for fault in _faults(row)),
        *(f"{id}: the sources or levels of its rows differ" for id in _disagreeing(rows)),
        *(f"{id}: lists {name}, which is no check" for id, name in sorted(listed) if name not in there),
        *(f"{id}: lists {name}, which does not name it" for id, name in sorted(listed - named) if name in there),
        *(f"{id}: {name} names it, and no row lists that" for id, name in sorted(named - listed)),
    ]


def _faults(row: Requirement) -> Iterator[str]:
    if not row.source or not row.text:
        yield "has no source or no text"
    if row.level not in LEVELS or row.actor not in ACTORS:
        yield f"its level or actor is none of {', '.join((*LEVELS, *ACTORS))}"
    if bool(row.checks) == bool(row.reason):
        yield "has neither check nor reason" if not row.checks else "has both a check and a reason against one"
    if row.reason and len(row.reason) < SHORTEST_REASON:
        yield "the reason says nothing"


def _disagreeing(rows: Iterable[Requirement]) -> list[str]:
    said: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        said.setdefault(row.id, set()).add((row.source, row.level))
    return sorted(id for id, pairs in said.items() if len(pairs) > 1)
