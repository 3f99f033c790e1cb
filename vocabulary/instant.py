"""Points and spans of time.

Inside the product a point in time is a float, Unix seconds, so that both databases store and compare it alike; on the
wire it is a FHIR ``instant``. Spans are ISO 8601 durations (``P5Y``, ``PT4H``), months and years by the calendar.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

_SPAN = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_POINT = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)"
)

_DAY = 86400.0
_LONGEST = 1000
"""Years of a span."""
_LATE = 4e9
"""Seconds up to which no calendar is needed: a sum of such numbers is a year that has four digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """An ISO 8601 duration; ``months`` is kept apart because its length depends on where it starts."""

    months: int = 0
    seconds: int = 0


def parse_span(text: str) -> Span:
    """``P5Y`` → ``Span(months=60)``. Raises ValueError for anything but a non-negative ISO 8601 duration of at most a
    thousand years: the calendar ends with the year 9999, and a time that is taken may be of 1900 to 2999."""
    match = _SPAN.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError("not an ISO 8601 duration")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    span = Span(months=12 * years + months, seconds=((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds)
    if span.months // 12 + span.seconds // (366 * 86400) > _LONGEST:
        raise ValueError("longer than a thousand years")
    return span


def shift(point: float, span: Span, *, sign: int = 1) -> float:
    """The point one span later (``sign=1``) or earlier (``sign=-1``); a day past the month's end becomes its last."""
    if span.months == 0 and 0.0 <= point < _LATE and span.seconds < _LATE:
        return point + sign * span.seconds
    day, rest = divmod(point, _DAY)
    return _months_on(day, sign * span.months) + rest + sign * span.seconds


@lru_cache(maxsize=256)
def _months_on(day: float, months: int) -> float:
    """The midnight so many months after that of a day, which is counted from 1970."""
    at = datetime.fromtimestamp(day * _DAY, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1])).timestamp()


@lru_cache(maxsize=256)
def parse_instant(text: str) -> float:
    """A FHIR ``instant`` (zone and seconds present) as Unix seconds. Raises ValueError otherwise."""
    if _POINT.fullmatch(text) is None:
        raise ValueError("not a FHIR instant")
    return datetime.fromisoformat(text).timestamp()


@lru_cache(maxsize=256)
def format_instant(point: float) -> str:
    """Unix seconds as a FHIR ``instant`` in UTC with milliseconds: ``2026-01-02T03:04:05.123Z``."""
    second, part = divmod(round(point * 1000), 1000)
    return f"{_to_the_second(second)}.{part:03d}Z"


@lru_cache(maxsize=256)
def _to_the_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]
