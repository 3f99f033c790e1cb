"""Whose a resource is, said again from the R4 compartment definition (http://hl7.org/fhir/R4/compartmentdefinition-patient.html)
and nothing of the product: the judge of the access properties. It looks at raw rows and raw answers."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ABOUT: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("patient",), "Appointment": ("participant.actor",), "Basic": ("subject",), "Binary": ("securityContext",),
    "CarePlan": ("subject",), "CareTeam": ("subject",), "Communication": ("subject",), "Condition": ("subject",), "Consent": ("patient",),
    "Coverage": ("beneficiary",), "DetectedIssue": ("patient",), "Device": ("patient",), "DiagnosticReport": ("subject",),
    "DocumentReference": ("subject",), "Encounter": ("subject",), "Flag": ("subject",), "Goal": ("subject",), "Group": ("member.entity",),
    "ImagingStudy": ("subject",), "Immunization": ("patient",), "List": ("subject",), "MedicationAdministration": ("subject",),
    "MedicationDispense": ("subject",),
    "MedicationRequest": ("subject",), "MedicationStatement": ("subject",), "Observation": ("subject",), "Procedure": ("subject",),
    "QuestionnaireResponse": ("subject",), "RelatedPerson": ("patient",), "RiskAssessment": ("subject",), "ServiceRequest": ("subject",),
    "Specimen": ("subject",), "Task": ("for",),
}  # fmt: skip
"""The element that says whom a record is about."""
BESIDE: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("recorder", "asserter"), "Basic": ("author",), "CarePlan": ("activity.detail.performer",),
    "CareTeam": ("participant.member",), "Communication": ("sender", "recipient"), "Condition": ("asserter",),
    "Coverage": ("policyHolder", "subscriber", "payor"), "DocumentReference": ("author",), "List": ("source",),
    "MedicationAdministration": ("performer.actor",), "MedicationDispense": ("performer.actor",), "Observation": ("performer",), "Patient": ("link.other",),
    "Procedure": ("performer.actor",), "QuestionnaireResponse": ("author",), "ServiceRequest": ("performer",),
}  # fmt: skip
"""Further elements that put a record into a patient's compartment."""
NOBODYS = frozenset(
    {
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Medication",
        "OperationOutcome",
        "CapabilityStatement",
    }
)
MAY_BE_NOBODYS = frozenset({"Device", "DocumentReference"})
_PATIENT = re.compile(r"Patient/([A-Za-z0-9.-]+)")
Row = tuple[str, str, int, int, bytes]


def resources_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every resource of a parsed answer: itself, or what its entries hold."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") != "Bundle":
        yield value
        return
    for entry in value.get("entry", ()):
        yield from resources_in(entry.get("resource"))


def named(resource: Mapping[str, Any], paths: Iterable[str]) -> set[str]:
    """The ids of the patients that stand at these paths, however the reference is spelt."""
    found = set()
    for path in paths:
        for value in _at(resource, path.split(".")):
            said = value.get("reference") if isinstance(value, dict) else None
            found |= set(_PATIENT.findall(said)) if isinstance(said, str) else set()
    return found


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


class Oracle:
    """Judges with the raw rows of the store at hand."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def rows(self) -> dict[tuple[str, str], Row]:
        """The current rows by type and id."""
        found = self._raw.execute("SELECT type, id, version, deleted, body FROM fhir_resources").fetchall()
        return {(row[0], row[1]): row for row in found}

    def versions(self) -> dict[tuple[str, str, int], bytes]:
        """The earlier versions."""
        return {
            tuple(row[:3]): row[3] for row in self._raw.execute("SELECT type, id, version, body FROM fhir_versions")
        }

    def whose(self, resource: Mapping[str, Any], rows: Mapping[tuple[str, str], Row]) -> set[str]:
        """The patients whom a resource is about; of a Provenance, all those its targets are about."""
        kind = str(resource.get("resourceType"))
        if kind == "Patient":
            return {str(resource.get("id"))}
        if kind != "Provenance":
            return named(resource, ABOUT.get(kind, ()))
        found: set[str] = set()
        for target in resource.get("target", ()):
            row = rows.get(tuple(str(target.get("reference")).split("/")[:2]))  # type: ignore[arg-type]
            found |= self.whose(json.loads(row[4]), rows) if row and row[4] else {"nobody there"}
        return found

    def may_see(self, resource: Mapping[str, Any], patient: str, rows: Mapping[tuple[str, str], Row]) -> bool:
        """Whether an answer to the patient's own token may hold it."""
        kind, about = str(resource.get("resourceType")), self.whose(resource, rows)
        if kind in NOBODYS:
            return True
        return about == {patient} or (
            not about and kind in MAY_BE_NOBODYS and not named(resource, BESIDE.get(kind, ())) - {patient}
        )

    def changes(
        self, patient: str, before: Mapping[tuple[str, str], Row], after: Mapping[tuple[str, str], Row]
    ) -> list[str]:
        """What was changed in the store that the patient's token may not change."""
        found = []
        for key in before.keys() | after.keys():
            old, new = before.get(key), after.get(key)
            if old == new:
                continue
            if old and not old[3] and self.whose(json.loads(old[4]), before) != {patient}:
                found.append(f"{key}: was not theirs to change")
            if new and not new[3] and not self._may_stand(json.loads(new[4]), patient, after):
                found.append(f"{key}: not theirs to write")
            if new is None:
                found.append(f"{key}: the row is gone")
        return found

    def _may_stand(self, resource: Mapping[str, Any], patient: str, rows: Mapping[tuple[str, str], Row]) -> bool:
        beside = named(resource, BESIDE.get(str(resource.get("resourceType")), ()))
        return self.whose(resource, rows) == {patient} and beside <= {patient}
