"""A search as SQL over the terms (R4 §3.1.1). What is not understood is refused: a filter that is ignored silently
shows records that nobody asked for."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, literal, not_, or_, select

from r4.criteria import Criterion, criterion, searchable, targets
from r4.definitions import Parameter
from r4.generated.types import RESOURCES
from r4.served import SERVED
from sandbox.comparing import KINDS, SearchError, updated
from sandbox.tables import resources, terms

DEFAULT_COUNT, LONGEST_PAGE = 50, 500
VALUES_LIMIT = 200
"""Alternatives in one parameter."""

_CONTROL = frozenset({"_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_cursor"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """``condition`` selects rows of ``resources``; ``after`` is the last number of the page before; ``order`` are
    ``(parameter, descending)``; includes are ``(type, parameter, target type or None)``."""

    type: str
    condition: ColumnElement[bool]
    count: int = DEFAULT_COUNT
    after: str | None = None
    order: tuple[tuple[str, bool], ...] = ()
    includes: tuple[tuple[str, str, str | None], ...] = ()
    revincludes: tuple[tuple[str, str, str | None], ...] = ()
    total: bool = True
    only_count: bool = False
    said: tuple[tuple[str, str], ...] = field(default=())


def compile(type: str, query: tuple[tuple[str, str], ...], *, base: str) -> Search:
    """The query of a search as conditions. Raises SearchError."""
    conditions: list[ColumnElement[bool]] = [resources.c.type == type, resources.c.deleted.is_(False)]
    control: dict[str, list[str]] = {}
    for name, value in query:
        if name in _CONTROL:
            control.setdefault(name, []).append(value)
        else:
            conditions.append(_filter(type, name, value, base))
    return Search(type=type, condition=and_(*conditions), said=query, **_controls(type, control))


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
    if control.get("_total", ["accurate"])[0] not in ("none", "estimate", "accurate"):
        raise SearchError("_total", "must be none, estimate or accurate")
    return {
        "count": min(int(count), LONGEST_PAGE),
        "only_count": summary == "count" or int(count) == 0,
        "total": control.get("_total", ["accurate"])[0] != "none",
        "after": place_of(control["_cursor"][0]) if "_cursor" in control else None,
        "order": tuple(_order(type, word) for word in control.get("_sort", [""])[0].split(",") if word),
        "includes": tuple(_include("_include", value) for value in control.get("_include", [])),
        "revincludes": tuple(_include("_revinclude", value) for value in control.get("_revinclude", [])),
    }


def _order(type: str, word: str) -> tuple[str, bool]:
    name = word.removeprefix("-")
    row = searchable(type).get(name)
    if row is None or row.kind not in ("date", "string", "number", "token"):
        raise SearchError("_sort", "must name date, string, number or token parameters of the type")
    return name, word.startswith("-")


def _include(control: str, value: str) -> tuple[str, str, str | None]:
    parts = value.split(":")
    if len(parts) not in (2, 3) or parts[0] not in RESOURCES:
        raise SearchError(control, "must be Type:parameter, or Type:parameter:Target")
    row = searchable(parts[0]).get(parts[1])
    if row is None or row.kind != "reference" or (len(parts) == 3 and parts[2] not in RESOURCES):
        raise SearchError(control, "must name a reference parameter")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else None


def cursor(place: str) -> str:
    """The place of a page in an address: opaque, for a place is not the client's to choose."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(text: str) -> str:
    """The place that a cursor stands for. Raises SearchError."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as wrong:
        raise SearchError("_cursor", "is none of this server's") from wrong


def without_cursor(query: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The query of the first page."""
    return tuple(pair for pair in query if pair[0] != "_cursor")


def _filter(type: str, said: str, value: str, base: str) -> ColumnElement[bool]:
    """One parameter: alternatives in a list, any of which will do."""
    found = criterion(said)
    if found is not None and found.reverse is not None:
        return _reverse(type, found.reverse, value, base)
    if found is not None and found.rest:
        return _chained(type, found, value, base)
    name, _, modifier = said.partition(":")
    row = searchable(type).get(name)
    if row is None:
        raise SearchError("query", "has a search parameter that is not supported for this type")
    values = _split(value)
    if len(values) > VALUES_LIMIT or not any(values):
        raise SearchError(name, f"must have one to {VALUES_LIMIT} values")
    if modifier == "missing":
        return _missing(type, name, value)
    if name == "_id":
        return resources.c.id.in_(values)
    if name == "_lastUpdated":
        return or_(*(updated(one) for one in values))
    kind = KINDS[row.kind]
    matches = or_(*(kind(name, modifier if modifier != "not" else "", one, base, row) for one in values))
    present = _has(type, name, matches)
    return not_(present) if modifier == "not" and row.kind == "token" else _plain(present, name, modifier, row)


def _plain(found: ColumnElement[bool], name: str, modifier: str, row: Parameter) -> ColumnElement[bool]:
    allowed = {"string": ("exact", "contains"), "reference": tuple(RESOURCES)}.get(row.kind, ())
    if modifier and modifier not in allowed:
        raise SearchError(name, "has a modifier that is not supported")
    return found


def _split(value: str) -> list[str]:
    """Alternatives are separated by commas that are not escaped (R4 §3.1.1.4.0.1)."""
    return [part.replace("\\,", ",").replace("\\$", "$").replace("\\|", "|").replace("\\\\", "\\")
            for part in re.split(r"(?<!\\),", value)]  # fmt: skip


def _chained(type: str, found: Criterion, value: str, base: str) -> ColumnElement[bool]:
    """``subject:Patient.name``: what refers to a resource that matches, one step away."""
    row = searchable(type).get(found.name)
    others = targets(type, found) if row is not None and row.kind == "reference" else ()
    if not others:
        raise SearchError("query", "has a chain that is not supported")
    named = [
        select(literal(f"{other}/") + resources.c.id)
        .where(resources.c.type == other, resources.c.deleted.is_(False), _filter(other, found.rest, value, base))
        .correlate(None)
        for other in others
    ]
    return _has(type, found.name, or_(*(terms.c.value.in_(each) for each in named)))


def _reverse(type: str, reverse: tuple[str, str, str], value: str, base: str) -> ColumnElement[bool]:
    """``_has:Observation:patient:code``: what a matching resource refers to."""
    other, reference, name = reverse
    row = searchable(other).get(reference) if other in SERVED else None
    if row is None or row.kind != "reference" or name not in searchable(other):
        raise SearchError("_has", "is not supported as asked")
    numbers = (
        select(resources.c.number)
        .where(resources.c.type == other, resources.c.deleted.is_(False), _filter(other, name, value, base))
        .correlate(None)
    )
    here = (terms.c.type == other, terms.c.name == reference, terms.c.number.in_(numbers))
    pointed = select(terms.c.value).where(*here).correlate(None)
    return (literal(f"{type}/") + resources.c.id).in_(pointed)


def _has(type: str, name: str, matches: ColumnElement[bool]) -> ColumnElement[bool]:
    here = (terms.c.number == resources.c.number, terms.c.type == type, terms.c.name == name)
    return exists().where(*here, matches).correlate(resources)


def _missing(type: str, name: str, value: str) -> ColumnElement[bool]:
    if value not in ("true", "false"):
        raise SearchError(name, "with :missing must be true or false")
    here = (terms.c.number == resources.c.number, terms.c.type == type, terms.c.name == name)
    found = exists().where(*here).correlate(resources)
    return not_(found) if value == "true" else found
