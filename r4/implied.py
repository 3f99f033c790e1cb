"""The code systems that are not written: an element of type code has that of its required binding (R4 §3.1.1.4.11: for a
code the system is implicit, "the system is defined in the value set")."""

from collections.abc import Mapping
from functools import cache

from r4.definitions import Row, elements, parameters

USUAL = "http://hl7.org/fhir"
"""A value set of codes of R4's own is drawn from the system of its own name here."""
OTHERS: Mapping[str, tuple[str, ...]] = {  # by name of the value set, compose.include.system of R4 4.0.1
    "care-plan-intent": (f"{USUAL}/request-intent",),
    "immunization-status": (f"{USUAL}/event-status",),
    "medication-admin-status": ("http://terminology.hl7.org/CodeSystem/medication-admin-status",),
    "medication-statement-status": (f"{USUAL}/CodeSystem/medication-statement-status",),
    "medication-status": (f"{USUAL}/CodeSystem/medication-status",),
    "medicationdispense-status": ("http://terminology.hl7.org/CodeSystem/medicationdispense-status",),
    "medicationrequest-intent": (f"{USUAL}/CodeSystem/medicationrequest-intent",),
    "medicationrequest-status": (f"{USUAL}/CodeSystem/medicationrequest-status",),
    "task-intent": (f"{USUAL}/task-intent", f"{USUAL}/request-intent"),
}


@cache
def systems(type: str, name: str) -> frozenset[str]:
    """The systems of a token parameter that looks at a code; none for any other."""
    row = parameters(type).get(name)
    if row is None or row.kind != "token" or len(row.paths) != 1:
        return frozenset()
    found: Row | None = None
    inside = type
    for step in row.paths[0][0].split("."):
        found = _element(inside, step)
        inside = found.type if found is not None else ""
    if found is None or found.type != "code" or found.codes is None:
        return frozenset()
    return frozenset(OTHERS.get(found.codes, (f"{USUAL}/{found.codes}",)))


def _element(type: str, step: str) -> Row | None:
    try:
        return elements(type).get(step)
    except KeyError:
        return None


def unsaid(type: str, name: str, value: str) -> str:
    """A token as it is stored: ``system|code`` without a system that the element implies."""
    system, bar, code = value.partition("|")
    return f"|{code}" if bar and system in systems(type, name) else value
