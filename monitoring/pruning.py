"""Edge: entries of the journal that are folded and kept long enough go; no state that is folded from the rest is another.

An entry of the past is looked at again for three things only: whether an output is the first of its encounter (within
``AGAIN``), which score a label is about, and whether that was the first score. So an output stays while its encounter may be
scored again, and, with every other output of its encounter, while a label of one of them may still be told. Ticks, texts, labels
and what people said go as soon as they are folded and old enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, or_, select, tuple_

from monitoring.observations import AGAIN
from monitoring.tables import entries, evaluator, labels

Oldest = Callable[[str, str, str, float], float]
"""Model, version, EHR and the time now → the time (Unix seconds) before which an entry may go. For labels, of outputs."""
Place = tuple[float, int]
MOST = 500
"""Entries that are looked at in one transaction."""


def forever(model: str, version: str, ehr: str, now: float) -> float:
    """Nothing is ever old."""
    return 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """``kept`` says how long entries are kept, ``labelled`` how long a label of an output may still come; from ``newest`` (of the
    time now) on nothing is old, whoever's it is."""

    kept: Oldest
    labelled: Oldest
    newest: Callable[[float], float]


def prune(connection: Connection, now: float, *, limits: Limits, after: Place) -> tuple[int, Place | None]:
    """One page of the journal in its order, after the place ``after``: how many entries went, and where to go on (None at the
    end). Wherever it stops, and however often it is done, what is folded later stays the same."""
    state = connection.execute(select(evaluator.c.at, evaluator.c.entry, evaluator.c.horizon)).first()
    if state is None:
        return 0, None
    cursor, clock = (state.at, state.entry), min(now, state.horizon)  # a clock that is ahead makes nothing old
    place = tuple_(entries.c.at, entries.c.id)
    folded = and_(place > tuple_(*after), place <= tuple_(*cursor))
    rows = connection.execute(select(*_COLUMNS).where(folded).order_by(entries.c.at, entries.c.id).limit(MOST)).all()
    old = [row for row in rows if row.at < limits.kept(row.model, row.version, row.ehr, clock)]
    gone = [row.id for row in old if row.what != "output"]
    gone += _outputs(connection, [row for row in old if row.what == "output"], limits, cursor, clock)
    if gone:
        connection.execute(delete(entries).where(entries.c.id.in_(gone)))
    done = len(rows) < MOST or rows[-1].at >= limits.newest(clock)
    return len(gone), None if done else (rows[-1].at, rows[-1].id)


_COLUMNS = (
    entries.c.id, entries.c.at, entries.c.what, entries.c.model, entries.c.version, entries.c.ehr, entries.c.output,
    entries.c.encounter,
)  # fmt: skip


def _outputs(connection: Connection, rows: Sequence[Any], limits: Limits, cursor: Place, clock: float) -> list[int]:
    """Those of the outputs whose encounters nobody needs any more."""
    encounters = sorted({row.encounter for row in rows})
    needed: set[str] = set()
    for row in connection.execute(_siblings(encounters, cursor)) if encounters else ():
        settled = bool(row.told) or row.at < limits.labelled(row.model, row.version, row.ehr, clock)
        if not settled or row.telling or row.at >= min(clock, cursor[0]) - AGAIN:
            needed.add(row.encounter)
    return [row.id for row in rows if row.encounter not in needed]


def _siblings(encounters: list[str], cursor: Place) -> Select[Any]:
    """Every output of these encounters: whether its label was told, and whether that is still to be folded."""
    label = entries.alias("label")
    later = or_(label.c.at > cursor[0], and_(label.c.at == cursor[0], label.c.id > cursor[1]))
    telling = exists().where(label.c.output == entries.c.output, label.c.what == "label", later)
    return (
        select(*_COLUMNS, labels.c.told, telling.label("telling"))
        .outerjoin(labels, labels.c.output == entries.c.output)
        .where(entries.c.encounter.in_(encounters))
    )
