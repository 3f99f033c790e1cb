"""A resource of every type that the store holds, with what R4 demands and little else."""

from collections.abc import Mapping
from typing import Any

TEXT, PATIENT = {"text": "t"}, {"reference": "Patient/cap-patient"}
CODING = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
WHEN = "2026-01-02T03:04:05Z"
SUBJECT = {"subject": PATIENT}
CLINICAL = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
}
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}

_MEMBERS: Mapping[str, dict[str, Any]] = {
    "AllergyIntolerance": {"patient": PATIENT, "clinicalStatus": CLINICAL},
    "Appointment": {"status": "proposed", "participant": [{"actor": PATIENT, "status": "accepted"}]},
    "AuditEvent": {
        "type": CODING, "recorded": WHEN, "agent": [{"requestor": True}], "source": {"observer": {"display": "x"}},
    },
    "Basic": {"code": TEXT},
    "Binary": {"contentType": "text/plain", "data": "eA=="},
    "CarePlan": {"status": "active", "intent": "plan", **SUBJECT},
    "CareTeam": SUBJECT,
    "Communication": {"status": "completed"},
    "Condition": {"clinicalStatus": ACTIVE, **SUBJECT},
    "Consent": {"status": "draft", "scope": TEXT, "category": [TEXT], "policyRule": TEXT},
    "Coverage": {"status": "active", "beneficiary": PATIENT, "payor": [{"display": "x"}]},
    "DetectedIssue": {"status": "final"},
    "Device": {"deviceName": [{"name": "m", "type": "model-name"}]},
    "DiagnosticReport": {"status": "final", "code": TEXT},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}]},
    "Encounter": {"status": "finished", "class": CODING, **SUBJECT},
    "Endpoint": {
        "status": "active", "connectionType": CODING, "payloadType": [TEXT], "address": "http://example.org/fhir",
    },
    "Flag": {"status": "active", "code": TEXT, **SUBJECT},
    "Goal": {"lifecycleStatus": "active", "description": TEXT, **SUBJECT},
    "Group": {
        "type": "person", "actual": True, "member": [{"entity": PATIENT}],
        "characteristic": [{"code": {"coding": [{"code": "c"}]}, "valueBoolean": True, "exclude": False}],
    },
    "ImagingStudy": {"status": "available", **SUBJECT},
    "Immunization": {"status": "completed", "vaccineCode": TEXT, "patient": PATIENT, "occurrenceDateTime": "2026-01-02"},
    "List": {"status": "current", "mode": "working"},
    "Location": {"name": "here"},
    "Medication": {"code": TEXT},
    "MedicationAdministration": {
        "status": "completed", "medicationCodeableConcept": TEXT, "effectiveDateTime": "2026-01-02", **SUBJECT,
    },
    "MedicationDispense": {"status": "completed", "medicationCodeableConcept": TEXT, "whenHandedOver": WHEN, **SUBJECT},
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": TEXT, **SUBJECT},
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": TEXT, **SUBJECT},
    "Observation": {
        "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectiveDateTime": WHEN, "component": [{"code": TEXT, "valueQuantity": {"value": 120, "unit": "mm[Hg]"}}], **SUBJECT,
    },
    "Organization": {"name": "x"},
    "Patient": {"name": [{"family": "Cap"}], "gender": "female", "birthDate": "1980-01-02"},
    "Practitioner": {"name": [{"family": "Doc"}]},
    "PractitionerRole": {"active": True},
    "Procedure": {"status": "completed", "performedDateTime": "2026-01-02", **SUBJECT},
    "Provenance": {"target": [PATIENT], "recorded": WHEN, "agent": [{"who": {"display": "x"}}]},
    "QuestionnaireResponse": {"status": "completed", "authored": WHEN},
    "RelatedPerson": {"patient": PATIENT},
    "RiskAssessment": {"status": "final", "prediction": [{"probabilityDecimal": 0.5}], **SUBJECT},
    "ServiceRequest": {"status": "active", "intent": "order", **SUBJECT},
    "Specimen": SUBJECT,
    "Task": {"status": "draft", "intent": "order"},
}  # fmt: skip

MINIMAL: Mapping[str, dict[str, Any]] = {
    type: {"resourceType": type, "id": f"cap-{type.lower()}", **members} for type, members in _MEMBERS.items()
}
