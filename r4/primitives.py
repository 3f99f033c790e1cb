"""What each primitive type of FHIR R4 allows (R4 §2.24 datatypes), as a table of checks on parsed JSON values."""

import base64
import binascii
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from r4.narrative import narrative_fault

Check = Callable[[Any], str | None]
"""A value → what it must be, or None when it is."""

_YEAR = r"(?P<year>[0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_DATE = rf"{_YEAR}(-(?P<month>0[1-9]|1[0-2])(-(?P<day>0[1-9]|[12][0-9]|3[01]))?)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
DATE = re.compile(_DATE)
DATETIME = re.compile(rf"{_YEAR}(-(?P<month>0[1-9]|1[0-2])(-(?P<day>0[1-9]|[12][0-9]|3[01])(T{_CLOCK}{_ZONE})?)?)?")
INSTANT = re.compile(rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])T{_CLOCK}{_ZONE}")
STRING_LIMIT = 1024 * 1024
INTEGERS = {"integer": (-(2**31), 2**31 - 1), "unsignedInt": (0, 2**31 - 1), "positiveInt": (1, 2**31 - 1)}
_BAD_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _pattern(pattern: str, text: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: None if isinstance(value, str) and compiled.fullmatch(value) else text


def _dated(pattern: re.Pattern[str], text: str) -> Check:
    def check(value: Any) -> str | None:
        match = pattern.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return text
        day = match["day"]
        if day is not None and day > "28" and int(day) > monthrange(int(match["year"]), int(match["month"]))[1]:
            return "must be a day that the calendar has"
        return None

    return check


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _integer(name: str) -> Check:
    low, high = INTEGERS[name]

    def check(value: Any) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if right else f"must be a whole number from {low} to {high}"

    return check


def _decimal(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        return "must be a JSON number"
    return None


def _string(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if not value or value.isspace():
        return "must not be empty"
    if len(value) > STRING_LIMIT or _BAD_CHARACTER.search(value):
        return "must be at most 1 MB of text without control characters"
    return None


def _base64(value: Any) -> str | None:
    try:
        if isinstance(value, str) and value:
            base64.b64decode("".join(value.split()), validate=True)
            return None
    except (binascii.Error, ValueError):
        pass
    return "must be base64"


PRIMITIVES: Mapping[str, Check] = {
    "boolean": _boolean,
    "integer": _integer("integer"),
    "unsignedInt": _integer("unsignedInt"),
    "positiveInt": _integer("positiveInt"),
    "decimal": _decimal,
    "string": _string,
    "markdown": _string,
    "code": _pattern(r"[^\s]+(\s[^\s]+)*", "must be a code: no blanks at its ends, no two in a row"),
    "id": _pattern(r"[A-Za-z0-9\-\.]{1,64}", "must be an id: 1 to 64 letters, digits, hyphens and dots"),
    "uri": _pattern(r"\S+", "must be a URI"),
    "url": _pattern(r"\S+", "must be a URL"),
    "canonical": _pattern(r"\S+", "must be a canonical address"),
    "oid": _pattern(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", "must be an OID as urn:oid:…"),
    "uuid": _pattern(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "must be urn:uuid:…"),
    "date": _dated(DATE, "must be a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _dated(DATETIME, "must be a date, or date and time with seconds and zone"),
    "instant": _dated(INSTANT, "must be date and time with seconds and zone"),
    "time": _pattern(_CLOCK, "must be a time, hh:mm:ss"),
    "base64Binary": _base64,
    "xhtml": narrative_fault,
}
"""Every primitive type of R4 4.0.1."""
