"""Bodies that the suites write: small resources of a patient, and bytes that a JSON library would not write so."""

import json
from collections.abc import Mapping
from typing import Any

VITAL = {"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}
SYSTEM = "urn:chartgate:conformance"
"""The system of the identifiers by which what a run wrote is found again."""
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
PERFORMER = "http://hl7.org/fhir/StructureDefinition/event-performerFunction"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
NOTES = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
AIAST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
INLINE = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PROCESSINLINELABEL"}
INLINE_LABEL = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
AI_DEVICE = {
    "system": "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
    "code": "Artificial-Intelligence",
}
Resource = dict[str, Any]


def sample(patient: str, **changes: Any) -> Resource:
    """A small Observation of a patient."""
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [VITAL]},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": "2026-01-02T03:04:05Z", **changes,
    }  # fmt: skip


def exact(number: str, body: Mapping[str, Any]) -> bytes:
    """The Observation with this number as its value, as bytes: a JSON library would not write the digits so."""
    value = {"value": 0, "unit": "kg", "system": UCUM, "code": "kg"}
    return json.dumps({**body, "valueQuantity": value}).replace('"value": 0,', f'"value": {number},').encode()


def identifier(mark: str) -> list[Resource]:
    """The identifier by which a resource is found again."""
    return [{"system": SYSTEM, "value": mark}]


def by_mark(mark: str) -> str:
    """The search for it, also as a condition."""
    return f"identifier={SYSTEM}|{mark}"


def vital(patient: str, mark: str, shape: Mapping[str, Any] | None = None, **changes: Any) -> Resource:
    """A body weight as most EHRs take one; ``shape`` is what this server wants beside that. Another mark is another
    reading at another time: some EHRs refuse a reading that they have."""
    concept = {"coding": [{"system": CATEGORY, "code": "vital-signs"}]}
    number = int(mark or "0", 16)
    value = {"value": 50 + number % 4000 / 100, "unit": "kg", "system": UCUM, "code": "kg"}
    at = f"2026-01-02T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    body = sample(patient, identifier=identifier(mark), category=[concept], valueQuantity=value, effectiveDateTime=at)
    return {**body, **(shape or {}), **changes}


def shapes(encounter: str | None, practitioner: str | None) -> list[Resource]:
    """What a server may want of an Observation beside that, the least first: none, a visit, a performer who stands for it."""
    found: list[Resource] = [{}]
    visit = {"encounter": {"reference": f"Encounter/{encounter}"}} if encounter else {}
    if visit:
        found.append(visit)
    if practitioner:
        function = {"coding": [{"system": PARTICIPATION, "code": "LA"}]}
        who = {"reference": practitioner, "extension": [{"url": PERFORMER, "valueCodeableConcept": function}]}
        found.append({**visit, "performer": [who]})
    return found


def condition(patient: str, mark: str) -> Resource:
    """A problem of a patient."""
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition", "identifier": identifier(mark), "subject": {"reference": f"Patient/{patient}"},
        "clinicalStatus": {"coding": [{"system": clinical, "code": "active"}]}, "code": {"text": "conformance"},
    }  # fmt: skip


def risk(patient: str, mark: str, **changes: Any) -> Resource:
    """A risk of a patient, as a model says it."""
    return {
        "resourceType": "RiskAssessment", "identifier": identifier(mark), "status": "preliminary",
        "subject": {"reference": f"Patient/{patient}"}, "occurrenceDateTime": "2026-01-02T03:04:05Z",
        "prediction": [{"outcome": {"text": "conformance"}, "probabilityDecimal": 7.25}], **changes,
    }  # fmt: skip


def document(patient: str, mark: str) -> Resource:
    """A note of a patient."""
    return {
        "resourceType": "DocumentReference", "identifier": identifier(mark), "status": "current", "docStatus": "final",
        "type": {"coding": [{"system": LOINC, "code": "11506-3"}]}, "subject": {"reference": f"Patient/{patient}"},
        "category": [{"coding": [{"system": NOTES, "code": "clinical-note"}]}],
        "content": [{"attachment": {"contentType": "text/plain", "data": "Y29uZm9ybWFuY2U="}}],
    }  # fmt: skip


def flag(patient: str, mark: str) -> Resource:
    """A flag on a patient."""
    return {
        "resourceType": "Flag", "identifier": identifier(mark), "status": "active", "code": {"text": "conformance"},
        "subject": {"reference": f"Patient/{patient}"},
    }  # fmt: skip


def device(mark: str, model: str = "conformance", version: str = "1.0.0") -> Resource:
    """A model of a version as a Device (AI Transparency on FHIR, AI-Device)."""
    return {
        "resourceType": "Device", "identifier": identifier(mark), "type": {"coding": [AI_DEVICE]},
        "deviceName": [{"name": model, "type": "model-name"}], "version": [{"value": version}],
    }  # fmt: skip


def provenance(*targets: str, device: str) -> Resource:
    """Who made the targets (AI Transparency on FHIR, AI-Provenance)."""
    kind = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]
    }
    return {
        "resourceType": "Provenance", "target": [{"reference": target} for target in targets],
        "recorded": "2026-01-02T03:04:06Z", "reason": [{"coding": [AIAST]}],
        "agent": [{"type": kind, "role": [{"coding": [AI_DEVICE]}], "who": {"reference": device}}],
    }  # fmt: skip


def bundle(kind: str, *entries: Resource) -> Resource:
    """A batch or transaction."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method: str, url: str, resource: Resource | None = None, **more: str) -> Resource:
    """One request of it; ``more`` are members of the request, and ``fullUrl``."""
    full = {"fullUrl": more.pop("fullUrl")} if "fullUrl" in more else {}
    return {**full, **({"resource": resource} if resource else {}), "request": {"method": method, "url": url, **more}}
