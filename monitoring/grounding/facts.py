"""What a chart says, as the checker compares it: measurements, problems (conditions, allergies, events) and orders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitoring.grounding.values import Evidence, reference_of, version_of
from vocabulary.instant import parse_instant

Resource = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One value. ``days`` are the dates it may be called by (as written, and in UTC), ``at`` Unix seconds, 0 when unknown."""

    value: float
    unit: str
    days: tuple[str, ...]
    at: float
    evidence: Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A condition, an allergy, a procedure, an encounter (``active``: it goes on). ``active`` None: its status is not recorded.
    ``drug``: of an allergy, whether it is one to a drug; None where the chart does not say."""

    active: bool | None
    refuted: bool
    days: tuple[str, ...]
    evidence: Evidence
    drug: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A medication. ``doses`` are ``(amount, UCUM unit)`` that it may be said with; ``frequencies`` times a day, ``prn``
    as needed; an empty set: the chart does not say."""

    ingredients: frozenset[str]
    active: bool | None
    stopped: bool
    days: tuple[str, ...]
    doses: frozenset[tuple[float, str]]
    routes: frozenset[str]
    frequencies: frozenset[float]
    prn: bool
    evidence: Evidence


def evidence(resource: Resource, path: str) -> Evidence:
    """Where in the chart something stands: an element of a resource."""
    return Evidence(
        reference=reference_of(resource), version=version_of(resource), path=f"{resource.get('resourceType')}.{path}"
    )


def days(*instants: Any) -> tuple[str, ...]:
    """The dates by which FHIR dateTimes may be called: the day as written, and the day in UTC."""
    found: dict[str, None] = {}
    for instant in instants:
        if isinstance(instant, str) and instant:
            found[instant[:10]] = None
            if len(instant) > 10 and (at := seconds(instant)):
                found[datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")] = None
    return tuple(found)


def seconds(instant: Any) -> float:
    """Unix seconds of a FHIR dateTime, 0.0 where it is none."""
    if not isinstance(instant, str) or not instant:
        return 0.0
    try:
        day = instant[:10] + "-01-01"[max(0, len(instant[:10]) - 4) :]
        return parse_instant(instant if len(instant) > 10 else f"{day}T00:00:00Z")
    except ValueError:
        return 0.0


def listed(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def table(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def code(concept: Any) -> str:
    """The first code of a CodeableConcept."""
    return next((str(each.get("code")) for each in listed(table(concept).get("coding")) if each.get("code")), "")


def names(concept: Any) -> Iterator[str]:
    """Every name that a CodeableConcept gives."""
    concept = table(concept)
    for text in (concept.get("text"), *(each.get("display") for each in listed(concept.get("coding")))):
        if isinstance(text, str) and text:
            yield text[:200]


def period(value: Any) -> tuple[Any, Any]:
    """Start and end of a Period."""
    return table(value).get("start"), table(value).get("end")


def quantity(said: Any) -> tuple[float, str] | None:
    """``(value, unit)`` of a Quantity, its UCUM code before its printed unit; None without a number."""
    said = table(said)
    value = said.get("value")
    if isinstance(value, bool):
        return None
    try:
        return float(value), str(said.get("code") or said.get("unit") or "")
    except (TypeError, ValueError):
        return None
