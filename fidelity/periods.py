"""When a record's content was true, as an interval of Unix seconds.

A FHIR date may be partial and stands for the whole of its day, month or year
(https://hl7.org/fhir/R4/datatypes.html#dateTime). Which side counts depends on the question: a record is *in the
future* only if its earliest moment is, and *too old* only if its latest moment is.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from fidelity.elements import rows, table, text
from vocabulary.chart import Resource
from vocabulary.instant import Span, shift

_POINT = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?"
)
ZONES = 14 * 3600.0
"""No zone of the earth is further than this from UTC: how far a time without a zone may be off."""

TIMES = {
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "AllergyIntolerance": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Immunization": ("occurrenceDateTime",),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "ServiceRequest": ("authoredOn", "occurrenceDateTime", "occurrencePeriod"),
}
"""The clinically relevant time of each type, first one present."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """From ``start`` to ``end`` inclusive. ``exact``: a time of day with its zone was given."""

    start: float
    end: float
    exact: bool = True
    zoned: bool = True


def parse_point(value: Any) -> Interval | None:
    """A FHIR date, dateTime or instant → the interval it stands for; None when it is no date of the calendar."""
    return _point(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _point(written: str) -> Interval | None:
    """Every feature of every model asks for the times of the same records."""
    match = _POINT.fullmatch(written)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        if hour is None:
            return _partial(int(year), int(month or 0), int(day or 0))
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    except ValueError:
        return None
    at = whole.timestamp() + (float(f"0.{fraction}") if fraction else 0.0) - _offset(zone)
    if zone is None:
        return Interval(start=at - ZONES, end=at + ZONES, exact=False, zoned=False)
    return Interval(start=at, end=at)


def _offset(zone: str | None) -> float:
    if zone in (None, "Z") or zone is None:
        return 0.0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)


def _partial(year: int, month: int, day: int) -> Interval:
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day:
        last = start
    elif month:
        last = start.replace(day=monthrange(year, month)[1])
    else:
        last = start.replace(month=12, day=31)
    end = last + timedelta(days=1) if last < datetime(9999, 12, 31, tzinfo=UTC) else last
    return Interval(start=start.timestamp(), end=end.timestamp() - 0.001, exact=False)


def parse_period(value: Any) -> Interval | None:
    """A Period: from the earliest moment of its start to the latest of its end; an open end means its start."""
    start, end = parse_point(table(value).get("start")), parse_point(table(value).get("end"))
    if start is None and end is None:
        return None
    first, last = start or end, end or start
    assert first is not None
    assert last is not None
    exact, zoned = first.exact and last.exact, first.zoned and last.zoned
    return Interval(start=first.start, end=max(first.end, last.end), exact=exact, zoned=zoned)


def time_of(resource: Resource) -> Interval | None:
    """The clinically relevant time of a resource, or None when it is missing or no date of the calendar."""
    for name in TIMES.get(text(resource.get("resourceType")) or "", ()):
        if resource.get(name) is not None:
            value = resource[name]
            return parse_period(value) if name.lower().endswith("period") else parse_point(value)
    return None


def points(resource: Resource) -> list[tuple[str, Interval | None, str]]:
    """Every date of the resource's own times with its name and text, for the instruments of time."""
    named = [
        (name, resource[name])
        for name in (*TIMES.get(text(resource.get("resourceType")) or "", ()), "issued", "abatementDateTime")
        if isinstance(resource.get(name), str)
    ]
    for name in ("effectivePeriod", "onsetPeriod", "performedPeriod"):
        for period in rows(resource.get(name)):
            sides = [side for side in ("start", "end") if isinstance(period.get(side), str)]
            named += [(f"{name}.{side}", period[side]) for side in sides]
    return [(name, parse_point(value), value) for name, value in named]


def after(first: Interval, then: Interval) -> bool:
    """Whether even the earliest moment of the first lies behind the latest of the second. A date has no zone: beside a moment
    it may have begun, and may end, as far off as zones are."""
    undecided = first.exact != then.exact and first.zoned and then.zoned
    return first.start - (ZONES if undecided else 0.0) > then.end


def future(interval: Interval, as_of: float) -> bool:
    """Whether even its earliest moment lies after ``as_of``: tomorrow's date has begun somewhere."""
    return after(interval, Interval(start=as_of, end=as_of))


def within(interval: Interval, as_of: float, lookback: Span | None) -> bool:
    """Whether its latest moment is no older than the look-back; always true without one."""
    return lookback is None or interval.end >= shift(as_of, lookback, sign=-1)
