"""Edge: what a regulation profile asks, and how far a run and a file of attestations show it.

A profile is ``profiles/NAME.toml``: ``title``, ``status``, ``source``, ``tables``, and the paragraphs that it is ``without``. A
table has one row a criterion: ``id``, ``paragraph``, ``source``, ``text``, ``how`` (``check`` or ``attest``), ``checks``, and
``card``, the member of a model's ``[card]`` that says it. Attestations are TOML: ``[attest.ID]`` with ``says``, ``by`` and ``on``
(a date); the ``[card]`` of a model's manifest counts too.
"""

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from conformance.check import Outcome
from conformance.probe import CannotRun

HERE = Path(__file__).parent / "profiles"
COLUMNS = ("id", "paragraph", "source", "text", "how", "checks", "card")
State = Literal["shown", "attested", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One row of a table; ``how`` is check or attest."""

    id: str
    paragraph: str
    source: str
    text: str
    how: str
    checks: tuple[str, ...] = ()
    card: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A regulation at one state of the law."""

    name: str
    title: str
    status: str
    source: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How far a criterion is met, and in words why."""

    criterion: Criterion
    state: State
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """A profile and where each of its criteria stands."""

    profile: Profile
    standings: tuple[Standing, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


def names() -> list[str]:
    """The profiles that there are."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def load_profile(name: str) -> Profile:
    """The profile of that name. Raises CannotRun."""
    if name not in names():
        raise CannotRun(f"--profile knows {', '.join(names())}")
    said = tomllib.loads((HERE / f"{name}.toml").read_text())
    without = tuple(said.get("without", ()))
    criteria = tuple(
        row for table in said["tables"] for row in load_table(HERE / table) if not row.paragraph.startswith(without or ("-",))
    )  # fmt: skip
    return Profile(name=name, title=said["title"], status=said["status"], source=said["source"], criteria=criteria)


def load_table(path: Path) -> list[Criterion]:
    """The rows of a table. Raises ValueError for other columns."""
    lines = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise ValueError(f"{path.name}: the columns are {', '.join(COLUMNS)}")
    return [Criterion(**{**row, "checks": tuple(row["checks"].split())}) for row in lines]  # type: ignore[arg-type]


def load_attestations(path: Path | None) -> Mapping[str, Any]:
    """The file of attestations; empty without one. Raises CannotRun, naming what is wrong."""
    if path is None:
        return {}
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, ValueError) as failure:
        raise CannotRun("--attest must name a TOML file with [attest.ID] tables, or a [card]") from failure
    if not all(isinstance(said.get(name, {}), dict) for name in ("attest", "card")):
        raise CannotRun("--attest must name a TOML file with [attest.ID] tables, or a [card]")
    known = {row.id for file in HERE.glob("*.csv") for row in load_table(file)}
    for id, table in said.get("attest", {}).items():
        if id not in known:
            raise CannotRun("--attest: one of the ids is of no criterion: see docs/reference/conformance-profiles.md")
        if not isinstance(table, dict) or not all(table.get(name) for name in ("says", "by", "on")):
            raise CannotRun(f"--attest: {id} needs says, by and on")
    return said


def readiness(profile: Profile, outcomes: Iterable[Outcome], attestations: Mapping[str, Any]) -> Readiness:
    """Where each criterion stands: a check is shown only by checks that passed, never by an attestation."""
    results = {item.id: item for item in outcomes}
    standings = tuple(
        _checked(row, results) if row.how == "check" else _attested(row, attestations) for row in profile.criteria
    )
    counts = {word: sum(each.state == word for each in standings) for word in ("shown", "attested", "missing")}
    return Readiness(profile=profile, standings=standings, counts=counts)


def _checked(row: Criterion, results: Mapping[str, Outcome]) -> Standing:
    problems = [why for name in row.checks if (why := _problem(name, results))]
    if not row.checks:
        return Standing(criterion=row, state="missing", why="no check shows it")
    why = "; ".join(problems) or f"{len(row.checks)} checks passed"
    return Standing(criterion=row, state="missing" if problems else "shown", why=why)


def _problem(name: str, results: Mapping[str, Outcome]) -> str:
    item = results.get(name)
    if item is None:
        return f"{name} was not run"
    words = {"fail": "failed", "error": "could not be judged", "skip": f"was skipped ({item.why})", "pass": ""}
    return f"{name} {words[item.result]}" if words[item.result] else ""


def _attested(row: Criterion, attestations: Mapping[str, Any]) -> Standing:
    said = attestations.get("attest", {}).get(row.id)
    if said:
        return Standing(criterion=row, state="attested", why=f"{said['says']} ({said['by']}, {said['on']})")
    if row.card and attestations.get("card", {}).get(row.card):
        return Standing(criterion=row, state="attested", why=f"said by card.{row.card}")
    return Standing(
        criterion=row, state="missing", why="nobody attests it" + (f"; card.{row.card}" if row.card else "")
    )


def faults(tables: Iterable[Path], checks: Iterable[str]) -> Iterator[str]:
    """What does not hold in the tables, in words."""
    known = set(checks)
    for row in (row for table in tables for row in load_table(table)):
        if row.how not in ("check", "attest") or (row.how == "check") != bool(row.checks):
            yield f"{row.id}: is shown by checks, which it names, or attested"
        for name in set(row.checks) - known:
            yield f"{row.id}: names {name}, which is no check"
