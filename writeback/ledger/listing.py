"""Edge: outputs and deliveries page by page, the newest first, and one delivery's whole story.

A page looks through a bounded window of rows, so that no filter makes a long read of it: it may hold fewer than were
asked for, or none, while there is a next one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, literal, select, tuple_

from vocabulary.instant import format_instant
from writeback.ledger.attempts import attempts_of
from writeback.ledger.outputs import shown
from writeback.ledger.recall_tables import recalls
from writeback.recall import Recall, read_recalls
from writeback.tables import DEAD, MOVING, deliveries, outputs

WINDOW = 5000
"""Rows looked through for one page."""
COUNTED = 1000
"""Deliveries counted of each kind, at most."""
DEAD_STATES = frozenset({"rejected", "dead"})
_SHORT = [column for column in deliveries.c if column.name not in ("needs", "principal", "owner", "lane")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """None is no restriction. ``since`` and ``until`` (Unix seconds) are about when it was accepted; ``patient`` is
    ``Patient/id`` and for outputs only, ``output`` and ``type`` for deliveries only."""

    ehrs: frozenset[str] | None = None
    models: frozenset[str] | None = None
    version: str | None = None
    states: frozenset[str] | None = None
    patient: str | None = None
    output: str | None = None
    type: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """``next`` is where the following page begins, None at the end: ``(accepted, id)``."""

    rows: list[dict[str, Any]]
    next: tuple[float, str] | None


def page_outputs(
    connection: Connection, now: float, *, wanted: Filter, limit: int, before: tuple[float, str] | None = None
) -> Page:  # fmt: skip
    """Outputs as ``show_output`` gives them."""
    order = [outputs.c.since.desc(), outputs.c.id.desc()]
    window = select(outputs).order_by(*order).limit(WINDOW)
    if before is not None:
        window = window.where(tuple_(outputs.c.since, outputs.c.id) < tuple_(literal(before[0]), literal(before[1])))
    window = _timed(window, outputs, wanted)
    rows, following = _take(connection, window, _matches(window.subquery(), wanted), limit)
    return Page(rows=shown(connection, rows), next=(following.since, following.id) if following else None)


def page_deliveries(
    connection: Connection, now: float, *, wanted: Filter, limit: int, before: tuple[float, str] | None = None
) -> Page:  # fmt: skip
    """Deliveries as ``show_delivery`` gives them. The place of a page is the row's number."""
    window = select(*_SHORT).order_by(deliveries.c.id.desc()).limit(WINDOW)
    if before is not None:
        window = window.where(deliveries.c.id < int(before[1]))
    if wanted.output is not None:
        window = window.where(deliveries.c.output == wanted.output)
    if wanted.states is not None and wanted.states <= DEAD_STATES:
        window = window.where(DEAD)
    window = _timed(window, deliveries, wanted)
    rows, following = _take(connection, window, _matches(window.subquery(), wanted), limit)
    place = (following.since, str(following.id)) if following else None
    return Page(rows=[show_delivery(row) for row in rows], next=place)


def page_recalls(
    connection: Connection, now: float, *, wanted: Filter, limit: int, before: tuple[float, str] | None = None
) -> tuple[list[Recall], tuple[float, str] | None]:  # fmt: skip
    """Recalls, and where the following page begins; they are few, so that all are looked through."""
    query = _timed(
        select(recalls).order_by(recalls.c.since.desc(), recalls.c.id.desc()).limit(limit + 1), recalls, wanted
    )
    if before is not None:
        query = query.where(tuple_(recalls.c.since, recalls.c.id) < tuple_(literal(before[0]), literal(before[1])))
    for column, value in (
        (recalls.c.model, wanted.models), (recalls.c.version, wanted.version), (recalls.c.state, wanted.states),
    ):  # fmt: skip
        query = query if value is None else query.where(_is(column, value))
    found = read_recalls(connection, query)
    return found[:limit], (found[limit - 1].since, found[limit - 1].id) if len(found) > limit else None


def _timed(window: Select[Any], table: Table, wanted: Filter) -> Select[Any]:
    if wanted.since is not None:
        window = window.where(table.c.since >= wanted.since)
    return window if wanted.until is None else window.where(table.c.since < wanted.until)


def _matches(window: Any, wanted: Filter) -> Select[Any]:
    """What is wanted of a window's rows."""
    model, version, type = window.c.model, window.c.version, getattr(window.c, "resource_type", None)
    conditions: list[tuple[Any, Any]] = [
        (window.c.ehr, wanted.ehrs), (model, wanted.models), (window.c.state, wanted.states),
        (version, wanted.version), (type, wanted.type), (getattr(window.c, "patient", None), wanted.patient),
    ]  # fmt: skip
    query = select(window)
    for column, value in conditions:
        if value is not None and column is not None:
            query = query.where(_is(column, value))
    return query


def _is(column: Any, value: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(sorted(value)) if isinstance(value, frozenset) else column == value
    return found


def _take(connection: Connection, window: Select[Any], query: Select[Any], limit: int) -> tuple[list[Row[Any]], Any]:
    """Up to ``limit`` rows, in the window's order, and the row after which the next page begins."""
    inner = query.get_final_froms()[0]
    order = [inner.c.since.desc(), inner.c.id.desc()] if "patient" in inner.c else [inner.c.id.desc()]
    rows = list(connection.execute(query.order_by(*order).limit(limit + 1)))
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1]
    return rows, connection.execute(window.offset(WINDOW - 1).limit(1)).one_or_none()


def show_delivery(row: Any) -> dict[str, Any]:
    """A delivery for people and programs; instants are FHIR's, ``id`` and ``version`` the EHR's."""
    return {
        "delivery": row.key, "output": row.output, "ehr": row.ehr, "model": row.model, "model_version": row.version,
        "resource_type": row.resource_type, "role": row.role, "state": row.state, "cause": row.cause,
        "status": row.status, "attempts": row.attempt, "strategy": row.strategy,
        "id": row.location.partition("/")[2] if row.location else None, "version": row.kept_version,
        "losses": json.loads(row.losses), "read_back": row.read_back,  # not FHIR: a list of paths
        "next_at": format_instant(row.next_at) if row.next_at else None,
        "valid_until": format_instant(row.valid_until) if row.valid_until else None,
        "since": format_instant(row.since), "changed": format_instant(row.changed),
    }  # fmt: skip


def find_delivery(connection: Connection, now: float, key: str) -> dict[str, Any] | None:
    """One delivery with ``history``: what became of each attempt, oldest first."""
    row = connection.execute(select(*_SHORT).where(deliveries.c.key == key)).one_or_none()
    if row is None:
        return None
    history = [{**each, "at": format_instant(each["at"])} for each in attempts_of(connection, now, key)]
    if row.state == "delivered" and row.status is not None:
        end = {"attempt": row.attempt, "event": "kept", "status": row.status, "cause": None, "issues": []}
        history.append({**end, "at": format_instant(row.changed)})
    return {**show_delivery(row), "history": history}


def count_deliveries(connection: Connection, now: float, *, ehrs: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many wait, are under way or in doubt, and how many are dead letters, by state; at most ``COUNTED`` of each kind are
    counted: a number of ``COUNTED`` means so many or more. Where ``ehrs`` are named only theirs count, among ``WINDOW`` of each
    kind."""
    counts: dict[str, int] = {}
    for condition in (MOVING, DEAD):
        some = (
            select(deliveries.c.state, deliveries.c.ehr).where(condition).limit(WINDOW if ehrs else COUNTED).subquery()
        )
        grouped = select(some.c.state, func.count()).where(*((some.c.ehr.in_(sorted(ehrs)),) if ehrs else ()))
        for state, number in connection.execute(grouped.group_by(some.c.state)):
            counts[state] = number
    return counts


def known(
    connection: Connection, now: float, *, ehrs: frozenset[str] = frozenset()
) -> Mapping[str, Sequence[str]]:  # fmt: skip
    """EHRs and models of the newest deliveries, for the pages' filters."""
    newest = select(deliveries.c.ehr, deliveries.c.model).order_by(deliveries.c.id.desc()).limit(WINDOW).subquery()
    found = connection.execute(select(newest.c.ehr, newest.c.model).distinct()).all()
    rows = [row for row in found if not ehrs or row.ehr in ehrs]
    return {"ehrs": sorted({row.ehr for row in rows}), "models": sorted({row.model for row in rows})}
