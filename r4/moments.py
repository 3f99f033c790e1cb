"""FHIR dates and times as spans of time: what is said with less precision covers more (R4 §3.1.1.5.9 date)."""

import re
from calendar import monthrange
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_MOMENT = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?")
_SECOND = re.compile(r"[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.A)
"""A second in UTC: most are said so, and are read faster."""


def moment_range(text: str) -> tuple[float, float] | None:
    """``(first, last)`` in Unix seconds, ``last`` excluded; None for what is no date of the calendar. Where no zone is
    said, UTC is taken. A leap second is the last second of its minute."""
    return _remembered(text) if len(text) <= _SHORT else _span(text)


_SHORT = 40
"""Characters of a text that is remembered: a resource's dates are asked for more than once."""


@lru_cache(maxsize=1024)
def _remembered(text: str) -> tuple[float, float] | None:
    return _span(text)


def _span(text: str) -> tuple[float, float] | None:
    if _SECOND.fullmatch(text):
        with suppress(ValueError):
            first = datetime.fromisoformat(text).timestamp()
            return first, first + 1.0
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59),
            tzinfo=_zone(zone),
        )  # fmt: skip
    except (ValueError, OverflowError):
        return None
    first = (start - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    if fraction is not None:
        return first + float(fraction), first + float(fraction) + 10.0 ** -(len(fraction) - 1)
    return first, first + _length(start, month=month, day=day, hour=hour, second=second)


def _zone(zone: str | None) -> timezone:
    if zone is None or zone == "Z":
        return UTC
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))


def _length(start: datetime, *, month: str | None, day: str | None, hour: str | None, second: str | None) -> float:
    if second is not None:
        return 1.0
    if hour is not None:
        return 60.0
    if day is not None:
        return 86400.0
    days = (
        monthrange(start.year, start.month)[1]
        if month is not None
        else 366
        if monthrange(start.year, 2)[1] == 29
        else 365
    )
    return days * 86400.0
