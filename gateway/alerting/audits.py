"""What happened to an alert, or was decided about a model, as a FHIR AuditEvent of the EHR that the Task goes to. Pure.

R4: https://hl7.org/fhir/R4/auditevent.html; codes as in IHE BALP 1.1.3 and DICOM PS3.16 CID 400 (``sandbox/audit_codes.py``).
No patient stands in it: its entities are the alert or decision, and the model's Device.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sandbox import audit_codes as codes
from sandbox.audit_codes import Code
from vocabulary.write import Planned, Write
from writeback import keys
from writeback.capabilities import Capabilities
from writeback.labels import Names
from writeback.planning import check
from writeback.projection import choose
from writeback.rules import WriteRules

ACTIVITY: Code = (codes.DCM, "110100", "Application Activity")  # DICOM CID 400
EVENT = "urn:chartgate:alert-event"
DETAILS = ("monitor", "severity", "state", "count", "action", "feature", "ehr")
"""What of the notice stands in ``entity.detail``: names and counts."""
DOES: Mapping[str, str] = {"raised": "C", "taken": "C"}
"""``AuditEvent.action`` (R4 audit-event-action) of an event's word; U for the others: they change what there is."""


def audit_event(event: Mapping[str, Any], *, names: Names, key: str, id: str) -> dict[str, Any]:
    """``event`` is the CloudEvent that a notice tells; ``key`` the delivery's, carried as a tag."""
    data = event["data"]
    word = str(data["event"])
    gateway = {"system": f"{names.namespace}/gateway", "value": "gateway"}
    return {
        "resourceType": "AuditEvent", "id": id,
        "meta": {"tag": [{"system": f"{names.namespace}/delivery", "code": key}]},
        "type": _coding(ACTIVITY), "subtype": [{"system": EVENT, "code": word}], "action": DOES.get(word, "U"),
        "recorded": event["time"], "outcome": "0", "agent": _agents(str(data["by"]), gateway, names),
        "source": {
            "site": names.ehr, "observer": {"type": "Device", "identifier": gateway, "display": names.software},
            "type": [_coding(codes.APPLICATION_SERVER)],
        },
        "entity": [_subject(data, names), _model(data, names)],
    }  # fmt: skip


def _coding(code: Code) -> dict[str, str]:
    system, value, display = code
    return {"system": system, "code": value, "display": display}


def _agents(by: str, gateway: Mapping[str, str], names: Names) -> list[dict[str, Any]]:
    """The gateway, and the person or key that did it: then that one is the requestor."""
    person = by not in ("", "monitor", "gateway")
    own = {"type": {"coding": [_coding(codes.APPLICATION)]}, "who": {"identifier": gateway}, "requestor": not person}
    if not person:
        return [own]
    who = {"identifier": {"system": f"{names.namespace}/actor", "value": by}}
    return [own, {"type": {"coding": [_coding(codes.AUTHOR)]}, "who": who, "requestor": True}]


def _subject(data: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The alert or the decision, with what it is about."""
    said = {name: data[name] for name in DETAILS if data.get(name) not in (None, "")}
    return {
        "what": {"identifier": {"system": f"{names.namespace}/alert", "value": data["id"]}},
        "type": _coding(codes.SYSTEM_OBJECT), "role": _coding(codes.DOMAIN_RESOURCE),
        "detail": [{"type": name, "valueString": str(value)} for name, value in said.items()],
    }  # fmt: skip


def _model(data: Mapping[str, Any], names: Names) -> dict[str, Any]:
    version = data["version"] or "*"
    return {
        "what": {
            "type": "Device", "display": f"{data['model']} {version}",
            "identifier": {"system": f"{names.namespace}/model", "value": f"{data['model']}@{version}"},
        },
        "type": _coding(codes.SYSTEM_OBJECT),
    }  # fmt: skip


def write_of(
    notice: str, event: Mapping[str, Any], *, names: Names, capabilities: Capabilities, rules: WriteRules
) -> Write | None:
    """The AuditEvent as a write of the outbox; None when this EHR takes none."""
    strategy = choose(capabilities.of("AuditEvent"), "AuditEvent", rules)
    if strategy is None:
        return None
    key = sha256(f"{names.ehr}\naudit\n{notice}".encode()).hexdigest()
    id = keys.resource_id(names.namespace, key)
    body = audit_event(event, names=names, key=key, id=id)
    if strategy != "put":
        del body["id"]
    quarantine = 0.0 if strategy == "put" else rules.quarantine
    part = Planned(key=key, type="AuditEvent", id=id, body=body, strategy=strategy, quarantine=quarantine)
    return Write(ehr=names.ehr, own=(check(part),))
