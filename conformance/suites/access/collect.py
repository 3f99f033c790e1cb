"""Edge: evidence of what a token reaches."""

from conformance.evidence import Evidence
from conformance.samples import sample
from conformance.session import Session
from conformance.suites.access.confined import two_patients
from conformance.suites.access.reads import ABSENT


async def strangers(session: Session, evidence: Evidence) -> None:
    """Requests without a token, and with one that is none."""
    place = f"Patient/{evidence['patients'][0]}"
    evidence["no token"] = await session.probe.send("GET", place)
    evidence["garbage token"] = await session.probe.send("GET", place, token="garbage")  # noqa: S106


async def reads(session: Session, evidence: Evidence) -> None:
    """Reads with the token of one patient, of that patient and of another, and with tokens that are none."""
    own, other = two_patients(session, evidence)
    probe = session.probe
    token = await session.access("openid fhirUser patient/*.rs", patient=own)
    evidence["own"], evidence["other"] = own, other
    plain = {
        "own patient": f"Patient/{own}", "foreign patient": f"Patient/{other}",
        "absent patient": f"Patient/{ABSENT}", "all patients": "Patient",
        "own observations": f"Observation?patient={own}&_count=20",
        "foreign observations": f"Observation?patient={other}&_count=20",
        "observations": "Observation?_count=50", "foreign history": f"Patient/{other}/_history",
        "unknown parameter": f"Observation?patient={own}&no-such-parameter=1",
        "foreign include": f"Patient?_id={own},{other}",
    }  # fmt: skip
    for name, path in plain.items():
        evidence[name] = await probe.send("GET", path, token=token)
    evidence["token in address"] = await probe.send("GET", f"Patient/{own}?access_token={token}")
    entries = [{"request": {"method": "GET", "url": f"Patient/{id}"}} for id in (own, other)]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    evidence["batch"] = await probe.send("POST", "", token=token, json=bundle)
    evidence["post search"] = await probe.send(
        "POST", "Patient/_search", token=token, form={"_id": other}, headers={"accept": "application/fhir+json"}
    )


def strange(own: str, other: str) -> dict[str, str]:
    """Addresses that nobody writes by mistake: what is escaped in them must lead nowhere else, and break nothing."""
    return {
        "escaped dots": f"Patient/{own}/%2e%2e/{other}", "escaped slash": f"Patient/{own}%2F..%2F{other}",
        "two ids": f"Patient/{other}%2C{own}", "a zero byte": f"Patient/{other}%00", "a byte that is no letter": "Patient/%FF",
        "an id that is too long": f"Patient/{'a' * 300}", "a second query": f"Patient?_id={other}%26_id={own}",
        "no number": "Observation?_count=many", "less than none": "Observation?_count=-1", "no date": "Observation?date=ge",
        "an operation that is none": "Patient/$conformance", "a type that is none": "Nonsense/1", "no type": "%20/1",
    }  # fmt: skip


async def strange_addresses(session: Session, evidence: Evidence) -> None:
    """What a token of one patient gets there. Raises Missing."""
    own, other = two_patients(session, evidence)
    token = await session.access("patient/*.rs", patient=own)
    evidence["stranger's other"] = other
    evidence["strange addresses"] = {
        name: await session.probe.send("GET", path, token=token) for name, path in strange(own, other).items()
    }


async def unpermitted(session: Session, evidence: Evidence) -> None:
    """A create with a token that may only read: a server that does not look at scopes has a record more, which is taken
    away again."""
    own, _ = two_patients(session, evidence)
    token = await session.access("openid fhirUser patient/*.rs", patient=own)
    evidence["write without scope"] = await session.probe.send("POST", "Observation", token=token, json=sample(own))
