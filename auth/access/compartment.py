"""Whose a resource is (R4 §5.7 Patient compartment), as a function of the resource alone.

Narrower than the definition on purpose: who is merely mentioned beside another subject does not own the record, and a
Group or List of several patients is nobody's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from r4 import paths
from r4.definitions import parameters, patient_compartment
from r4.references import parse

SHARED = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"})
"""Types that are nobody's and that every patient's record refers to (US Core 6.1 scopes section lists the same)."""

SUBJECTS = ("patient", "subject", "beneficiary", "individual", "for")
"""The elements that say whom a record is about; when one is there, it decides."""

EXCLUDED = frozenset({"Group"})
NARROWING = ("patient", "subject", "beneficiary")
"""Search parameters that narrow a type to one patient, best first."""


def owned(resource: Mapping[str, Any], patient: str, *, base: str) -> bool:
    """Whether the resource is in the compartment of the patient (bare id). A Provenance is judged by its targets,
    elsewhere: here it is nobody's."""
    type = str(resource.get("resourceType"))
    if type == "Patient":
        return resource.get("id") == patient
    subjects = set(_said(resource, SUBJECTS, base))
    if subjects:
        return subjects == {f"Patient/{patient}"}
    return f"Patient/{patient}" in _compartment(resource, type, base)


def shared(resource: Mapping[str, Any], *, base: str) -> bool:
    """Whether the resource is nobody's, so that everybody who may read its type may read it: the shared types, and a
    Device or a document that is about no patient at all (a model and its card)."""
    type = str(resource.get("resourceType"))
    if type in SHARED:
        return True
    about_nobody = not set(_said(resource, SUBJECTS, base)) and not _compartment(resource, type, base)
    return type in ("Device", "DocumentReference") and about_nobody


def _said(resource: Mapping[str, Any], names: tuple[str, ...], base: str) -> Iterator[str]:
    for name in names:
        for value in paths.values(resource, (name,)):
            if isinstance(value, dict):
                local = parse(value.get("reference"), base=base)
                yield local.local if local else "elsewhere"


def _compartment(resource: Mapping[str, Any], type: str, base: str) -> set[str]:
    if type in EXCLUDED:
        return set()
    found: set[str] = set()
    rows = parameters(type)
    for name in patient_compartment().get(type, ()):
        for path, rule in rows[name].paths if name in rows else ():
            for value in paths.values(resource, tuple(path.split(".")), rule):
                local = parse(value.get("reference"), base=base) if isinstance(value, dict) else None
                found |= {local.local} if local else set()
    return found


def narrowing(type: str, patient: str) -> tuple[tuple[str, str], ...] | None:
    """The search parameters that keep a search of this type within the compartment; None when nothing does, and an
    empty tuple for a type that is nobody's."""
    if type == "Patient":
        return (("_id", patient),)
    if type in SHARED or type in ("Device", "Provenance"):
        return ()
    rows = parameters(type)
    known = [name for name in NARROWING if name in rows and rows[name].kind == "reference"]
    known += [name for name in patient_compartment().get(type, ()) if name in rows]
    return ((known[0], f"Patient/{patient}"),) if known and type not in EXCLUDED else None
