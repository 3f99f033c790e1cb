"""The seed as a live feed would send it: the same patients with a share of their records degraded, one way each.

Which record is touched, and how, hangs on the number of the draw and on the record's name alone: no clock, no order of
loading. A rate of 0 leaves every resource the same object.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from r4 import codec
from sandbox.seed import degradations as record
from sandbox.seed import spoiled as value
from sandbox.seed.degradations import Change, Done, Resource

TYPES = frozenset({"Patient", "Observation", "Condition", "MedicationRequest", "Procedure", "AllergyIntolerance"})
"""What a chart is judged by. Everything else comes as it is."""


class Degradation(NamedTuple):
    """``check`` is the id in the catalogue of fidelity checks (docs/reference/messy.md), ``weight`` how often this is
    chosen beside the others that the record allows."""

    name: str
    check: str
    weight: int
    change: Change


DEGRADATIONS = (
    # The weights of text_only, local_code, number_in_text, unit_in_text, absence_with_reason and silent_absence are the
    # rates (in %) of the generator behind the figures of docs/failure-modes/data-fidelity.md; times make up its 5 %.
    Degradation("text-only", "COD-01", 4, record.text_only),
    Degradation("local-code", "COD-02", 6, record.local_code),
    Degradation("system-as-oid", "COD-03", 2, record.system_as_oid),
    Degradation("malformed-code", "COD-04", 1, record.malformed_code),
    Degradation("null-flavour", "COD-07", 1, record.null_flavour),
    Degradation("retired-code", "VER-02", 2, record.retired_code),
    Degradation("category-missing", "STR-02", 2, record.no_category),
    Degradation("absent-with-reason", "STR-03", 2, record.absence_with_reason),
    Degradation("silent-absence", "STR-04", 1, record.silent_absence),
    Degradation("number-in-text", "VAL-01", 5, value.number_in_text),
    Degradation("limit-in-text", "VAL-01", 1, value.limit_in_text),
    Degradation("pressure-in-text", "VAL-04", 5, value.pressure_in_text),
    Degradation("sig-in-text", "VAL-04", 3, record.sig_in_text),
    Degradation("comment-in-value", "VAL-02", 2, value.comment_in_value),
    Degradation("censored", "VAL-03", 2, value.censored),
    Degradation("unit-missing", "UNI-01", 4, value.unit_missing),
    Degradation("unit-in-text", "UNI-02", 12, value.unit_in_text),
    Degradation("unit-misspelt", "UNI-03", 1, value.unit_misspelt),
    Degradation("unit-of-another-dimension", "UNI-04", 2, value.unit_foreign),
    Degradation("unit-other", "UNI-05", 2, value.unit_other),
    Degradation("unit-swapped", "UNI-06", 2, value.unit_swapped),
    Degradation("implausible", "PLA-01", 1, value.implausible),
    Degradation("time-missing", "TIM-01", 1, record.time_missing),
    Degradation("date-only", "TIM-02", 2, record.date_only),
    Degradation("impossible-time", "TIM-04", 1, record.impossible_time),
    Degradation("times-reversed", "TIM-06", 1, record.times_reversed),
    Degradation("late-arrival", "TIM-09", 2, record.late_arrival),
    Degradation("subject-missing", "REF-01", 1, record.subject_missing),
    Degradation("encounter-lost", "REF-03", 2, record.encounter_lost),
    Degradation("duplicate", "DUP-02", 4, record.duplicate),
    Degradation("entered-in-error", "DUP-03", 2, record.withdrawn),
    Degradation("preliminary", "DUP-03", 2, record.preliminary),
)
"""One row a degradation."""


class Label(NamedTuple):
    """What was done to one resource. ``before`` is what stood there, or what kind of thing."""

    resource: str
    degradation: str
    check: str
    element: str
    before: str


class Messiness(NamedTuple):
    """``rate``: the share of the records of ``TYPES`` that is degraded, 0 to 1; ``draw``: the number of the draw."""

    rate: float = 0.0
    draw: int = 1


CLEAN = Messiness()


def silent(label: Label) -> None:
    """For ``degrade``: nobody listens."""


def degrade(
    resources: Iterable[Resource], messiness: Messiness, *, arrived: float, tell: Callable[[Label], None] = silent
) -> Iterator[Resource]:
    """The feed: late records after all others; ``tell`` hears of each that was touched. ``arrived`` is when the feed is
    read, Unix seconds."""
    late: list[Resource] = []
    for resource in resources:
        made = _degraded(resource, messiness, arrived) if resource["resourceType"] in TYPES else None
        if made is None:
            yield resource
            continue
        changed, label, done = made
        tell(label)
        if done.late:
            late.append(changed)
            continue
        yield changed
        if done.added is not None:
            yield done.added
    yield from late


def _degraded(resource: Resource, messiness: Messiness, arrived: float) -> tuple[Resource, Label, Done] | None:
    rate, draw = messiness
    name = f"{resource['resourceType']}/{resource['id']}"
    if _share(draw, name, "touched") >= rate:
        return None
    for row in sorted(DEGRADATIONS, key=lambda row: _turn(draw, name, row)):
        copy = _copied(resource)
        done = row.change(copy, _share(draw, name, f"{row.name} how"), arrived)
        if done is not None:
            named = f"{done.added['resourceType']}/{done.added['id']}" if done.added else name
            return copy, Label(named, row.name, row.check, done.element, done.before), done
    return None


def _copied(value: Any) -> Any:
    """A copy that may be changed: of JSON, four times quicker than any copy of anything."""
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _turn(draw: int, name: str, row: Degradation) -> float:
    """When this row is tried: smallest first is a choice by weight (Efraimidis and Spirakis 2006, algorithm A-ES)."""
    return -math.log(1.0 - _share(draw, name, row.name)) / row.weight


def _share(draw: int, name: str, purpose: str) -> float:
    """A number in [0, 1) that hangs on its arguments alone."""
    digest = sha256(f"{draw}\n{name}\n{purpose}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def lines(resources: Iterable[Resource], messiness: Messiness, *, arrived: float) -> bytes:
    """The label file of a feed: a line of JSON for each resource that was touched, in the order of the feed."""
    told: list[Label] = []
    for _ in degrade(resources, messiness, arrived=arrived, tell=told.append):
        pass
    return b"".join(codec.format(label._asdict()) + b"\n" for label in told)
