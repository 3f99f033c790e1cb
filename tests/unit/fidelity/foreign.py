"""Records as other vendors send them, written by hand: nothing here comes from the seed or its degradations."""

from typing import Any

from fidelity.checks import ids
from fidelity.editions.shipped import shipped
from fidelity.records.judging import compile_rules
from fidelity.scan import Scan, Settings, digest

NOW = 1_795_600_000.0
SALT = b"foreign"
LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
ICD, RXNORM = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm"
NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
JUDGE = compile_rules(terminology=shipped(), as_of=NOW)
Resource = dict[str, Any]


def failed(*feed: Resource, pins: dict[str, str] | None = None, linkage: bool = False, id: str = "t") -> set[str]:
    """What the record ``t`` of a feed failed."""
    judge = compile_rules(terminology=shipped(), as_of=NOW, pins=pins) if pins else JUDGE
    scan = Scan(Settings(judge=judge, salt=SALT, pointers=100, linkage=linkage))
    for resource in feed:
        scan.add(resource)
    names = {f"{each['resourceType']}/{digest(each['resourceType'], id, SALT)}" for each in feed}
    return {name for bit, found in scan.results().pointers.items() if names & set(found) for name in ids(bit)}


def said(record: Resource, members: Resource) -> Resource:
    """The record with these members; None takes one away."""
    return {name: value for name, value in {**record, **members}.items() if value is not None}


def concept(code: str, system: str = LOINC, display: str | None = None) -> Resource:
    coding = {"system": system, "code": code}
    return {"coding": [coding if display is None else {**coding, "display": display}]}


def quantity(value: float, unit: str = "mg/dL", **members: Any) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **members}


def result(code: str | Resource = "2160-0", value: Resource | None = None, **members: Any) -> Resource:
    category = concept("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category")
    record = {
        "resourceType": "Observation", "id": "t", "status": "final", "category": [category],
        "code": concept(code) if isinstance(code, str) else code, "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"}, "effectiveDateTime": "2026-03-02T09:15:00+01:00", "valueQuantity": value,
    }  # fmt: skip
    return said(record, members)


def diagnosis(code: str | Resource = "E11.9", system: str = ICD, **members: Any) -> Resource:
    record = {
        "resourceType": "Condition", "id": "t", "verificationStatus": concept("confirmed", VERIFIED),
        "category": [concept("encounter-diagnosis", "http://terminology.hl7.org/CodeSystem/condition-category")],
        "code": concept(code, system) if isinstance(code, str) else code, "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"}, "onsetDateTime": "2026-03-01T08:00:00Z",
        "recordedDate": "2026-03-02T10:00:00Z",
    }  # fmt: skip
    return said(record, members)


def person(**members: Any) -> Resource:
    record = {
        "resourceType": "Patient", "id": "p", "identifier": [{"value": "1"}], "gender": "female",
        "name": [{"family": "Kaya", "given": ["Ada"]}], "birthDate": "1970-05-01",
    }  # fmt: skip
    return said(record, members)


def visit(**members: Any) -> Resource:
    record = {
        "resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p"}, "period": {"start": "2026-03-01T08:00:00Z", "end": "2026-03-09T10:00:00Z"},
    }  # fmt: skip
    return said(record, members)


def report(**members: Any) -> Resource:
    record = {
        "resourceType": "DiagnosticReport", "id": "t", "status": "final", "code": concept("24323-8"),
        "category": [concept("LAB", "http://terminology.hl7.org/CodeSystem/v2-0074")], "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"}, "effectiveDateTime": "2026-03-02T09:15:00Z", "result": [{"display": "x"}],
    }  # fmt: skip
    return said(record, members)


def document(*attachments: Resource, **members: Any) -> Resource:
    record = {
        "resourceType": "DocumentReference", "id": "t", "status": "current", "type": concept("34133-9"),
        "category": [concept("clinical-note", "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category")],
        "subject": {"reference": "Patient/p"}, "date": "2026-03-02T09:00:00Z",
        "content": [{"attachment": each} for each in attachments],
    }  # fmt: skip
    return said(record, members)
