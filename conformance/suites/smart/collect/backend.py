"""Edge: evidence of backend services: what they get, and what they must not."""

from conformance.evidence import Evidence
from conformance.session import Session

SYSTEM = "system/*.rs"


async def backend(session: Session, evidence: Evidence) -> None:
    """A token by client credentials, what it reads, and requests that are wrong in one way."""
    app = session.client()
    form = {"grant_type": "client_credentials", "scope": SYSTEM}
    given = evidence["backend"] = await app.post(form)
    access = str(given.table.get("access_token"))
    evidence["backend read"] = await app.probe.send("GET", "Observation?_count=1", token=access)
    evidence["unknown grant type"] = await app.post({**form, "grant_type": "not_a_grant_type"})
    evidence["no grant type"] = await app.post({"scope": SYSTEM})
    evidence["backend for a patient"] = await app.post({**form, "scope": "patient/*.rs"})
    evidence["backend without scope"] = await app.post({"grant_type": "client_credentials"})
    evidence["password grant"] = await app.post({"grant_type": "password", "username": "a", "password": "b"})


async def rsa_backend(session: Session, evidence: Evidence) -> None:
    """The other algorithm that SMART names."""
    app = session.other("rsa")
    evidence["backend by RS384"] = await app.post({"grant_type": "client_credentials", "scope": SYSTEM})


async def narrow_backend(session: Session, evidence: Evidence) -> None:
    """A client that may read patients asks for more, and reads more."""
    app = session.other("narrow")
    form = {"grant_type": "client_credentials", "scope": "system/*.cruds"}
    evidence["backend beyond its registration"] = await app.post(form)
    given = evidence["narrow backend"] = await app.post({**form, "scope": "system/Patient.rs"})
    access = str(given.table.get("access_token"))
    evidence["narrow read"] = await app.probe.send("GET", "Patient?_count=1", token=access)
    evidence["read beyond scope"] = await app.probe.send("GET", "Observation?_count=1", token=access)


async def narrow_write(session: Session, evidence: Evidence) -> None:
    """The same client writes: a server that does not look at scopes has a Patient more, which is taken away again."""
    app = session.other("narrow")
    given = await app.post({"grant_type": "client_credentials", "scope": "system/Patient.rs"})
    token = str(given.table.get("access_token"))
    evidence["write beyond scope"] = await app.probe.send(
        "POST", "Patient", token=token, json={"resourceType": "Patient"}
    )


async def public_backend(session: Session, evidence: Evidence) -> None:
    """A client that proves nothing asks as a backend service."""
    app = session.other("public")
    evidence["backend by a public client"] = await app.post({"grant_type": "client_credentials", "scope": SYSTEM})
