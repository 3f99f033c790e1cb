"""A search as SQL over the terms (R4 §3.1.1). What is not understood is refused: a filter that is ignored silently
shows records that nobody asked for.

Every text of SQL here is written by us; what a client says only ever becomes a bound value. ``r`` is a row of the
resources.
"""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from r4.criteria import Criterion, criterion, searchable, targets
from r4.definitions import Parameter
from r4.generated.types import RESOURCES
from r4.implied import unsaid
from r4.references import parse
from r4.served import SERVED
from sandbox.comparing import ALLOWED, KINDS, Asked, Known, Match, SearchError, either, parts, plain, updated
from sandbox.indexing import TOGETHER, key, logical, together
from sandbox.values import mark

DEFAULT_COUNT, LONGEST_PAGE = 50, 500
SORTS_LIMIT = 10
"""Parameters that one search is sorted by."""
VALUES_LIMIT = 200
"""Alternatives in one parameter."""
BOUND_LIMIT = 8000
"""Values that one statement binds: SQLite takes 32,766, and a statement holds those of a search more than once."""

_CONTROL = frozenset({"_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_cursor"})
SORTABLE = frozenset({"date", "string", "number", "token", "quantity", "uri", "reference"})


class Filter(NamedTuple):
    """A condition on ``r``. ``numbers`` is a SELECT of the numbers of all that it finds, with ``given`` as its values, where
    there is one; ``point`` says that those come in the order of date and number: the condition on ``t`` itself."""

    sql: str
    values: tuple[Any, ...]
    numbers: str = ""
    given: tuple[Any, ...] = ()
    point: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """``filters`` are conditions on rows of the resources of the ``type``; ``after`` is the place that the page before
    ended at; ``order`` are ``(parameter, descending)``; includes are ``(type, parameter, target type or None)``.
    ``total`` is ``none``, ``accurate``, or empty: where it costs nothing."""

    type: str
    filters: tuple[Filter, ...]
    count: int = DEFAULT_COUNT
    after: str | None = None
    order: tuple[tuple[str, bool], ...] = ()
    includes: tuple[tuple[str, str, str | None], ...] = ()
    revincludes: tuple[tuple[str, str, str | None], ...] = ()
    total: str = ""
    only_count: bool = False
    said: tuple[tuple[str, str], ...] = field(default=())


def compile(type: str, query: tuple[tuple[str, str], ...], known: Known) -> Search:
    """The query of a search as conditions. Raises SearchError."""
    filters: list[Filter] = []
    control: dict[str, list[str]] = {}
    both = _together(type, dict(query), known) if len(dict(query)) == len(query) else None
    for name, value in query:
        if both is not None and name in ("patient", "code"):
            continue
        if name in _CONTROL:
            control.setdefault(name, []).append(value)
        else:
            filters.append(_filter(type, name, value, known))
    filters += [both] if both is not None else []
    if sum(len(each.values) + len(each.given) for each in filters) > BOUND_LIMIT:
        raise SearchError("query", "asks for too much at once")
    return Search(type=type, filters=tuple(filters), said=query, **_controls(type, control))


def _together(type: str, said: Mapping[str, str], known: Known) -> Filter | None:
    """One patient and one code, which stand in the terms together."""
    if "patient" not in said or "code" not in said or not {"patient", "code"} <= searchable(type).keys():
        return None
    code, patient = parts(said["code"], "|"), plain(said["patient"])
    local = parse(patient, base=known.base) or parse(f"Patient/{patient}")
    whole = local is not None and local.type == "Patient" and all(code) and len(code) < 3
    if local is None or not whole or any(len(parts(said[name], ",")) > 1 for name in ("patient", "code")):
        return None
    value = together(local.local, plain(code[-1]))
    system = (mark(plain(code[0])),) if len(code) == 2 else ()
    sql = f"t.low IS NULL AND t.value = ?{' AND t.mark = ?' if system else ''}"
    return _found(key(type, TOGETHER), Match(sql, (value, *system), True))


def _controls(type: str, control: Mapping[str, list[str]]) -> dict[str, Any]:
    for name in control:
        if name not in ("_include", "_revinclude") and len(control[name]) > 1:
            raise SearchError(name, "may be given once")
    count = control.get("_count", [str(DEFAULT_COUNT)])[0]
    if not count.isascii() or not count.isdigit() or len(count) > 9:
        raise SearchError("_count", "must be a whole number")
    summary = control.get("_summary", ["false"])[0]
    if summary not in ("count", "false"):
        raise SearchError("_summary", "must be count or false")
    words = [word for word in control.get("_sort", [""])[0].split(",") if word]
    if len(words) > SORTS_LIMIT:
        raise SearchError("_sort", f"may name {SORTS_LIMIT} parameters")
    total = control.get("_total", [""])[0]
    if total not in ("", "none", "estimate", "accurate"):
        raise SearchError("_total", "must be none, estimate or accurate")
    return {
        "count": min(int(count), LONGEST_PAGE),
        "only_count": summary == "count" or int(count) == 0,
        "total": "accurate" if total == "estimate" else total,
        "after": control["_cursor"][0] if "_cursor" in control else None,
        "order": tuple(_order(type, word) for word in words),
        "includes": tuple(_include("_include", value) for value in control.get("_include", [])),
        "revincludes": tuple(_include("_revinclude", value) for value in control.get("_revinclude", [])),
    }


def _order(type: str, word: str) -> tuple[str, bool]:
    name = word.removeprefix("-")
    row = searchable(type).get(name)
    if row is None or row.kind not in SORTABLE:
        raise SearchError("_sort", "must name parameters of the type that are no composites")
    return name, word.startswith("-")


def _include(control: str, value: str) -> tuple[str, str, str | None]:
    said = value.split(":")
    if len(said) not in (2, 3) or said[0] not in RESOURCES:
        raise SearchError(control, "must be Type:parameter, or Type:parameter:Target")
    row = searchable(said[0]).get(said[1])
    if row is None or row.kind != "reference" or (len(said) == 3 and said[2] not in RESOURCES):
        raise SearchError(control, "must name a reference parameter")
    return said[0], said[1], said[2] if len(said) == 3 else None


def without_cursor(query: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The query of the first page."""
    return tuple(pair for pair in query if pair[0] != "_cursor")


def _filter(type: str, said: str, value: str, known: Known) -> Filter:
    """One parameter: alternatives in a list, any of which will do."""
    found = criterion(said)
    if found is not None and found.reverse is not None:
        return _reverse(type, found, value, known)
    if found is not None and found.rest:
        return _chained(type, found, value, known)
    name, _, modifier = said.partition(":")
    row = searchable(type).get(name)
    if row is None:
        raise SearchError("query", "has a search parameter that is not supported for this type")
    values = parts(value, ",")
    if len(values) > VALUES_LIMIT or not any(values):
        raise SearchError(name, f"must have one to {VALUES_LIMIT} values")
    if modifier == "missing":
        return _missing(type, name, row, value)
    if name == "_id" and not modifier:
        ids = tuple(plain(each) for each in values)
        return _column(type, Match(f"r.id IN ({', '.join('?' * len(ids))})", ids))
    if name == "_lastUpdated" and not modifier:
        return _column(type, either([updated(plain(each), known) for each in values]))
    if modifier and (name in ("_id", "_lastUpdated") or modifier not in ALLOWED.get(row.kind, ())):
        raise SearchError(name, "has a modifier that is not supported")
    if row.kind == "composite":
        return _composite(type, name, row, values, known)
    return _terms(type, name, modifier, row, [each for each in values if each], known)


def _column(type: str, match: Match) -> Filter:
    numbers = f"SELECT r.number FROM fhir_resources r WHERE r.type = ? AND r.deleted = 0 AND {match.sql}"
    return Filter(match.sql, match.values, numbers, (type, *match.values))


def _terms(type: str, name: str, modifier: str, row: Parameter, values: list[str], known: Known) -> Filter:
    parameter = logical(key(type, name)) if modifier == "identifier" else key(type, name)
    kind = KINDS[row.kind]
    asked = [unsaid(type, name, each) for each in values] if row.kind == "token" else values
    match = either([kind(Asked(name, modifier, each, row, parameter), known) for each in asked])
    if modifier == "not":
        return Filter(f"NOT {_exists(match)}", (parameter, *match.values))
    return _found(parameter, match)


def _found(parameter: int, match: Match) -> Filter:
    here = f"t.parameter = ? AND {match.sql}"
    given = (parameter, *match.values)
    order = " ORDER BY t.low DESC" if match.late else ""
    numbers = f"SELECT t.number FROM fhir_terms t WHERE {here}{order}"
    return Filter(_exists(match), given, numbers, given, here if match.point else "")


def _exists(match: Match) -> str:
    return f"EXISTS (SELECT 1 FROM fhir_terms t WHERE t.number = r.number AND t.parameter = ? AND {match.sql})"


def _composite(type: str, name: str, row: Parameter, values: list[str], known: Known) -> Filter:
    """``code$value``: values of two parameters that stand in the same part of the resource (R4 §3.1.1.4.13)."""
    left, right = (key(type, each) for each in row.components)
    conditions: list[Match] = []
    for value in values:
        said = parts(value, "$")
        if len(said) != 2 or not all(said):
            raise SearchError(name, "must be two values with $ between them")
        first, second = (
            KINDS[searchable(type)[each].kind](
                Asked(each, "", unsaid(type, each, text), searchable(type)[each], key(type, each)), known
            )
            for each, text in zip(row.components, said, strict=True)
        )
        other = re.sub(r"\bt\.", "u.", second.sql)
        beside = f"u.number = t.number AND u.parameter = ? AND u.part = t.part AND {other}"
        sql = f"{first.sql} AND EXISTS (SELECT 1 FROM fhir_terms u WHERE {beside})"
        conditions.append(Match(sql, (*first.values, right, *second.values), first.point))
    return _found(left, either(conditions))


def _missing(type: str, name: str, row: Parameter, value: str) -> Filter:
    if value not in ("true", "false") or row.kind == "composite":
        raise SearchError(name, "with :missing must be true or false")
    if name in ("_id", "_lastUpdated"):
        return Filter("0" if value == "true" else "1", ())  # no resource is without them
    return Filter(f"{'NOT ' if value == 'true' else ''}{_exists(Match('1', ()))}", (key(type, name),))


def _chained(type: str, found: Criterion, value: str, known: Known) -> Filter:
    """``subject:Patient.name``: what refers to a resource that matches, one step away."""
    row = searchable(type).get(found.name)
    others = targets(type, found) if row is not None and row.kind == "reference" else ()
    if not others:
        raise SearchError("query", "has a chain that is not supported")
    matches = []
    for other in others:
        sql, values = _matching(other, _filter(other, found.end, value, known), f"'{other}/' || r.id")
        matches.append(Match(f"t.low IS NULL AND t.value IN ({sql})", values))
    return _found(key(type, found.name), either(matches))


def _matching(type: str, found: Filter, column: str) -> tuple[str, tuple[Any, ...]]:
    """A SELECT of a column of all living resources of a type that one filter finds."""
    if found.numbers:
        return (
            f"SELECT {column} FROM fhir_resources r WHERE r.deleted = 0 AND r.number IN ({found.numbers})",
            found.given,
        )
    # A plan puts another row for ``r``, which is never this one.
    column, sql = (re.sub(r"\br\.", "m.", text) for text in (column, found.sql))
    return f"SELECT {column} FROM fhir_resources m WHERE m.type = ? AND m.deleted = 0 AND {sql}", (type, *found.values)


def _reverse(type: str, found: Criterion, value: str, known: Known) -> Filter:
    """``_has:Observation:patient:code``: what a matching resource refers to."""
    other, reference, name = found.reverse or ("", "", "")
    row = searchable(other).get(reference) if other in SERVED else None
    if row is None or row.kind != "reference" or name not in searchable(other):
        raise SearchError("_has", "is not supported as asked")
    matching, values = _matching(other, _filter(other, found.end, value, known), "r.number")
    pointed = (
        "SELECT substr(s.value, ?) FROM fhir_terms s WHERE s.low IS NULL AND s.parameter = ? AND s.value >= ? "
        f"AND s.value < ? AND s.number IN ({matching})"
    )
    given = (len(type) + 2, key(other, reference), f"{type}/", f"{type}0", *values)
    numbers = f"SELECT o.number FROM fhir_resources o WHERE o.type = ? AND o.id IN ({pointed})"
    return Filter(f"r.type = ? AND r.id IN ({pointed})", (type, *given), numbers, (type, *given))
