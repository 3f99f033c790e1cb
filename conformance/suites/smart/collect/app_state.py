"""Edge: evidence of app state (SMART App Launch 2.2 app-state): a Basic of the app's own, made, found, changed and taken away."""

from typing import Any

from conformance.evidence import Evidence, NotOffered
from conformance.reading import etag, id_of
from conformance.session import Session
from conformance.suites.smart.answers import has

FIRST, SECOND = "first", "second"


async def app_state(session: Session, evidence: Evidence) -> None:
    """The life of one state about the patient. Raises Missing."""
    app, patient = session.client(), evidence["patients"][0]
    if not has(session.endpoints, "smart-app-state") or not app.origin:
        raise NotOffered("smart-app-state")
    token = await session.access("patient/Basic.cruds", patient=patient)
    system, subject = f"{app.origin['origin']}/conformance", f"{session.probe.base}/Patient/{patient}"
    made = evidence["state made"] = await session.probe.send(
        "POST", "Basic", token=token, json=_state(system, subject, FIRST)
    )
    here, query = f"Basic/{id_of(made)}", f"Basic?code={system}|state&subject={subject}"
    evidence["state found"] = await session.probe.send("GET", query, token=token)
    body = {**_state(system, subject, SECOND), "id": here.partition("/")[2]}
    changed = evidence["state changed"] = await session.probe.send(
        "PUT", here, token=token, json=body, headers={"if-match": f'W/"{etag(made)}"'}
    )
    evidence["state deleted"] = await session.probe.send(
        "DELETE", here, token=token, headers={"if-match": f'W/"{etag(changed)}"'}
    )
    evidence["state searched again"] = await session.probe.send("GET", query, token=token)


def _state(system: str, subject: str, value: str) -> dict[str, Any]:
    return {
        "resourceType": "Basic", "code": {"coding": [{"system": system, "code": "state"}]}, "subject": {"reference": subject},
        "extension": [{"url": f"{system}/value", "valueString": value}],
    }  # fmt: skip
