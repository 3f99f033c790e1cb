"""Edge: sentences that people are asked to judge, and what their judgements say of a checker. No text is kept here: an
output's id and a span of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from monitoring.grounding.merging import FLAGGED, Sample
from monitoring.tables import metadata

samples = Table(
    "monitoring_samples",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("output", String(64), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("rules", String(16), nullable=False),
    Column("checker", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("weight", Integer, nullable=False),
    Column("since", Double, nullable=False),
    Column("judged", String(16), nullable=False),
    Column("judged_by", String(128), nullable=False),
    Column("judged_at", Double),
)
"""``judged`` is empty until a person has said ``supported``, ``contradicted``, ``unsupported`` or ``uncheckable``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A sentence that nobody has judged yet."""

    id: str
    output: str
    span: tuple[int, int]
    rules: str
    checker: str
    verdict: str
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Worth:
    """What a checker's version is worth, from ``judged`` sentences: None where no sentence of that truth was judged."""

    judged: int
    sensitivity: float | None
    specificity: float | None


def save_samples(
    connection: Connection, now: float, *, output: str, found: Sequence[Sample], new_id: Callable[[], str]
) -> None:
    """Queues sentences of an output."""
    if found:
        connection.execute(
            insert(samples),
            [
                {
                    "id": new_id(), "output": output, "start": each.span[0], "stop": each.span[1], "rules": each.rules,
                    "checker": each.checker, "version": each.version, "verdict": each.verdict, "weight": each.weight,
                    "since": now, "judged": "", "judged_by": "",
                }
                for each in found
            ],
        )  # fmt: skip


Within = Sequence[str] | Select[tuple[str]] | None
"""Ids of outputs, or the query that gives them; None is every output."""


def find_waiting(
    connection: Connection, now: float, *, most: int = 50, outputs: Within = None
) -> list[Waiting]:  # fmt: skip
    """The oldest that wait, disagreements first; of these ``outputs`` alone, where they are named."""
    query = select(samples).where(samples.c.judged == "").order_by(samples.c.weight, samples.c.since, samples.c.id)
    query = query.where(*_within(outputs))
    return [_waiting(row) for row in connection.execute(query.limit(most))]


def _within(outputs: Within) -> tuple[ColumnElement[bool], ...]:
    return () if outputs is None else (samples.c.output.in_(outputs),)


def count_waiting(connection: Connection, now: float, *, outputs: Within = None) -> int:
    """How many nobody has judged yet."""
    waits = (samples.c.judged == "", *_within(outputs))
    return int(connection.scalar(select(func.count()).select_from(samples).where(*waits)) or 0)


def find_sample(connection: Connection, now: float, id: str) -> Waiting | None:
    """One sentence, judged or not."""
    row = connection.execute(select(samples).where(samples.c.id == id)).first()
    return None if row is None else _waiting(row)


def find_checkers(connection: Connection, now: float, *, outputs: Within = None) -> list[tuple[str, str]]:
    """Checkers and their versions of which people have judged anything."""
    named = select(samples.c.checker, samples.c.version).where(samples.c.judged != "", *_within(outputs)).distinct()
    return sorted((row.checker, row.version) for row in connection.execute(named))


def _waiting(row: Any) -> Waiting:
    return Waiting(
        id=row.id, output=row.output, span=(row.start, row.stop), rules=row.rules, checker=row.checker, verdict=row.verdict,
        since=row.since,
    )  # fmt: skip


def save_judgement(connection: Connection, now: float, *, id: str, verdict: str, by: str) -> bool:
    """What a person says of a sentence, once; False where it is not waiting."""
    waits = (samples.c.id == id) & (samples.c.judged == "")
    changed = connection.execute(update(samples).where(waits).values(judged=verdict, judged_by=by, judged_at=now))
    return bool(changed.rowcount)


def find_worth(
    connection: Connection, now: float, *, checker: str, version: str, outputs: Within = None
) -> Worth:  # fmt: skip
    """Sensitivity and specificity of a checker's flags against people's, each sentence weighted by how many it stands for:
    disagreements are all looked at, agreements one in fifty."""
    rows = connection.execute(
        select(samples.c.verdict, samples.c.judged, samples.c.weight).where(
            (samples.c.checker == checker)
            & (samples.c.version == version)
            & samples.c.judged.notin_(("", "uncheckable")),
            *_within(outputs),
        )
    ).all()
    weights = {(truth, said): 0 for truth in (True, False) for said in (True, False)}
    for row in rows:
        weights[row.judged in FLAGGED, row.verdict in FLAGGED] += row.weight
    bad, good = (weights[truth, True] + weights[truth, False] for truth in (True, False))
    return Worth(
        judged=len(rows), sensitivity=weights[True, True] / bad if bad else None,
        specificity=weights[False, False] / good if good else None,
    )  # fmt: skip
