"""Whose record it is. A resource of another patient in one's chart is the gravest fault there is (REF-04)."""

from typing import Any, Literal

from fidelity.elements import kind, table, text
from vocabulary.chart import Resource

Subject = Literal["own", "foreign", "missing", "unknown"]
SUBJECTS = {"AllergyIntolerance": "patient", "Immunization": "patient"}
"""The element that names the patient, where it is not ``subject``."""
SHARED = frozenset({"Medication", "Practitioner", "PractitionerRole", "Organization", "Location", "Device"})
"""Types that belong to no patient."""


def target(reference: Any) -> tuple[str, str] | None:
    """``(type, id)`` of a literal reference, relative or absolute, version left off; None for any other."""
    literal = text(table(reference).get("reference"))
    if literal is None or literal.startswith("#"):
        return None
    parts = literal.partition("/_history/")[0].split("/")
    return (parts[-2], parts[-1]) if len(parts) >= 2 and parts[-1] and parts[-2].isalpha() else None


def subject_of(resource: Resource, patient: str) -> Subject:
    """``own`` when it names ``patient`` (``Patient/id``), ``foreign`` another patient, ``missing`` nobody, ``unknown``
    something that is not a patient. ``focus`` on somebody else (a fetus, a donor) makes it foreign too."""
    if kind(resource) in SHARED:
        return "own"
    reference = resource.get(SUBJECTS.get(kind(resource), "subject"))
    if not table(reference):
        return "missing"
    found = target(reference)
    if found is None or found[0] != "Patient":
        return "unknown"
    if "/".join(found) != patient:
        return "foreign"
    return "own" if _focused(resource, patient) else "unknown"


def _focused(resource: Resource, patient: str) -> bool:
    focus = resource.get("focus")
    if not isinstance(focus, list) or not focus:
        return True
    return all((found := target(item)) is not None and "/".join(found) == patient for item in focus)
