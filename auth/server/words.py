"""Scopes in the words of a person who is asked to allow them."""

from collections.abc import Mapping

from auth.scopes import FhirScope, Scope
from r4.generated.types import RESOURCES

WORDS: Mapping[str, str] = {
    "openid": "Know that it is you who signs in",
    "fhirUser": "Know your name and role in this EHR",
    "profile": "Know your name and role in this EHR",
    "launch": "Know which record is open in the EHR",
    "launch/patient": "Know which patient you chose",
    "launch/encounter": "Know which encounter you chose",
    "offline_access": "Keep this access after you sign out, until you revoke it",
    "online_access": "Keep this access while you are signed in",
}
WHOSE: Mapping[str, str] = {
    "patient": "of this patient", "user": "that you may see", "system": "of everybody",
}  # fmt: skip
VERBS: Mapping[str, str] = {"r": "read", "s": "search", "c": "add", "u": "change", "d": "delete"}
"""In the order in which they are said."""
TYPES: Mapping[str, str] = {
    "*": "all records", "AllergyIntolerance": "allergies", "CarePlan": "care plans", "CareTeam": "care teams",
    "Condition": "problems and diagnoses", "Coverage": "insurance coverage", "Device": "devices",
    "DiagnosticReport": "diagnostic reports", "DocumentReference": "documents and notes", "Encounter": "encounters",
    "Goal": "goals", "Immunization": "immunizations", "Location": "locations", "Medication": "medications",
    "MedicationRequest": "prescriptions", "Observation": "observations (vital signs, laboratory results)",
    "Organization": "organizations", "Patient": "personal details (name, birth date, address)",
    "Practitioner": "clinicians", "PractitionerRole": "roles of clinicians", "Procedure": "procedures",
    "Provenance": "records of who wrote what", "RelatedPerson": "relatives and contacts",
    "RiskAssessment": "risk assessments", "ServiceRequest": "orders",
}  # fmt: skip
"""Other types are called by their FHIR name."""
_THO, _US_CORE = "http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/us/core/CodeSystem/"
_OBSERVATION = f"{_THO}observation-category|"
KINDS: Mapping[tuple[str, str], str] = {
    # FHIR R4 observation-category
    ("Observation", f"{_OBSERVATION}activity"): "physical activity",
    ("Observation", f"{_OBSERVATION}exam"): "findings of examinations",
    ("Observation", f"{_OBSERVATION}imaging"): "findings of imaging",
    ("Observation", f"{_OBSERVATION}laboratory"): "laboratory results",
    ("Observation", f"{_OBSERVATION}procedure"): "observations made in procedures",
    ("Observation", f"{_OBSERVATION}social-history"): "social history (smoking, occupation)",
    ("Observation", f"{_OBSERVATION}survey"): "answers to questionnaires",
    ("Observation", f"{_OBSERVATION}therapy"): "observations made in therapies",
    ("Observation", f"{_OBSERVATION}vital-signs"): "vital signs",
    # US Core 6.1.0 us-core-category
    ("Observation", f"{_US_CORE}us-core-category|sdoh"): "observations of social needs",
    ("Observation", f"{_US_CORE}us-core-category|functional-status"): "observations of functional status",
    ("Observation", f"{_US_CORE}us-core-category|disability-status"): "observations of disability",
    ("Observation", f"{_US_CORE}us-core-category|cognitive-status"): "observations of cognitive status",
    ("Condition", f"{_US_CORE}us-core-category|sdoh"): "social needs",
    # FHIR R4 condition-category
    ("Condition", f"{_THO}condition-category|encounter-diagnosis"): "diagnoses made in encounters",
    ("Condition", f"{_THO}condition-category|problem-list-item"): "problems on the problem list",
    # US Core 6.1.0 condition-category, us-core-documentreference-category
    ("Condition", f"{_US_CORE}condition-category|health-concern"): "health concerns",
    ("DocumentReference", f"{_US_CORE}us-core-documentreference-category|clinical-note"): "clinical notes",
}
"""What the records of a type and category are called, of which granular scopes speak. Other categories are shown as they are."""
CASED = {type.lower(): type for type in RESOURCES}


def describe(scope: Scope) -> str:
    """One sentence without a full stop: ``Read and search observations … of this patient``."""
    if not isinstance(scope, FhirScope):
        type = scope.word.removeprefix("launch/").partition("?")[0]
        return WORDS.get(scope.word) or f"Know which {CASED.get(type, type)} is open in the EHR"
    verbs = [verb for letter, verb in VERBS.items() if letter in scope.actions]
    said = " and ".join(part for part in (", ".join(verbs[:-1]), verbs[-1]) if part)
    kind = KINDS.get((scope.type, dict(scope.query).get("category", "")))
    what = kind or TYPES.get(scope.type, f"records of type {scope.type}")
    where = [f"{name} is {value}" for name, value in scope.query if not (kind and name == "category")]
    only = f", only where {' and '.join(where)}" if where else ""
    return f"{said.capitalize()} {what} {WHOSE[scope.context]}{only}"


def writes(scope: Scope) -> bool:
    """Whether it lets the app alter the record: said apart on the page."""
    return isinstance(scope, FhirScope) and bool(scope.actions & frozenset("cud"))
