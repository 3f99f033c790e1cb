"""A chart made by hand."""

from typing import Any

from monitoring.grounding.values import Snapshot
from vocabulary.instant import parse_instant

PATIENT = "Patient/p1"
TYPES = ("Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure", "Encounter")


def _coded(text: str, system: str = "", code: str = "") -> dict[str, Any]:
    return {"text": text, **({"coding": [{"system": system, "code": code, "display": text}]} if code else {})}


def _condition(id: str, text: str, status: str, onset: str, verified: str = "confirmed", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": id, "meta": {"versionId": "1"}, "subject": {"reference": PATIENT}, "code": _coded(text),
        "clinicalStatus": {"coding": [{"code": status}]}, "verificationStatus": {"coding": [{"code": verified}]},
        "onsetDateTime": onset, **more,
    }  # fmt: skip


def _observation(id: str, code: str, text: str, value: float, unit: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "meta": {"versionId": "1"}, "status": "final", "subject": {"reference": PATIENT},
        "code": _coded(text, "http://loinc.org", code), "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "code": unit}, **more,
    }  # fmt: skip


def _order(id: str, text: str, status: str, when: str, often: int, **more: Any) -> dict[str, Any]:
    repeat = {"frequency": often, "period": 1, "periodUnit": "d"}
    dosage = {"timing": {"repeat": repeat}, "route": _coded("Oral"), "doseAndRate": [{"doseQuantity": {"value": 1}}]}
    return {
        "resourceType": "MedicationRequest", "id": id, "meta": {"versionId": "1"}, "status": status, "intent": "order",
        "subject": {"reference": PATIENT}, "medicationCodeableConcept": _coded(text), "authoredOn": when,
        "dosageInstruction": [dosage], **more,
    }  # fmt: skip


def _part(code: str, value: int) -> dict[str, Any]:
    return {"code": _coded("x", "http://loinc.org", code), "valueQuantity": {"value": value, "code": "mm[Hg]"}}


def _pressure(id: str, upper: int, lower: int, when: str) -> dict[str, Any]:
    made = _observation(id, "85354-9", "Blood pressure panel", 0, "", when)
    del made["valueQuantity"]
    return {**made, "component": [_part("8480-6", upper), _part("8462-4", lower)]}


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1958-05-02"},
    _condition("htn", "Hypertension", "active", "2010-03-01"),
    _condition("t2d", "Type 2 diabetes mellitus without complications", "active", "2015-06-12"),
    _condition("ckd", "Chronic kidney disease stage 3 (disorder)", "active", "2023-02-01"),
    _condition("pna", "Pneumonia", "resolved", "2021-11-03", abatementDateTime="2021-11-20"),
    _condition("dvt", "Deep vein thrombosis", "active", "2022-01-15", "refuted"),
    _order("met", "metformin hydrochloride 500 MG Oral Tablet", "active", "2024-01-05", 2),
    _order("lis", "lisinopril 10 MG Oral Tablet", "active", "2024-01-05", 1),
    _order("war", "Warfarin Sodium 5 MG Oral Tablet", "stopped", "2022-01-15", 1),
    {"resourceType": "AllergyIntolerance", "id": "pen", "patient": {"reference": PATIENT}, "code": _coded("Penicillin G"),
     "clinicalStatus": {"coding": [{"code": "active"}]}, "criticality": "high", "recordedDate": "2001-04-01"},
    _observation("cr1", "2160-0", "Creatinine", 1.0, "mg/dL", "2024-01-05T08:00:00Z"),
    _observation("cr2", "2160-0", "Creatinine", 1.2, "mg/dL", "2024-06-01T08:00:00Z"),
    _observation("cr3", "2160-0", "Creatinine", 1.5, "mg/dL", "2025-01-10T08:00:00Z"),
    _observation("k1", "2823-3", "Potassium", 6.8, "mmol/L", "2025-01-10T08:00:00Z",
                 interpretation=[{"coding": [{"code": "HH"}]}]),
    _observation("a1c1", "4548-4", "Hemoglobin A1c", 8.2, "%", "2024-01-05"),
    _observation("a1c2", "4548-4", "Hemoglobin A1c", 7.1, "%", "2025-01-10"),
    _observation("wt", "29463-7", "Body weight", 82.5, "kg", "2025-01-10"),
    _observation("tmp", "8310-5", "Body temperature", 38.2, "Cel", "2025-01-10"),
    _observation("wbc", "6690-2", "Leukocytes", 11.4, "10*3/uL", "2025-01-10"),
    _observation("gone", "2160-0", "Creatinine", 9.9, "mg/dL", "2025-01-11T08:00:00Z", status="entered-in-error"),
    _pressure("bp1", 142, 88, "2025-01-10"),
    {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": PATIENT},
     "period": {"start": "2025-01-10T07:00:00Z", "end": "2025-01-12T10:00:00Z"}},
    {"resourceType": "Procedure", "id": "col", "status": "completed", "subject": {"reference": PATIENT},
     "code": _coded("Colonoscopy (procedure)"), "performedDateTime": "2020-09-09"},
]  # fmt: skip
SNAPSHOT = Snapshot(
    patient=PATIENT, as_of=parse_instant("2025-02-01T00:00:00Z"), resources=tuple(RESOURCES), complete=frozenset(TYPES),
    elsewhere={"Observation/zz": "other_patient", "Observation/none": "absent", "Observation/own": "same_patient"},
)  # fmt: skip
