"""Edge: evidence of which scopes are granted for which were asked, and of what they reach."""

import contextlib

from conformance.client import App
from conformance.evidence import Evidence, Exchange, Missing
from conformance.session import Session, token_in

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
GRANULAR = f"patient/Observation.rs?category={CATEGORY}"
MALFORMED = (
    "patient/Observation.dus patient/Observation.rsXYZ patient/Observation.rrs patient/Observation. "
    "patient/Observation.rs?category patient/Nothing.rs patients/Observation.rs"
)
WORDS = "launch openid fhirUser"


async def narrowed(session: Session, evidence: Evidence) -> None:
    """The launch allows less than is asked."""
    app, _ = session.launching()
    patient = evidence["patients"][0]
    scope = f"{WORDS} patient/*.rs"
    given = await app.sign_in(scope=scope, patient=patient, scopes=f"{WORDS} patient/Patient.rs")
    evidence["narrowed token"] = given
    evidence["narrowed read"] = await _observations(app, given.table.get("access_token"), patient)


async def spelled(session: Session, evidence: Evidence) -> None:
    """SMART v1 and v2 spellings, granular ones, and such as mean nothing."""
    app = session.client()
    patient = evidence["patients"][0]
    for name, scope in (
        ("v1 token", "launch patient/*.read"), ("v2 token", "launch patient/*.rs"),
        ("granular token", f"launch {GRANULAR}"), ("words token", WORDS),
    ):  # fmt: skip
        user = {"user": evidence["user"]} if evidence["user"] else {}
        with contextlib.suppress(Missing):  # a server without these scopes may refuse the request: the others are asked
            given = evidence[name] = await app.sign_in(scope=scope, patient=patient, **user)
            reading = name.replace("token", "read")
            evidence[reading] = await _observations(app, given.table.get("access_token"), patient)
    with contextlib.suppress(Missing):
        only = await app.sign_in(scope=f"launch {MALFORMED}", patient=patient)
        evidence["malformed read"] = await _observations(app, only.table.get("access_token"), patient)
    beside = f"launch patient/Patient.rs {MALFORMED}"
    evidence["scopes beside malformed"] = await app.sign_in(scope=beside, patient=patient)


async def _observations(app: App, token: object, patient: str) -> Exchange:
    return await app.probe.send("GET", f"Observation?patient={patient}&_count=100", token=str(token))


async def beyond(session: Session, evidence: Evidence) -> None:
    """A client asks for what it is not registered for, and a person's sign-in for what only backend services get."""
    narrow = session.other("narrow")
    patient = evidence["patients"][0]
    scope = "launch patient/*.cruds"
    evidence["scopes beyond registration"] = await narrow.sign_in(scope=scope, patient=patient)
    app, user = session.client(), {"user": evidence["user"]} if evidence["user"] else {}
    evidence["system scopes of a launch"] = await app.sign_in(
        scope="launch patient/Patient.rs system/*.cruds", patient=patient, **user
    )


async def expired(session: Session, evidence: Evidence) -> None:
    """A token that has expired: where the launcher can prepare one, or the server's own are short."""
    app, _ = session.launching()
    if "access-token-expired" not in evidence.seen("launcher").table.get("faults", ()):
        raise Missing("a token that has expired")
    patient = evidence["patients"][0]
    given = await app.sign_in(patient=patient, faults=["access-token-expired"])
    access = token_in(given)
    evidence["read after its end"] = await app.probe.send("GET", f"Patient/{patient}", token=access)
    if isinstance(app.endpoints.get("introspection_endpoint"), str):
        evidence["introspect after its end"] = await app.ask("introspection_endpoint", {"token": access})
