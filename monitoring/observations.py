"""Edge: the journal of what the monitors are told, as it is written by any number of processes and read in order.

Order is (time, id). So that nothing comes in behind what was read already, a time is taken after a shared lock (PostgreSQL; on
SQLite there is one writer) and is never before the horizon; who reads moves the horizon under the exclusive lock, and reads up
to it. Wherever a process dies, the journal and what was folded of it are of one piece.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Insert,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
)

from monitoring.entries import COUNTS, Entry, Labelled, Observed, SentenceRead, Telling, TextChecked, Ticked
from monitoring.tables import entries, evaluator

LOCK = 0x6D6F6E69
"""The advisory lock of the journal in PostgreSQL."""
PAGE = 200
AGAIN = 90 * 86400.0
"""Seconds for which an encounter is known again: one that is scored after more than that counts once more. So what is older can
go, and nothing that is folded later changes by it."""

_HORIZON = func.coalesce(select(evaluator.c.horizon).where(evaluator.c.id == 1).scalar_subquery(), 0.0)
_APPEND: Mapping[str, Insert] = {
    "sqlite": insert(entries).values(at=func.max(bindparam("now"), _HORIZON)),
    "postgresql": insert(entries).values(at=func.greatest(bindparam("now"), _HORIZON)),
}
"""By dialect: no entry is before the horizon, though the clock be set back."""
_SHARED = text("SELECT extract(epoch FROM clock_timestamp())::float8 FROM pg_advisory_xact_lock_shared(:key)")


def append(connection: Connection, now: float, told: Sequence[Telling]) -> None:
    """Appends in the caller's transaction; do it last there, for on PostgreSQL readers wait for its end."""
    if not told:
        return
    dialect = connection.dialect.name
    if dialect == "postgresql":
        now = float(connection.scalar(_SHARED, {"key": LOCK}))
    connection.execute(_APPEND[dialect], [_row(now, each) for each in told])


def _row(now: float, told: Telling) -> dict[str, Any]:
    if isinstance(told, Observed):
        return {
            "now": now, "what": "output", "model": told.model, "version": told.version, "ehr": told.ehr, "output": told.output,
            "inference": told.inference or None, "encounter": told.encounter, "value": told.value, "score": told.score,
            "words": told.strata[:255], "refusal": told.refusal[:64], "body": told.features,
        }  # fmt: skip
    row = {
        "now": now, "what": "tick", "model": "", "version": "", "ehr": "", "output": "", "inference": None, "encounter": None,
        "value": None, "score": None, "words": "", "refusal": "", "body": None,
    }  # fmt: skip
    if isinstance(told, Ticked):
        return row
    row |= {"model": told.model, "version": told.version, "ehr": told.ehr, "output": told.output}
    if isinstance(told, Labelled):
        return {**row, "what": "label", "value": float(told.event)}
    if isinstance(told, SentenceRead):
        return {**row, "what": "read", "words": told.verdict}
    return {**row, "what": "text", "body": struct.pack(_COUNTS, *(getattr(told, name) for name in COUNTS))}


_COUNTS = f"<{len(COUNTS)}I"

_EARLIER = entries.alias("earlier")
_OUTPUT = entries.alias("theirs")
_FIRST = ~exists().where(
    _EARLIER.c.encounter == entries.c.encounter,
    _EARLIER.c.at >= entries.c.at - AGAIN,
    tuple_(_EARLIER.c.at, _EARLIER.c.id) < tuple_(entries.c.at, entries.c.id),
)
_FIRST_SCORED = ~exists().where(
    _EARLIER.c.encounter == _OUTPUT.c.encounter,
    _EARLIER.c.score.is_not(None),
    _EARLIER.c.at >= _OUTPUT.c.at - AGAIN,
    tuple_(_EARLIER.c.at, _EARLIER.c.id) < tuple_(_OUTPUT.c.at, _OUTPUT.c.id),
)


def _bound(name: str) -> BindParameter[Any]:
    return bindparam(name)


_BETWEEN = and_(
    entries.c.at < _bound("before"),
    or_(entries.c.at > _bound("at"), and_(entries.c.at == _bound("at"), entries.c.id > _bound("id"))),
)
_PAGE = (
    select(
        *(column for column in entries.c if column.name not in ("inference", "encounter")), _FIRST.label("first"),
        _FIRST_SCORED.label("scored"), _OUTPUT.c.score.label("given"),
        _OUTPUT.c.words.label("whose"),
    )
    .select_from(
        entries.outerjoin(
            _OUTPUT, and_(entries.c.what == "label", _OUTPUT.c.output == entries.c.output, _OUTPUT.c.what == "output")
        )
    )
    .where(_BETWEEN)
    .order_by(entries.c.at, entries.c.id)
    .limit(_bound("most"))
)  # fmt: skip


def find_entries(
    connection: Connection, now: float, *, after: tuple[float, int], before: float, most: int = PAGE
) -> list[Entry]:
    """The next entries in order, after the place ``after`` and before the time ``before``. An output is ``first`` when none of
    its encounter came earlier (within ``AGAIN``); a label when its output was the first of its encounter that had a score,
    which it brings along."""
    asked = {"at": after[0], "id": after[1], "before": before, "most": most}
    return [_entry(row) for row in connection.execute(_PAGE, asked)]


def _entry(row: Any) -> Entry:
    if row.what == "tick":
        return Entry(id=row.id, at=row.at, told=Ticked())
    if row.what == "output":
        told = Observed(
            output=row.output, model=row.model, version=row.version, ehr=row.ehr, encounter="",
            features=row.body or b"", value=row.value, score=row.score, refusal=row.refusal, strata=row.words,
        )  # fmt: skip
        return Entry(id=row.id, at=row.at, told=told, first=bool(row.first))
    about = {"output": row.output, "model": row.model, "version": row.version, "ehr": row.ehr}
    if row.what == "label":
        label = Labelled(**about, event=bool(row.value))
        return Entry(
            id=row.id, at=row.at, told=label, first=bool(row.scored) and row.given is not None, score=row.given,
            strata=row.whose or "",
        )  # fmt: skip
    if row.what == "read":
        return Entry(id=row.id, at=row.at, told=SentenceRead(**about, verdict=row.words))
    counts = dict(zip(COUNTS, struct.unpack(f"<{len(row.body) // 4}I", row.body), strict=False))
    return Entry(id=row.id, at=row.at, told=TextChecked(**about, **counts))
