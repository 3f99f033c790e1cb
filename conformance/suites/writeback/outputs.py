"""Edge: evidence of what becomes of a model's outputs: labels, model, Provenance, recall, and the set as one transaction."""

import json
from typing import Any

from conformance import capability, ground
from conformance.evidence import Evidence, Exchange, Missing
from conformance.ground import Pen, new_mark
from conformance.reading import id_of
from conformance.samples import AIAST, INLINE, INLINE_LABEL, Resource, bundle, by_mark, device, entry, provenance, risk
from conformance.session import Session

LABELS = {"security": [AIAST, INLINE]}
PATCH = {"content-type": "application/json-patch+json"}


def output(pen: Pen, mark: str, **changes: Any) -> Resource:
    """An Observation that a model asserts, its value labelled too."""
    body = pen.body(mark, meta=LABELS, **changes)
    inline = [{"url": INLINE_LABEL, "valueCoding": AIAST}]
    return {**body, "valueQuantity": {**body["valueQuantity"], "extension": inline}}


async def labels(session: Session, evidence: Evidence) -> None:
    """A labelled output, updated by another client, patched, recalled. Raises Missing."""
    pen = await ground.pen(session, evidence)
    made = await pen.send("POST", "Observation", json=output(pen, new_mark()))
    id = id_of(made)
    if id is None:
        raise Missing("there is no output that was written for this")
    here, evidence["labelled id"] = f"Observation/{id}", id
    evidence["labelled"] = await pen.send("GET", here)
    evidence["found by label"] = await pen.send("GET", f"Observation?_security={AIAST['system']}|AIAST&_id={id}")
    other = Pen(session=session, token=await _other(session, pen), patient=pen.patient, shape=pen.shape)
    if capability.offers(evidence, "Observation", "update"):
        evidence["update by another"] = await _rewrite(other, here, "amended")
        evidence["labelled after update"] = await pen.send("GET", here)
    if capability.offers(evidence, "Observation", "patch"):
        change = [{"op": "replace", "path": "/status", "value": "corrected"}]
        await other.send("PATCH", here, json=change, headers=PATCH)
        evidence["labelled after patch"] = await pen.send("GET", here)
    if capability.offers(evidence, "Observation", "update"):
        await _rewrite(pen, here, "entered-in-error")
        evidence["recalled"] = await pen.send("GET", here)


async def _other(session: Session, pen: Pen) -> str | None:
    """A token that is not the writer's own."""
    return await session.access("patient/*.cruds", patient=pen.patient)


async def _rewrite(pen: Pen, here: str, status: str) -> Exchange:
    """Read, changed and written back by a client that keeps what it does not understand."""
    read = json.loads((await pen.send("GET", here)).body or b"{}")
    return await pen.send("PUT", here, json={**read, "status": status})


SEARCHES = {
    "Observation": ("observations of a model are found", "device"),
    "RiskAssessment": ("risks of a model are found", "performer"),
    "Provenance": ("provenance of a model is found", "agent"),
}
"""By which parameter what a model wrote is found from its Device."""


async def discovery(session: Session, evidence: Evidence) -> None:
    """A model's Device, outputs and Provenance, and the searches that lead from one to the others. Raises Missing."""
    pen = await ground.pen(session, evidence)
    capability.require(evidence, "Device", "create")
    strong = Pen(
        session=session, token=await session.system_access("system/*.cruds"), patient=pen.patient, shape=pen.shape
    )
    mark = new_mark()
    model = f"Device/{id_of(await strong.send('POST', 'Device', json=device(mark)))}"
    evidence["found devices"] = await strong.send("GET", f"Device?{by_mark(mark)}")
    evidence["device id"] = model.partition("/")[2]
    made = await _made(strong, evidence, model)
    for type, id in made.items():
        name, parameter = SEARCHES[type]
        evidence[name] = await strong.send("GET", f"{type}?{parameter}={model}")
        evidence[f"{name}: id"] = id
    output = made["Observation"]
    evidence["found provenance"] = await strong.send("GET", f"Provenance?target=Observation/{output}")
    path = f"Observation?_id={output}&_revinclude=Provenance:target"
    evidence["output with provenance"] = await strong.send("GET", path)


async def _made(strong: Pen, evidence: Evidence, model: str) -> dict[str, str | None]:
    """The ids of what the model wrote, by type, as far as the server takes it."""
    who = {"reference": model}
    made = {"Observation": id_of(await strong.send("POST", "Observation", json=output(strong, new_mark(), device=who)))}
    if capability.offers(evidence, "RiskAssessment", "create"):
        body = risk(strong.patient, new_mark(), meta=LABELS, performer=who)
        made["RiskAssessment"] = id_of(await strong.send("POST", "RiskAssessment", json=body))
    if capability.offers(evidence, "Provenance", "create"):
        body = provenance(*(f"{type}/{id}" for type, id in made.items() if id), device=model)
        made["Provenance"] = id_of(await strong.send("POST", "Provenance", json=body))
    return made


async def sets(session: Session, evidence: Evidence) -> None:
    """Model, output and Provenance as one transaction, and with a Provenance that is invalid. Raises Missing."""
    for type in ("RiskAssessment", "Device", "Provenance"):
        capability.require(evidence, type, "create")
    capability.require_whole(evidence, "transaction")
    token, patient = await session.system_access("system/*.cruds"), evidence["patients"][0]
    probe, mark = session.probe, new_mark()
    evidence["set"] = await probe.send("POST", "", token=token, json=_set(patient, mark))
    path = f"RiskAssessment?{by_mark(mark)}&_revinclude=Provenance:target"
    evidence["set found"] = await probe.send("GET", path, token=token)
    mark = new_mark()
    content = _set(patient, mark, recorded="no time")
    evidence["broken set"] = await probe.send("POST", "", token=token, json=content)
    for name, type in (("risks", "RiskAssessment"), ("devices", "Device")):
        evidence[f"broken set {name}"] = await probe.send("GET", f"{type}?{by_mark(mark)}", token=token)


def _set(patient: str, mark: str, **wrong: str) -> Resource:
    """Model, output and Provenance, in the order in which they refer to one another."""
    model, made = "urn:uuid:0f9d3f0e-2a9f-4d8e-9e67-6c4b3b8a1d01", "urn:uuid:0f9d3f0e-2a9f-4d8e-9e67-6c4b3b8a1d02"
    said = risk(patient, mark, meta={"security": [AIAST]}, performer={"reference": model})
    return bundle(
        "transaction", entry("POST", "Device", device(mark), fullUrl=model),
        entry("POST", "RiskAssessment", said, fullUrl=made),
        entry("POST", "Provenance", {**provenance(made, device=model), **wrong}),
    )  # fmt: skip
