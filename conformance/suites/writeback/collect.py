"""Edge: evidence of what becomes of what is written."""

from typing import Any

from conformance.client import WRITING
from conformance.evidence import Evidence
from conformance.probe import Probe
from conformance.samples import exact, sample
from conformance.session import Session


async def writing(session: Session, evidence: Evidence) -> None:
    """Writes as they should be and as they must not be; what was made is deleted again where that is offered."""
    app, launcher = session.launching()
    own, other = evidence["patients"][:2]
    token = str((await app.sign_in(launcher, patient=own, scope=WRITING)).table["access_token"])
    probe = app.probe
    made = evidence["create"] = await probe.send("POST", "Observation", token=token, content=exact(own))
    location = made.headers.get("location", "")
    id = str(made.table.get("id") or location.partition("/Observation/")[2].split("/")[0])
    here = f"Observation/{id}"
    read = evidence["read back"] = await probe.send("GET", here, token=token)
    evidence["vread"] = await probe.send("GET", f"{here}/_history/{_version(read.table)}", token=token)
    await _update(probe, token, here, id, own, evidence)
    await _hostile(probe, token, own, other, evidence)
    evidence["delete"] = await probe.send("DELETE", here, token=token)
    evidence["read deleted"] = await probe.send("GET", here, token=token)


def _version(resource: Any) -> str:
    meta = resource.get("meta")
    return str(meta.get("versionId")) if isinstance(meta, dict) else ""


async def _update(probe: Probe, token: str, here: str, id: str, own: str, evidence: Evidence) -> None:
    body = sample(own, id=id, status="amended")
    current = {"if-match": f'W/"{_version(evidence["read back"].table)}"'}
    evidence["update"] = await probe.send("PUT", here, token=token, json=body, headers=current)
    evidence["stale update"] = await probe.send(
        "PUT", here, token=token, json=sample(own, id=id, status="corrected"), headers=current
    )
    evidence["after stale update"] = await probe.send("GET", here, token=token)
    evidence["history"] = await probe.send("GET", f"{here}/_history", token=token)
    evidence["update with another id"] = await probe.send("PUT", here, token=token, json=sample(own, id="another"))
    identifier = {"system": "urn:conformance", "value": id}
    once = {"if-none-exist": f"identifier={identifier['system']}|{id}"}
    body = sample(own, identifier=[identifier])
    evidence["conditional create"] = first = await probe.send(
        "POST", "Observation", token=token, json=body, headers=once
    )
    evidence["conditional create again"] = await probe.send("POST", "Observation", token=token, json=body, headers=once)
    made = first.table.get("id")
    if isinstance(made, str):
        await probe.send("DELETE", f"Observation/{made}", token=token)


async def _hostile(probe: Probe, token: str, own: str, other: str, evidence: Evidence) -> None:
    """Bodies that must be refused with a 4xx, naming the element and repeating nothing."""
    marker = "conformance-echo-4711"
    good = exact(own)
    bodies = {
        "required code": sample(own, status=marker), 
        "missing element": {name: item for name, item in sample(own).items() if name != "code"},
        "unknown element": sample(own, extra=marker), "impossible date": sample(own, effectiveDateTime="2026-02-30"),
        "two values": sample(own, valueString="a", valueBoolean=True),
    }  # fmt: skip
    for name, body in bodies.items():
        evidence[name] = await probe.send("POST", "Observation", token=token, json=body)
    raw = {
        "broken body": good[:-20], "equal keys": good.replace(b'"status":"final"', b'"status":"final","status":"amended"'),
        "not a number": good.replace(b"72.50", b"NaN"),
        "deep body": b'{"resourceType":"Observation","a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "lone surrogate": good.replace(b'"kg","system"', b'"\\ud800","system"'),
    }  # fmt: skip
    for name, content in raw.items():
        evidence[name] = await probe.send("POST", "Observation", token=token, content=content)
    evidence["foreign write"] = await probe.send("POST", "Observation", token=token, json=sample(other))
    evidence["patient create"] = await probe.send("POST", "Patient", token=token, json={"resourceType": "Patient"})
    evidence["marker"] = marker
