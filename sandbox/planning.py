"""Edge: where a search begins and in which order it walks, so that a page costs what a page holds.

A search begins with the condition that finds little; or with one value (a patient, a code), which the index has in the
order of date and number; or it walks the type in its order and looks at each. Which of them only decides what it costs,
never what it finds or in which order: two resources of equal keys come by their number.
"""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

import re
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sandbox.driver import execute
from sandbox.indexing import DATES, NO_DATE, key
from sandbox.search import Filter, Search

FEW = 200
"""So many candidates are looked at and sorted rather than walked in order."""


class Key(NamedTuple):
    """What rows are sorted by, over ``r``; ``blank`` is the value that stands for none, which comes last."""

    sql: str
    values: tuple[Any, ...]
    descending: bool
    blank: float | None = None


class Stage(NamedTuple):
    """A part of a search: rows of ``source`` that fit ``where``. ``walk`` are the columns of key and number where the rows
    come in that order already, empty where they are to be sorted."""

    source: str
    where: str
    values: tuple[Any, ...]
    walk: tuple[str, str] | None = None


class Plan(NamedTuple):
    """``stages`` come one after the other; ``few`` says that there are few candidates."""

    keys: tuple[Key, ...]
    stages: tuple[Stage, ...]
    few: bool


def plan(connection: Connection, wanted: Search, *, few: int = FEW) -> Plan:
    """How to do the search; up to ``few`` candidates are sorted rather than walked."""
    points = [each for each in wanted.filters if each.point]
    keys = _keys(wanted, bool(points))
    dated = len(keys) == 1 and keys[0].sql == "r.date"
    latest = (
        dated and bool(wanted.order) and len(wanted.filters) == len(points) == 1
    )  # the page is all that is looked at
    start, count = (None, 0) if latest else _start(connection, wanted, few)
    if start is not None and count <= few:
        return Plan(keys, (_few(start, wanted),), True)
    if points:
        point = min(points, key=lambda each: "t.mark" in each.point or "/" not in str(each.values[-1]))
        return Plan(keys, _from_point(point, wanted, keys[0] if dated else None), False)
    if dated and keys[0].blank is not None:
        return Plan(keys, _by_date(wanted, keys[0]), False)
    small = not wanted.filters and _counted(connection, _ALL, (wanted.type,), few) <= few
    return Plan(keys, (_whole(wanted, keys),), small)


_ALL = "SELECT 1 FROM fhir_resources r WHERE r.type = ? AND r.deleted = 0"


def _keys(wanted: Search, point: bool) -> tuple[Key, ...]:
    if not wanted.order:
        return (Key("r.date" if point else "r.updated", (), False),)
    return tuple(_key(wanted.type, name, descending) for name, descending in wanted.order)


def _key(type: str, name: str, descending: bool) -> Key:
    """By the least value of a parameter (the greatest when descending)."""
    if name in ("_lastUpdated", "_id"):
        return Key("r.updated" if name == "_lastUpdated" else "r.id", (), descending)
    if DATES.get(type) == name:
        return Key("r.date", (), descending, NO_DATE)
    pick = "max" if descending else "min"
    value = f"(SELECT {pick}(coalesce(k.low, k.value)) FROM fhir_terms k WHERE k.number = r.number AND k.parameter = ?)"
    return Key(value, (key(type, name),), descending)


def _counted(connection: Connection, select: str, values: tuple[Any, ...], few: int) -> int:
    return int(execute(connection, f"SELECT count(*) FROM ({select} LIMIT {few + 1})", values).fetchone()[0])


def _start(connection: Connection, wanted: Search, few: int) -> tuple[Filter | None, int]:
    """The condition that finds least, and how many that are, as far as it matters."""
    best, least = None, few + 1
    for each in wanted.filters:
        if each.numbers and (best is None or least > 1):
            count = _counted(connection, each.numbers, each.given, few)
            if count < least:
                best, least = each, count
    return best, least


def _rest(wanted: Search, but: Filter | None = None) -> tuple[list[str], tuple[Any, ...]]:
    others = [each for each in wanted.filters if each is not but]
    return [each.sql for each in others], tuple(value for each in others for value in each.values)


def _few(start: Filter, wanted: Search) -> Stage:
    sql, values = _rest(wanted, start)
    source = f"(SELECT DISTINCT number FROM ({start.numbers})) s CROSS JOIN fhir_resources r ON r.number = s.number"
    return Stage(source, " AND ".join(["r.deleted = 0", *sql]), (*start.given, *values))


def _from_point(point: Filter, wanted: Search, dated: Key | None) -> tuple[Stage, ...]:
    """The rows ``d`` of one value, in its order. Other conditions look at the terms of its number before the resource is
    fetched at all."""
    sql, values = _rest(wanted, point)
    others = [each.replace("t.number = r.number", "t.number = d.number") for each in sql]
    source = "fhir_terms d CROSS JOIN fhir_resources r ON r.number = d.number"
    where = " AND ".join([re.sub(r"\bt\.", "d.", point.point), *others])
    given = (*point.given, *values)
    if dated is None:
        return (Stage(source, where, given),)
    walk = ("d.date", "d.number")
    if dated.blank is None or dated.descending:
        return (Stage(source, where, given, walk),)
    first, last = f"{where} AND d.date > {NO_DATE}", f"{where} AND d.date = {NO_DATE}"
    return Stage(source, first, given, walk), Stage(source, last, given)


def _by_date(wanted: Search, dated: Key) -> tuple[Stage, ...]:
    """All of a type in the order of its date: by the index of dates, then what has none."""
    sql, values = _rest(wanted)
    source = "fhir_terms t CROSS JOIN fhir_resources r ON r.number = t.number AND r.date = t.low"
    here = " AND ".join(["t.parameter = ? AND t.value IS NULL AND t.low IS NOT NULL", *sql])
    blank = " AND ".join([f"r.type = ? AND r.deleted = 0 AND r.date = {NO_DATE}", *sql])
    return (
        Stage(source, here, (key(wanted.type, DATES[wanted.type]), *values), ("t.low", "t.number")),
        Stage("fhir_resources r", blank, (wanted.type, *values)),
    )


def _whole(wanted: Search, keys: tuple[Key, ...]) -> Stage:
    sql, values = _rest(wanted)
    where = " AND ".join(["r.type = ? AND r.deleted = 0", *sql])
    walk = (keys[0].sql, "r.number") if len(keys) == 1 and keys[0].sql in ("r.updated", "r.id") else None
    return Stage("fhir_resources r", where, (wanted.type, *values), walk)
