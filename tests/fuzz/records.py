"""The records of the fuzzed EHR: two patients with something of most types, and what is nobody's.

Every record of the second patient holds ``CANARY``: an answer to the first patient's token that holds it is a leak.
"""

from typing import Any

CANARY = "canaryofpatienttwo"
CODE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def records() -> list[dict[str, Any]]:
    """All of them, referred-to ones first."""
    return [
        {"resourceType": "Organization", "id": "org", "name": "Ward"},
        {"resourceType": "Practitioner", "id": "d1", "name": [{"text": "Dr. Dee"}]},
        {"resourceType": "Practitioner", "id": "d2", "name": [{"text": "Dr. Two"}]},
        {"resourceType": "Medication", "id": "med", "code": {"text": "Aspirin"}},
        {"resourceType": "Device", "id": "model", "deviceName": [{"name": "A model", "type": "user-friendly-name"}]},
        *_patient("1", "quiet"),
        *_patient("2", CANARY),
        {"resourceType": "Observation", "id": "ox", "status": "final", "code": CODE, "subject": of("2"), "performer": [of("1")],
         "note": [{"text": CANARY}]},
        {"resourceType": "CareTeam", "id": "ct", "subject": of("2"), "name": CANARY, "participant": [{"member": of("1")}]},
        {"resourceType": "Provenance", "id": "pvx", "recorded": "2023-01-01T00:00:00Z", "agent": [{"who": {"display": CANARY}}],
         "target": [{"reference": "Observation/o10"}, {"reference": "Observation/o20"}]},
        {"resourceType": "Group", "id": "both", "type": "person", "actual": True,
         "member": [{"entity": of("1")}, {"entity": of("2")}], "name": CANARY},
    ]  # fmt: skip


def of(n: str) -> dict[str, str]:
    return {"reference": f"Patient/p{n}"}


def _patient(n: str, mark: str) -> list[dict[str, Any]]:
    subject, encounter = {"subject": of(n)}, {"encounter": {"reference": f"Encounter/e{n}"}}
    note = {"note": [{"text": mark}]}
    observations = [
        {"resourceType": "Observation", "id": f"o{n}{i}", "status": "final", "code": CODE, **subject, **encounter, **note,
         "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": kind}]}],
         "effectiveDateTime": f"2023-0{i + 1}-01", "valueQuantity": {"value": 60 + i, "unit": "/min"}}
        for i, kind in enumerate(("vital-signs", "laboratory", "laboratory"))
    ]  # fmt: skip
    return [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": mark, "given": ["Ada"]}], "birthDate": "1970-01-01",
         "generalPractitioner": [{"reference": "Practitioner/d1"}]},
        {"resourceType": "RelatedPerson", "id": f"r{n}", "patient": of(n), "name": [{"family": mark}]},
        {"resourceType": "Encounter", "id": f"e{n}", "status": "in-progress", "class": {"code": "IMP", "display": mark}, **subject},
        {"resourceType": "Condition", "id": f"c{n}", "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
         "code": {"text": mark}, **subject, **encounter},
        *observations,
        {"resourceType": "DiagnosticReport", "id": f"dr{n}", "status": "final", "code": CODE, **subject, "conclusion": mark,
         "result": [{"reference": f"Observation/o{n}0"}]},
        {"resourceType": "MedicationRequest", "id": f"m{n}", "status": "active", "intent": "order", **subject, **note,
         "medicationReference": {"reference": "Medication/med"}},
        {"resourceType": "AllergyIntolerance", "id": f"a{n}", "patient": of(n), "code": {"text": mark}},
        {"resourceType": "Coverage", "id": f"cov{n}", "status": "active", "beneficiary": of(n), "subscriberId": mark,
         "payor": [{"reference": "Organization/org"}]},
        {"resourceType": "Task", "id": f"t{n}", "status": "requested", "intent": "order", "for": of(n), "description": mark},
        {"resourceType": "Device", "id": f"dev{n}", "patient": of(n), "serialNumber": mark},
        {"resourceType": "DocumentReference", "id": f"doc{n}", "status": "current", **subject, "description": mark,
         "content": [{"attachment": {"url": f"Binary/b{n}", "title": mark}}]},
        {"resourceType": "Binary", "id": f"b{n}", "contentType": "text/plain", "data": "Y2FuYXJ5",
         "securityContext": of(n), "meta": {"tag": [{"display": mark}]}},
        {"resourceType": "Provenance", "id": f"pv{n}", "recorded": "2023-01-01T00:00:00Z",
         "target": [{"reference": f"Observation/o{n}0"}], "agent": [{"who": {"reference": "Practitioner/d1", "display": mark}}]},
        {"resourceType": "List", "id": f"l{n}", "status": "current", "mode": "working", "title": mark, **subject},
        {"resourceType": "Appointment", "id": f"ap{n}", "status": "booked", "description": mark,
         "participant": [{"actor": of(n), "status": "accepted"}]},
    ]  # fmt: skip
