"""A search as SQL over the terms (R4 §3.1.1). What is not understood is refused: a filter that is ignored silently
shows records that nobody asked for."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, not_, or_

from r4.definitions import Parameter, parameters
from r4.generated.types import RESOURCES
from r4.moments import moment_range
from r4.outcome import Issue
from r4.references import parse
from sandbox.indexing import fold
from sandbox.tables import resources, terms

DEFAULT_COUNT, LONGEST_PAGE = 50, 500
VALUES_LIMIT = 200
"""Alternatives in one parameter."""

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.+)", re.DOTALL)
_CONTROL = frozenset({"_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_cursor"})


class SearchError(ValueError):
    """The search cannot be done as asked; ``issue`` names the parameter and never its value."""

    status = 400

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(text)
        self.issue = Issue("not-supported", text, parameter, "search")


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
    row = parameters(type).get(name)
    if row is None or row.kind not in ("date", "string", "number", "token"):
        raise SearchError("_sort", "must name date, string, number or token parameters of the type")
    return name, word.startswith("-")


def _include(control: str, value: str) -> tuple[str, str, str | None]:
    parts = value.split(":")
    if len(parts) not in (2, 3) or parts[0] not in RESOURCES:
        raise SearchError(control, "must be Type:parameter, or Type:parameter:Target")
    row = parameters(parts[0]).get(parts[1])
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


def _filter(type: str, said: str, value: str, base: str) -> ColumnElement[bool]:
    """One parameter: alternatives in a list, any of which will do."""
    name, _, modifier = said.partition(":")
    row = parameters(type).get(name)
    if row is None:
        known = name.split(".")[0]
        shown = known if re.fullmatch(r"[A-Za-z_-]{1,40}", known) and known in parameters(type) else "query"
        raise SearchError(shown, "is a search parameter that is not supported for this type")
    values = _split(value)
    if len(values) > VALUES_LIMIT or not any(values):
        raise SearchError(name, f"must have one to {VALUES_LIMIT} values")
    if modifier == "missing":
        return _missing(type, name, value)
    if name == "_id":
        return resources.c.id.in_(values)
    if name == "_lastUpdated":
        return or_(*(_updated(one) for one in values))
    kind = KINDS[row.kind]
    matches = or_(*(kind(name, modifier if modifier != "not" else "", one, base, row) for one in values))
    found = _has(type, name, matches)
    return not_(found) if modifier == "not" and row.kind == "token" else _plain(found, name, modifier, row)


def _plain(found: ColumnElement[bool], name: str, modifier: str, row: Parameter) -> ColumnElement[bool]:
    allowed = {"string": ("exact", "contains"), "reference": tuple(RESOURCES)}.get(row.kind, ())
    if modifier and modifier not in allowed:
        raise SearchError(name, "has a modifier that is not supported")
    return found


def _split(value: str) -> list[str]:
    """Alternatives are separated by commas that are not escaped (R4 §3.1.1.4.0.1)."""
    return [part.replace("\\,", ",").replace("\\$", "$").replace("\\|", "|").replace("\\\\", "\\")
            for part in re.split(r"(?<!\\),", value)]  # fmt: skip


def _has(type: str, name: str, matches: ColumnElement[bool]) -> ColumnElement[bool]:
    here = (terms.c.number == resources.c.number, terms.c.type == type, terms.c.name == name)
    return exists().where(*here, matches)


def _missing(type: str, name: str, value: str) -> ColumnElement[bool]:
    if value not in ("true", "false"):
        raise SearchError(name, "with :missing must be true or false")
    here = (terms.c.number == resources.c.number, terms.c.type == type, terms.c.name == name)
    found = exists().where(*here)
    return not_(found) if value == "true" else found


def _updated(value: str) -> ColumnElement[bool]:
    return _compare("_lastUpdated", value, resources.c.updated, resources.c.updated)


def _token(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    system, bar, code = value.rpartition("|")
    if not bar:
        return terms.c.value == value
    if not code:
        return terms.c.system == system
    return and_(terms.c.value == code, terms.c.system == system)


def _reference(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    if modifier and modifier in RESOURCES:
        return terms.c.value == (value if "/" in value else f"{modifier}/{value}")
    local = parse(value, base=base)
    if local is not None:
        return terms.c.value == local.local
    if "/" in value or ":" in value:
        return terms.c.value == value
    if name == "patient" or row.targets == ("Patient",):
        return terms.c.value == f"Patient/{value}"
    return terms.c.value.in_([f"{target}/{value}" for target in row.targets])


def _string(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    if modifier == "exact":
        return and_(terms.c.value == fold(value), terms.c.system == value)
    escaped = fold(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if modifier == "contains":
        return terms.c.value.like(f"%{escaped}%", escape="\\")
    return and_(terms.c.value >= fold(value), terms.c.value < fold(value) + "\U0010ffff")


def _date(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    return _compare(name, value, terms.c.low, terms.c.high)


def _compare(name: str, value: str, low: Any, high: Any) -> ColumnElement[bool]:
    """A date with its prefix against the span of what the resource says (R4 §3.1.1.4.6)."""
    match = _PREFIXED.fullmatch(value)
    span = moment_range(match[2].replace(" ", "+")) if match else None
    if match is None or span is None:
        raise SearchError(name, "must be a date, or a date with eq, ne, gt, lt, ge, le, sa, eb or ap before it")
    first, last = span
    table: Mapping[str, Callable[[], ColumnElement[bool]]] = {
        "eq": lambda: and_(low >= first, high <= last) if low is not high else and_(low >= first, low < last),
        "ne": lambda: or_(low < first, high > last) if low is not high else or_(low < first, low >= last),
        "gt": lambda: high > last if low is not high else high >= last,
        "lt": lambda: low < first,
        "ge": lambda: or_(high > last, low >= first),
        "le": lambda: or_(low < first, high <= last),
        "sa": lambda: low >= last,
        "eb": lambda: high <= first,
        "ap": lambda: and_(low < last + 86400, high > first - 86400),
    }
    return table[match[1] or "eq"]()


def _number(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    match = _PREFIXED.fullmatch(value.partition("|")[0])
    try:
        amount = Decimal(match[2]) if match else None
    except InvalidOperation:
        amount = None
    if match is None or amount is None or not amount.is_finite():
        raise SearchError(name, "must be a number, or a number with a prefix before it")
    places = -int(amount.as_tuple().exponent)
    half = 0.5 * 10.0**-places
    number, low = float(amount), terms.c.low
    table: Mapping[str, ColumnElement[bool]] = {
        "eq": and_(low >= number - half, low < number + half), "ne": or_(low < number - half, low >= number + half),
        "gt": low > number, "lt": low < number, "ge": low >= number, "le": low <= number, "sa": low > number,
        "eb": low < number, "ap": and_(low >= number - abs(number) / 10, low <= number + abs(number) / 10),
    }  # fmt: skip
    return table[match[1] or "eq"]


def _quantity(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    parts = value.split("|")
    amount = _number(name, modifier, parts[0], base, row)
    if len(parts) == 1:
        return amount
    if len(parts) != 3:
        raise SearchError(name, "must be a number, or number|system|code")
    said = [terms.c.value == parts[2]] if parts[2] else []
    said += [terms.c.system == parts[1]] if parts[1] else []
    return and_(amount, *said)


def _uri(name: str, modifier: str, value: str, base: str, row: Parameter) -> ColumnElement[bool]:
    return terms.c.value == value


KINDS: Mapping[str, Callable[[str, str, str, str, Parameter], ColumnElement[bool]]] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "number": _number,
    "quantity": _quantity, "uri": _uri,
}  # fmt: skip
"""How each kind of parameter is compared."""
