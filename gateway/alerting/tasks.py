"""An alert as a FHIR Task on the clinical informatics' worklist of an EHR. Pure.

R4: https://hl7.org/fhir/R4/task.html. No patient stands in it: its focus is the model's Device.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from vocabulary.write import Planned, Write
from writeback import keys
from writeback.capabilities import Capabilities
from writeback.labels import Names
from writeback.planning import check
from writeback.projection import choose
from writeback.rules import WriteRules

STATUS: Mapping[str, str] = {"open": "requested", "acknowledged": "accepted", "resolved": "completed"}
PRIORITY: Mapping[str, str] = {"critical": "stat", "warning": "urgent", "info": "routine"}
MONITOR = "urn:chartgate:monitor"


def task(data: Mapping[str, Any], *, text: str, names: Names, id: str) -> dict[str, Any]:
    """``data`` is what a notice tells of the alert."""
    period = {} if data["deadline"] is None else {"restriction": {"period": {"end": data["deadline"]}}}
    done = {"output": [{"type": {"text": "Resolution"}, "valueString": data["by"] or "resolved"}]}
    return {
        "resourceType": "Task", "id": id,
        "identifier": [{"system": f"{names.namespace}/alert", "value": data["id"]}],
        "status": STATUS[data["state"]], "intent": "order", "priority": PRIORITY[data["severity"]],
        "code": {"coding": [{"system": MONITOR, "code": data["monitor"]}], "text": data["title"]},
        "description": text,
        "focus": {
            "type": "Device", "display": f"{data['model']} {data['version']}",
            "identifier": {"system": f"{names.namespace}/model", "value": f"{data['model']}@{data['version']}"},
        },
        "authoredOn": data["since"], "lastModified": data["seen"],
        "requester": {"display": "Chartgate"}, "owner": {"display": "Clinical informatics"}, **period,
        **(done if data["state"] == "resolved" else {}),
    }  # fmt: skip


def write_of(
    notice: str, data: Mapping[str, Any], *, text: str, names: Names, capabilities: Capabilities, rules: WriteRules
) -> Write | None:
    """The Task as a write of the outbox: where the EHR takes an id of ours, later events change the same Task; elsewhere
    only the first is written. None when this EHR takes no Task, or not this change of it."""
    strategy = choose(capabilities.of("Task"), "Task", rules)
    if strategy is None or (strategy != "put" and data["event"] not in ("raised", "heard")):
        return None
    key = sha256(f"{names.ehr}\nalert\n{notice}".encode()).hexdigest()
    id = keys.resource_id(names.namespace, sha256(f"{names.ehr}\nalert\n{data['id']}".encode()).hexdigest())
    body = task(data, text=text, names=names, id=id)
    if strategy != "put":
        del body["id"]
    quarantine = 0.0 if strategy == "put" else rules.quarantine
    part = Planned(key=key, type="Task", id=id, body=body, strategy=strategy, quarantine=quarantine)
    return Write(ehr=names.ehr, own=(check(part),))
