"""How each kind of search parameter is compared with the terms of a resource, as SQL (R4 §3.1.1.4)."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from r4.definitions import Parameter
from r4.generated.types import RESOURCES
from r4.moments import moment_range
from r4.outcome import Issue
from r4.references import parse
from sandbox.indexing import fold
from sandbox.tables import resources, terms

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.+)", re.DOTALL)


class SearchError(ValueError):
    """The search cannot be done as asked; ``issue`` names the parameter and never its value."""

    status = 400

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(text)
        self.issue = Issue("not-supported", text, parameter, "search")


def updated(value: str) -> ColumnElement[bool]:
    """``_lastUpdated``, which is a column of the resource. Raises SearchError."""
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
    if match is None or amount is None or not amount.is_finite() or abs(amount.adjusted()) > 300 or len(value) > 300:
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
