"""Edge: evidence of what a token reaches."""

from conformance.evidence import Evidence
from conformance.samples import sample
from conformance.session import Session


async def reads(session: Session, evidence: Evidence) -> None:
    """Reads with the token of one patient, of that patient and of another, and with tokens that are none."""
    app, launcher = session.launching()
    own, other = evidence["patients"][:2]
    probe = app.probe
    token = str((await app.sign_in(launcher, patient=own)).table["access_token"])
    evidence["own"], evidence["other"] = own, other
    plain = {
        "own patient": f"Patient/{own}", "foreign patient": f"Patient/{other}",
        "absent patient": "Patient/there-is-nobody-of-this-id", "all patients": "Patient",
        "own observations": f"Observation?patient={own}&_count=20",
        "foreign observations": f"Observation?patient={other}&_count=20",
        "observations": "Observation?_count=50", "foreign history": f"Patient/{other}/_history",
        "unknown parameter": f"Observation?patient={own}&no-such-parameter=1",
        "foreign include": f"Patient?_id={own},{other}",
    }  # fmt: skip
    for name, path in plain.items():
        evidence[name] = await probe.send("GET", path, token=token)
    evidence["no token"] = await probe.send("GET", f"Patient/{own}")
    evidence["garbage token"] = await probe.send("GET", f"Patient/{own}", token="garbage")  # noqa: S106
    evidence["token in address"] = await probe.send("GET", f"Patient/{own}?access_token={token}")
    observation = sample(own)
    evidence["write without scope"] = await probe.send("POST", "Observation", token=token, json=observation)
    entries = [{"request": {"method": "GET", "url": f"Patient/{id}"}} for id in (own, other)]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    evidence["batch"] = await probe.send("POST", "", token=token, json=bundle)
    evidence["post search"] = await probe.send(
        "POST", "Patient/_search", token=token, form={"_id": other}, headers={"accept": "application/fhir+json"}
    )
