"""Records that the synthetic charts lack, of the first patient: so that every check of US Core has something to look at."""

import json
import time
from collections.abc import Iterator
from typing import Any

from sandbox.seed import load, ward

PATIENT = "dd8749cf-5bdf-570b-210b-0c44087f87ac"
"""The one whom the launcher lists first."""
WHO = {"reference": f"Patient/{PATIENT}"}
SNOMED, HL7 = "http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem"
LATER = "2026-01-02T03:04:05Z"


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], "text": code}


RECORDS: tuple[dict[str, Any], ...] = (
    {"resourceType": "Organization", "id": "us-payor", "active": True, "name": "Payor"},
    {"resourceType": "AllergyIntolerance", "id": "us-allergy", "patient": WHO, "code": concept(SNOMED, "91936005"),
     "clinicalStatus": concept(f"{HL7}/allergyintolerance-clinical", "active"),
     "verificationStatus": concept(f"{HL7}/allergyintolerance-verification", "confirmed"),
     "reaction": [{"manifestation": [concept(SNOMED, "271807003")]}]},
    {"resourceType": "Coverage", "id": "us-coverage", "status": "active", "beneficiary": WHO, "subscriberId": "1",
     "relationship": concept(f"{HL7}/subscriber-relationship", "self"), "payor": [{"reference": "Organization/us-payor"}],
     "identifier": [{"system": "urn:x", "value": "1"}], "type": concept(f"{HL7}/v3-ActCode", "EHCPOL"),
     "period": {"start": "2020-01-01"}},
    {"resourceType": "Device", "id": "us-device", "patient": WHO, "type": concept(SNOMED, "468063009"), "serialNumber": "1",
     "lotNumber": "2", "distinctIdentifier": "3", "udiCarrier": [{"deviceIdentifier": "4", "carrierHRF": "5"}]},
    {"resourceType": "Goal", "id": "us-goal", "lifecycleStatus": "active", "description": {"text": "walk"}, "subject": WHO,
     "startDate": "2026-01-01", "target": [{"measure": {"text": "steps"}, "dueDate": "2026-06-01"}]},
    {"resourceType": "MedicationDispense", "id": "us-dispense", "status": "completed", "subject": WHO,
     "medicationCodeableConcept": {"text": "drug"}, "quantity": {"value": 1}, "whenHandedOver": LATER},
    {"resourceType": "ServiceRequest", "id": "us-service", "status": "active", "intent": "order", "subject": WHO,
     "code": concept(SNOMED, "104091002"), "category": [concept(SNOMED, "386053000")], "authoredOn": LATER,
     "occurrenceDateTime": LATER, "requester": WHO},
    {"resourceType": "RelatedPerson", "id": "us-related", "active": True, "patient": WHO, "name": [{"family": "Kin"}],
     "relationship": [concept(f"{HL7}/v3-RoleCode", "MTH")], "telecom": [{"system": "phone", "value": "1"}],
     "address": [{"city": "Here"}]},
    {"resourceType": "Encounter", "id": "us-stay", "status": "finished", "subject": WHO, "type": [concept(SNOMED, "32485007")],
     "class": {"system": f"{HL7}/v3-ActCode", "code": "IMP"}, "period": {"start": LATER, "end": LATER},
     "hospitalization": {"dischargeDisposition": concept(f"{HL7}/discharge-disposition", "home")}},
    {"resourceType": "Immunization", "id": "us-refused", "status": "not-done", "patient": WHO, "occurrenceDateTime": LATER,
     "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140"), "statusReason": concept(f"{HL7}/v3-ActReason", "PATOBJ"),
     "primarySource": True},
    {"resourceType": "MedicationRequest", "id": "us-request", "status": "active", "intent": "order", "subject": WHO,
     "medicationCodeableConcept": {"text": "drug"}, "reportedBoolean": False, "authoredOn": LATER, "requester": WHO,
     "category": [concept(f"{HL7}/medicationrequest-category", "community")]},
    {"resourceType": "Observation", "id": "us-absent", "status": "final", "subject": WHO, "effectiveDateTime": LATER,
     "category": [concept(f"{HL7}/observation-category", "laboratory")], "code": concept("http://loinc.org", "2339-0"),
     "dataAbsentReason": concept(f"{HL7}/data-absent-reason", "not-performed")},
)  # fmt: skip


def chart() -> Iterator[dict[str, Any]]:
    """The synthetic charts, the ward day that ends now, and these records; the first patient with a fuller name."""
    for each in load.resources():
        yield _fuller(each) if each.get("id") == PATIENT else each
    yield from ward.ward_day(time.time())
    yield ward.ward()
    yield from json.loads(json.dumps(RECORDS))


def _fuller(patient: dict[str, Any]) -> dict[str, Any]:
    name, *others = patient["name"]
    fuller = {**name, "suffix": ["Jr."], "period": {"start": "1990-01-01"}}
    return {**patient, "name": [fuller, *others], "deceasedBoolean": False}
