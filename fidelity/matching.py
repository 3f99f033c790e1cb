"""Which records of a chart speak of an observation feature, best first.

The rules, for ``pick = "latest"``:

1. Only records of the patient, of a status that carries a result, not asserted by an AI, not in the future and not
   older than the look-back.
2. Latest first; at the same time the code that the manifest lists first, then the identifier (so that the order in
   which a server answers decides nothing).
3. A preliminary result is taken only when there is no final one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fidelity import coding, periods
from fidelity.elements import ai_labelled, rows, text, versioned
from fidelity.periods import Interval
from fidelity.shelf import Shelf
from fidelity.subjects import subject_of
from vocabulary.chart import Resource
from vocabulary.manifest import Code, Feature

FINAL = frozenset({"final", "amended", "corrected"})
PRELIMINARY = frozenset({"preliminary", "unknown"})
"""Observation.status: https://hl7.org/fhir/R4/valueset-observation-status.html. ``registered`` has no result yet."""

PANELS = {
    "8480-6": ("85354-9",), "8462-4": ("85354-9",),
    "3151-8": ("59408-5",), "3150-0": ("59408-5",), "3150-6": ("59408-5",),
    "9267-6": ("9269-2",), "9268-4": ("9269-2",), "9270-0": ("9269-2",),
}  # fmt: skip
"""LOINC codes that come as components of another: the search must ask for the panel too. Sources: US Core 6.1 blood
pressure and pulse oximetry profiles; R4 example Observation/glasgow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """An Observation, or one component of it, that speaks of the feature. ``element`` is the resource or component."""

    resource: Resource
    element: dict[str, Any]
    code: Code
    rank: int
    when: Interval | None

    @property
    def final(self) -> bool:
        return status(self.resource) in FINAL

    @property
    def at(self) -> float | None:
        return None if self.when is None else (self.when.end if self.when.exact else self.when.start)


def search_codes(codes: Iterable[Code]) -> tuple[Code, ...]:
    """The codes to search for: those listed and the panels that carry them."""
    found: dict[Code, None] = {}
    for code in codes:
        found[Code(system=code.system, code=code.code)] = None
        for panel in PANELS.get(code.code, ()) if code.system == coding.LOINC else ():
            found[Code(system=coding.LOINC, code=panel)] = None
    return tuple(found)


def speaking(codes: Sequence[Code], shelf: Shelf) -> list[Record]:
    """Every Observation or component that carries one of the codes, whatever its status, subject or time."""
    found: dict[int, Record] = {}
    for place, code in enumerate(codes):
        for resource, element in shelf.about(code):
            if id(element) in found or (element is resource and _only_panel(resource, codes)):
                continue
            when = periods.time_of(resource) or periods.parse_point(resource.get("issued"))
            found[id(element)] = Record(resource=resource, element=element, code=code, rank=place, when=when)
    return list(found.values())


def _only_panel(resource: Resource, codes: Sequence[Code]) -> bool:
    """A panel listed beside its component: the component has the value, the panel itself is not an empty record."""
    if any(name.startswith("value") for name in resource):
        return False
    return any(coding.rank(part.get("code"), codes) is not None for part in rows(resource.get("component")))


def usable(record: Record, feature: Feature, *, patient: str, as_of: float) -> bool:
    """Rule 1: whether the record may be read at all."""
    if status(record.resource) not in FINAL | PRELIMINARY or ai_labelled(record.resource):
        return False
    if subject_of(record.resource, patient) != "own":
        return False
    if record.when is None:
        return feature.lookback is None
    return not periods.future(record.when, as_of) and periods.within(record.when, as_of, feature.lookback)


def ordered(records: Iterable[Record], *, earliest: bool = False) -> list[Record]:
    """Rules 2 and 3: final before preliminary, latest (or earliest) first, then by code and identifier."""

    def key(record: Record) -> tuple[bool, float, int, str]:
        at = record.at if record.at is not None else float("inf" if earliest else "-inf")
        return (not record.final, at if earliest else -at, record.rank, versioned(record.resource))

    return sorted(records, key=key)


def status(resource: Resource) -> str:
    """The status, or an empty string."""
    return text(resource.get("status")) or ""
