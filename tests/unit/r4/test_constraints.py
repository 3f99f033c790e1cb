"""Every constraint that the ledger calls enforced fails for the element that breaks it, and holds for its twin."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from r4 import codec
from r4.constraints import ELEMENT_RULES, RESOURCE_RULES, of_element
from r4.definitions import error_constraints

ROOT = Path(__file__).parents[3]
AV, CV = (
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
)
ERROR = {"coding": [{"system": AV, "code": "entered-in-error"}]}
WRONG = {"coding": [{"system": CV, "code": "entered-in-error"}]}
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
GONE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}]}
UCUM = "http://unitsofmeasure.org"


def scope(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "something", "code": code}]}


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # constraint, type, what breaks it, what does not
    ("age-1", "Age", {"value": 0, "system": UCUM, "code": "a"}, {"value": 1, "system": UCUM, "code": "a"}),
    ("ait-1", "AllergyIntolerance", {}, {"clinicalStatus": {"text": "x"}}),
    (
        "ait-2",
        "AllergyIntolerance",
        {"verificationStatus": ERROR, "clinicalStatus": {"text": "x"}},
        {"verificationStatus": ERROR},
    ),
    ("app-1", "Appointment.participant", {"status": "accepted"}, {"actor": {"display": "x"}}),
    (
        "app-2",
        "Appointment",
        {"start": "2026", "status": "proposed"},
        {"start": "2026", "end": "2026", "status": "booked"},
    ),
    ("app-3", "Appointment", {"status": "booked"}, {"status": "proposed"}),
    (
        "app-4",
        "Appointment",
        {"status": "proposed", "cancelationReason": {"text": "x"}},
        {"status": "cancelled", "cancelationReason": {"text": "x"}},
    ),
    ("bdl-1", "Bundle", {"type": "batch", "total": 1}, {"type": "searchset", "total": 1}),
    (
        "bdl-2",
        "Bundle",
        {"type": "collection", "entry": [{"search": {"mode": "match"}}]},
        {"type": "searchset", "entry": [{"search": {"mode": "match"}}]},
    ),
    ("bdl-3", "Bundle", {"type": "batch", "entry": [{}]}, {"type": "batch", "entry": [{"request": {"method": "GET"}}]}),
    (
        "bdl-4",
        "Bundle",
        {"type": "batch-response", "entry": [{}]},
        {"type": "batch-response", "entry": [{"response": {"status": "200"}}]},
    ),
    ("bdl-5", "Bundle.entry", {"fullUrl": "urn:x"}, {"resource": {"resourceType": "Patient"}}),
    (
        "bdl-7",
        "Bundle",
        {"type": "collection", "entry": [{"fullUrl": "a"}, {"fullUrl": "a"}]},
        {"type": "collection", "entry": [{"fullUrl": "a"}, {"fullUrl": "b"}]},
    ),
    (
        "bdl-8",
        "Bundle.entry",
        {"fullUrl": "http://x/P/1/_history/2", "resource": {}},
        {"fullUrl": "http://x/P/1", "resource": {}},
    ),
    (
        "bdl-9",
        "Bundle",
        {"type": "document", "timestamp": "x"},
        {"type": "document", "identifier": {"system": "a", "value": "b"}},
    ),
    ("bdl-10", "Bundle", {"type": "document"}, {"type": "document", "timestamp": "x"}),
    (
        "bdl-11",
        "Bundle",
        {"type": "document"},
        {"type": "document", "entry": [{"resource": {"resourceType": "Composition"}}]},
    ),
    (
        "bdl-12",
        "Bundle",
        {"type": "message"},
        {"type": "message", "entry": [{"resource": {"resourceType": "MessageHeader"}}]},
    ),
    ("cnt-3", "Count", {"value": 1, "code": "kg", "system": UCUM}, {"value": 1, "code": "1", "system": UCUM}),
    ("con-1", "Condition.stage", {"id": "a"}, {"summary": {"text": "x"}}),
    ("con-2", "Condition.evidence", {"id": "a"}, {"code": [{"text": "x"}]}),
    (
        "con-4",
        "Condition",
        {"abatementString": "x", "clinicalStatus": ACTIVE},
        {"abatementString": "x", "clinicalStatus": GONE},
    ),
    ("con-5", "Condition", {"verificationStatus": WRONG, "clinicalStatus": ACTIVE}, {"verificationStatus": WRONG}),
    ("cpl-3", "CarePlan.activity", {"detail": {}, "reference": {}}, {"detail": {}}),
    ("dis-1", "Distance", {"value": 1, "system": "urn:x", "code": "m"}, {"value": 1, "system": UCUM, "code": "m"}),
    ("drq-1", "DataRequirement.codeFilter", {"path": "a", "searchParam": "b"}, {"path": "a"}),
    ("drq-2", "DataRequirement.dateFilter", {"id": "a"}, {"searchParam": "b"}),
    ("drt-1", "Duration", {"code": "h", "system": UCUM}, {"value": 1, "code": "h", "system": UCUM}),
    ("exp-1", "Expression", {"language": "a"}, {"expression": "a"}),
    ("gol-1", "Goal.target", {"detailString": "x"}, {"detailString": "x", "measure": {"text": "y"}}),
    ("grp-1", "Group", {"actual": False, "member": [{}]}, {"actual": True, "member": [{}]}),
    ("imm-1", "Immunization.education", {"id": "a"}, {"documentType": "a"}),
    (
        "inv-1",
        "Task",
        {"authoredOn": "2026-02-01", "lastModified": "2026-01-01"},
        {"authoredOn": "2026-01-01", "lastModified": "2026-02-01"},
    ),
    ("lst-1", "List", {"emptyReason": {}, "entry": [{}]}, {"entry": [{}]}),
    (
        "lst-2",
        "List",
        {"mode": "working", "entry": [{"deleted": True}]},
        {"mode": "changes", "entry": [{"deleted": True}]},
    ),
    (
        "lst-3",
        "List",
        {"mode": "changes", "entry": [{"date": "2026"}]},
        {"mode": "working", "entry": [{"date": "2026"}]},
    ),
    ("mad-1", "MedicationAdministration.dosage", {"text": "a"}, {"dose": {"value": 1}}),
    (
        "mdd-1",
        "MedicationDispense",
        {"whenPrepared": "2026-01-03", "whenHandedOver": "2026-01-01"},
        {"whenPrepared": "2026-01-02", "whenHandedOver": "2026-01-02"},
    ),
    ("org-1", "Organization", {"active": True}, {"name": "x"}),
    ("org-2", "Organization", {"name": "x", "address": [{"use": "home"}]}, {"name": "x", "address": [{"use": "work"}]}),
    ("org-3", "Organization", {"name": "x", "telecom": [{"use": "home"}]}, {"name": "x", "telecom": [{"use": "work"}]}),
    ("pat-1", "Patient.contact", {"gender": "male"}, {"name": {"text": "x"}}),
    ("ppc-1", "Consent", {"patient": {}}, {"patient": {}, "policyRule": {}}),
    ("ppc-2", "Consent", {"policyRule": {}, "scope": scope("patient-privacy")}, {"policyRule": {}, "patient": {}}),
    ("ppc-3", "Consent", {"policyRule": {}, "scope": scope("research")}, {"policyRule": {}, "scope": scope("other")}),
    (
        "ppc-4",
        "Consent",
        {"policyRule": {}, "scope": scope("adr")},
        {"policyRule": {}, "patient": {}, "scope": scope("adr")},
    ),
    ("ppc-5", "Consent", {"policyRule": {}, "scope": scope("treatment")}, {"policyRule": {}, "patient": {}}),
    ("prr-1", "ServiceRequest", {"orderDetail": [{}]}, {"orderDetail": [{}], "code": {}}),
    ("qrs-1", "QuestionnaireResponse.item", {"answer": [{}], "item": [{}]}, {"item": [{}]}),
    ("sev-1", "AuditEvent.entity", {"name": "a", "query": "b"}, {"name": "a"}),
    ("sqty-1", "SimpleQuantity", {"value": 1, "comparator": "<"}, {"value": 1}),
    ("tim-1", "Timing.repeat", {"duration": 1}, {"duration": 1, "durationUnit": "h"}),
    ("tim-2", "Timing.repeat", {"period": 1}, {"period": 1, "periodUnit": "h"}),
    ("tim-4", "Timing.repeat", {"duration": -1, "durationUnit": "h"}, {"duration": 0, "durationUnit": "h"}),
    ("tim-5", "Timing.repeat", {"period": -1, "periodUnit": "h"}, {"period": 0, "periodUnit": "h"}),
    ("tim-6", "Timing.repeat", {"periodMax": 1}, {"periodMax": 2, "period": 1, "periodUnit": "h"}),
    ("tim-7", "Timing.repeat", {"durationMax": 1}, {"durationMax": 2, "duration": 1, "durationUnit": "h"}),
    ("tim-8", "Timing.repeat", {"countMax": 1}, {"countMax": 2, "count": 1}),
    ("tim-9", "Timing.repeat", {"offset": 5, "when": ["C"]}, {"offset": 5, "when": ["AC"]}),
    ("tim-10", "Timing.repeat", {"timeOfDay": ["08:00:00"], "when": ["AC"]}, {"when": ["AC"]}),
    ("trd-1", "TriggerDefinition", {"data": [{}], "timingDate": "2026"}, {"data": [{}]}),
    ("trd-2", "TriggerDefinition", {"condition": {}}, {"condition": {}, "data": [{}]}),
    ("trd-3", "TriggerDefinition", {"type": "periodic"}, {"type": "periodic", "timingDate": "2026"}),
]
ELSEWHERE = {
    # shown by tests/vectors/r4/mutations.jsonl instead
    "att-1", "cpt-2", "dom-2", "dom-3", "dom-4", "dom-5", "ele-1", "ext-1", "obs-3", "obs-6", "obs-7", "per-1", "qty-3",
    "ras-1", "ras-2", "rat-1", "ref-1", "rng-2", "txt-1", "txt-2",
}  # fmt: skip


def ledger() -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in csv.DictReader((ROOT / "r4" / "ledger.csv").read_text().splitlines())}


@pytest.mark.parametrize(("key", "type", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_a_constraint_fails_for_what_breaks_it_alone(key: str, type: str, wrong: Any, right: Any) -> None:
    parsed = [codec.parse(json.dumps(each).encode()) for each in (wrong, right)]
    broken, kept = ({issue.rule for issue in of_element(each, type, type)} for each in parsed)
    assert key in broken
    assert key not in kept


def test_the_ledger_lists_every_error_level_constraint_with_a_test_or_a_reason() -> None:
    rows = ledger()
    assert set(error_constraints()) <= set(rows)
    assert all(row["by"] for row in rows.values())
    enforced = {key for key, row in rows.items() if row["enforced"] == "yes"}
    assert enforced == {case[0] for case in CASES} | ELSEWHERE
    tables = {key for table in ELEMENT_RULES.values() for key, _ in table} | {key for key, _ in RESOURCE_RULES}
    assert tables <= enforced


def test_what_elsewhere_shows_is_really_shown_there() -> None:
    text = (ROOT / "tests" / "vectors" / "r4" / "mutations.jsonl").read_text()
    shown = {json.loads(line)["rule"] for line in text.splitlines()} | {"txt-1", "txt-2"}
    assert shown >= ELSEWHERE
