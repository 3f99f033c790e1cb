"""Edge: evidence of the kinds of clients: public, with a secret, with an RSA key, and one that may do little."""

from collections.abc import Mapping
from dataclasses import replace

from conformance.client import enroll, listed, metadata
from conformance.evidence import Evidence
from conformance.session import Session
from conformance.signing import new_signer

NARROW = "launch patient/Patient.rs system/Patient.rs"
RESOURCE_SERVER = "introspect system/*.rs"
"""The scope word by which a backend client may ask about tokens of any client, where the server lists it."""
METHODS = {"public": "none", "symmetric": "client_secret_basic"}


async def others(session: Session, evidence: Evidence) -> None:
    """A client of each kind, by dynamic registration. Raises LookupError where there is none."""
    own = session.client()
    kinds = {"public": None, "symmetric": None, "rsa": None, "narrow": NARROW}
    if "introspect" in listed(session.endpoints, "scopes_supported"):
        kinds["resource server"] = RESOURCE_SERVER
    for kind, scope in kinds.items():
        method = METHODS.get(kind, "private_key_jwt")
        signer = None if kind in METHODS else new_signer("RS384" if kind == "rsa" else "ES384")
        body = metadata(method=method, signer=signer, scope=scope or own.asked)
        evidence[f"{kind} registration"], app = await enroll(session.probe, session.endpoints, body, signer)
        if app is not None:
            app.launcher, app.door = session.launcher, own.door
            session.others[kind] = app


async def public(session: Session, evidence: Evidence) -> None:
    """A public client signs in, and authenticates by nothing."""
    own = session.client()
    app = own if own.signer is None and own.secret is None else session.other("public")
    evidence["public client"] = app.id
    evidence["public token"] = await app.sign_in(patient=evidence["patients"][0])


async def symmetric(session: Session, evidence: Evidence) -> None:
    """A client with a secret signs in by it, and not otherwise."""
    own = session.client()
    app = own if own.secret is not None else session.other("symmetric")
    patient = evidence["patients"][0]
    evidence["symmetric token"] = await app.sign_in(patient=patient)
    nobody = {"client_id": app.id}
    ways: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
        "wrong secret": ({}, app.basic("not-the-secret-of-this-client")), "no secret": (nobody, {}),
        "another client's secret": (nobody, replace(app, id="somebody-else").basic("anything")),
    }  # fmt: skip
    for name, (proof, headers) in ways.items():
        code, verifier = await app.code(patient=patient)
        evidence[name] = await app.post(app.exchange(code, verifier), proof=proof, headers=headers)


async def asymmetric(session: Session, evidence: Evidence) -> None:
    """A client with a key signs in by it, and not without."""
    app = session.client()
    if app.signer is None:
        return
    code, verifier = await app.code(patient=evidence["patients"][0])
    evidence["no assertion"] = await app.post(app.exchange(code, verifier), proof={"client_id": app.id})
    both = app.basic("a-secret-beside-the-assertion")
    code, verifier = await app.code(patient=evidence["patients"][0])
    evidence["two credentials"] = await app.post(app.exchange(code, verifier), proof=app.proof(), headers=both)
