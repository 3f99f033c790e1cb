"""Edge: the rows of one page, and where the next goes on (R4 §3.1.1.4.2).

Pages are stable under writes: a search sees the resources that were there when its first page was made, each at the place
that it had then, shown as they are now. What is new stays out, what was deleted drops out, and what was changed neither
moves nor comes twice, whatever the search is sorted by.
"""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sandbox import cursors
from sandbox.cursors import Place
from sandbox.driver import execute
from sandbox.planning import FEW, Key, Plan, Stage, plan
from sandbox.search import Search


class Slot(NamedTuple):
    """The place of a resource: ``number`` and ``keys`` are those it is sorted by, ``current`` the number that it has now."""

    number: int
    keys: tuple[Any, ...]
    current: int


class Found(NamedTuple):
    """A resource on a page, as it is now."""

    number: int
    type: str
    id: str
    version: int
    updated: float
    body: bytes


class Page(NamedTuple):
    """``next`` is the cursor of the next page, None at the end; ``total`` how many there are in all, where that is told."""

    rows: list[Found]
    next: str | None
    total: int | None


def page(connection: Connection, wanted: Search, *, few: int = FEW) -> Page:
    """One page of a search. Raises SearchError for a cursor that is none of it."""
    planned = plan(connection, wanted, few=few)
    place = cursors.read(wanted.after, keys=len(planned.keys)) if wanted.after is not None else None
    if wanted.only_count:
        return Page([], None, _total(connection, planned))
    begun = place.begun if place else last_change(connection)
    rows: list[Slot] = []
    for row in _walk(connection, planned, begun, place):
        if not rows or row.number != rows[-1].number:
            rows.append(row)
        if len(rows) > wanted.count:
            break
    if place is not None and (former := _moved(connection, wanted, planned, place)):
        rows = sorted([*rows, *former], key=cmp_to_key(_order(planned.keys)))
    more = len(rows) > wanted.count
    rows = rows[: wanted.count]
    found = _found(connection, rows)
    total = place.total if place else _told(connection, wanted, planned, None if more else len(rows))
    if not more:
        return Page(found, None, total)
    keys = tuple(_spoken(key, value) for key, value in zip(planned.keys, rows[-1].keys, strict=True))
    return Page(found, cursors.write(Place(begun, total, keys, rows[-1].number)), total)


def _spoken(key: Key, value: Any) -> Any:
    return None if value == key.blank else value


def last_change(connection: Connection) -> int:
    """The number of the last change."""
    return int(execute(connection, "SELECT max(number) FROM fhir_resources").fetchone()[0] or 0)


def _told(connection: Connection, wanted: Search, planned: Plan, whole: int | None) -> int | None:
    """The total: asked for, or free because the page is all of it or there are few candidates."""
    if wanted.total == "none":
        return None
    if whole is not None:
        return whole
    return _total(connection, planned) if planned.few or wanted.total == "accurate" else None


def _total(connection: Connection, planned: Plan) -> int:
    count = 0
    for stage in planned.stages:
        distinct = "DISTINCT r.number" if stage.source.startswith("fhir_terms") else "*"
        sql = f"SELECT count({distinct}) FROM {stage.source} WHERE {stage.where}"
        count += int(execute(connection, sql, stage.values).fetchone()[0])
    return count


def _walk(connection: Connection, planned: Plan, begun: int, place: Place | None) -> Iterator[Slot]:
    """What is there and was there when the search began, in order, after the place."""
    ended = place is not None and place.keys[0] is None  # only what has no key is left, which the last stage finds
    for stage in planned.stages[-1:] if ended else planned.stages:
        select, values = _select(stage, planned.keys, place)
        for number, *keys in execute(connection, select, (*values, begun)):
            yield Slot(number, tuple(keys), number)


def _found(connection: Connection, rows: Sequence[Slot]) -> list[Found]:
    """The resources themselves, which were not carried along while they were sorted."""
    places = ", ".join("?" * len(rows))
    sql = f"SELECT number, type, id, version, updated, body FROM fhir_resources WHERE number IN ({places})"
    stored = {row[0]: Found._make(row) for row in execute(connection, sql, [row.current for row in rows])}
    return [stored[row.current] for row in rows]


def _select(stage: Stage, keys: tuple[Key, ...], place: Place | None) -> tuple[str, tuple[Any, ...]]:
    named = ", ".join(f"{key.sql} AS k{index}" for index, key in enumerate(keys))
    given = tuple(value for key in keys for value in key.values)
    head = f"SELECT r.number AS number, {named} FROM {stage.source} WHERE {stage.where}"
    down = keys[0].descending
    turn = "DESC" if down else "ASC"
    if stage.walk is not None:
        after, values = _beyond(stage.walk, down, keys[0], place)
        order = ", ".join(f"{column} {turn}" for column in stage.walk)
        return f"{head}{after} AND r.number <= ? ORDER BY {order}", (*given, *stage.values, *values)
    after, values = _after(keys, place)
    order = ", ".join([*(_sorted(key, f"k{index}") for index, key in enumerate(keys)), f"+number {turn}"])
    outer = f"SELECT * FROM ({head}) WHERE {after} AND number <= ? ORDER BY {order}"
    return outer, (*given, *stage.values, *values)


def _beyond(walk: tuple[str, str], down: bool, key: Key, place: Place | None) -> tuple[str, tuple[Any, ...]]:
    """After the place, where rows come in the order of the index."""
    if place is None:
        return "", ()
    value = key.blank if place.keys[0] is None else place.keys[0]
    return f" AND ({walk[0]}, {walk[1]}) {'<' if down else '>'} (?, ?)", (value, place.number)


def _sorted(key: Key, column: str) -> str:
    blank = f"{column} IS NULL" if key.blank is None else f"{column} = {key.blank}"
    return f"{blank}, {column} {'DESC' if key.descending else 'ASC'}"


def _after(keys: tuple[Key, ...], place: Place | None) -> tuple[str, tuple[Any, ...]]:
    """After the place, key by key; what has none comes last."""
    if place is None:
        return "1", ()
    ways: list[str] = []
    values: list[Any] = []
    same: list[str] = []
    before: list[Any] = []
    for index, (key, value) in enumerate(zip(keys, place.keys, strict=True)):
        blank = f"k{index} IS NULL" if key.blank is None else f"k{index} = {key.blank}"
        if value is not None:
            beyond = f"(({blank}) OR k{index} {'<' if key.descending else '>'} ?)"
            ways.append(" AND ".join([*same, beyond]))
            values += [*before, value]
        same.append(f"k{index} = ?" if value is not None else f"({blank})")
        before += [value] if value is not None else []
    ways.append(" AND ".join([*same, f"number {'<' if keys[0].descending else '>'} ?"]))
    return f"({' OR '.join(f'({way})' for way in ways)})", (*values, *before, place.number)


def _moved(connection: Connection, wanted: Search, planned: Plan, place: Place) -> list[Slot]:
    """What was found when the search began and was changed since, at the place that it had."""
    named = ", ".join(f"{key.sql} AS k{index}" for index, key in enumerate(planned.keys))
    given = tuple(value for key in planned.keys for value in key.values)
    where = " AND ".join(["r.type = ? AND r.successor > ? AND r.number <= ?", *(each.sql for each in wanted.filters)])
    values = tuple(value for each in wanted.filters for value in each.values)
    after, beyond = _after(planned.keys, place)
    sql = (
        f"SELECT * FROM (SELECT r.number AS number, n.number AS current, {named} "
        "FROM fhir_moved r CROSS JOIN fhir_resources n ON n.type = r.type AND n.id = r.id AND n.deleted = 0 "
        f"WHERE {where}) WHERE {after}"
    )
    rows = execute(connection, sql, (*given, wanted.type, place.begun, place.begun, *values, *beyond))
    return [Slot(number, tuple(found), current) for number, current, *found in rows]


def _order(keys: tuple[Key, ...]) -> Any:
    """Compares rows as the statements above sort them."""

    def compare(one: Slot, other: Slot) -> int:
        for key, left, right in zip(keys, one.keys, other.keys, strict=True):
            left, right = _spoken(key, left), _spoken(key, right)
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return (1 if left > right else -1) * (-1 if key.descending else 1)
        return (one.number - other.number) * (-1 if keys[0].descending else 1)

    return compare
