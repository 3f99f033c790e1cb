"""Edge: evidence of dynamic registration (RFC 7591) and of its changes (RFC 7592)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.client import JSON, App, enroll, metadata
from conformance.evidence import Evidence, Exchange, Missing, NotOffered
from conformance.session import Session
from conformance.signing import new_signer

SYSTEM = {"grant_type": "client_credentials", "scope": "system/*.rs"}
PLAIN = "http://app.conformance.example/callback"


def refused(scope: str | None) -> Mapping[str, Mapping[str, Any]]:
    """Registrations that are wrong in one way."""
    signer = new_signer()
    whole = signer.key.as_dict(private=True)
    bodies = {
        "bad registration": metadata(signer=signer, redirect_uris=["javascript:alert(1)"]),
        "registration without TLS": metadata(signer=signer, redirect_uris=[PLAIN]),
        "registration with a fragment": metadata(signer=signer, redirect_uris=["https://app.conformance.example/#x"]),
        "registration without an address": metadata(signer=signer, redirect_uris=[]),
        "registration without a key": metadata(),
        "registration with a private key": metadata(jwks={"keys": [{**whole, "alg": "ES384", "use": "sig"}]}),
        "registration with a shared key": metadata(jwks={"keys": [{"kty": "oct", "kid": "k", "k": "c2VjcmV0"}]}),
        "registration of an unknown method": metadata(method="tls_client_auth_of_nobody"),
        "registration of an unknown grant": metadata(signer=signer, grant_types=["password"]),
        "registration of a public backend": metadata(method="none", grant_types=["client_credentials"]),
        "registration with two key sets": metadata(signer=signer, jwks_uri="https://app.conformance.example/jwks"),
    }
    return {name: {**body, "scope": scope} if scope else _without_scope(body) for name, body in bodies.items()}


def _without_scope(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in body.items() if name != "scope"}


async def refusals(session: Session, evidence: Evidence) -> None:
    """None of these makes a client, where one as it should be does. Raises Missing."""
    if "registration" not in evidence or session.app is None:
        raise Missing("a registration that is taken")
    for name, body in refused(session.app.asked).items():
        evidence[name], _ = await enroll(session.probe, session.endpoints, body)


async def changes(session: Session, evidence: Evidence) -> None:
    """A registration is read, changed and deleted by whoever holds its token, and by nobody else."""
    signer = new_signer()
    body = metadata(signer=signer, scope=session.client().asked)
    _, app = await enroll(session.probe, session.endpoints, body, signer)
    if app is None or not isinstance(app.kept.get("registration_client_uri"), str):
        raise NotOffered("registration_client_uri")
    own = str(app.kept.get("registration_access_token"))
    evidence["registered"] = app.id
    evidence["registration read"] = await _manage(app, "GET", own)
    evidence["registration read by nobody"] = await _manage(app, "GET", None)
    evidence["registration read by another"] = await _manage(app, "GET", "not-the-token-of-this-client")
    renamed = {**body, "client_id": app.id, "client_name": "Conformance, renamed"}
    evidence["registration changed"] = await _manage(app, "PUT", own, renamed)
    evidence["registration changed to another"] = await _manage(app, "PUT", own, {**renamed, "client_id": "another"})
    await _replace_keys(app, {**body, "client_id": app.id}, own, evidence)
    given = await app.post(SYSTEM)
    evidence["registration deleted"] = await _manage(app, "DELETE", own)
    evidence["deleted client"] = await app.post(SYSTEM)
    if isinstance(given.table.get("access_token"), str):
        path = f"Patient/{evidence['patients'][0]}"
        evidence["deleted client's token"] = await app.probe.send("GET", path, token=given.table["access_token"])


async def _replace_keys(app: App, body: Mapping[str, Any], token: str, evidence: Evidence) -> None:
    """Another key takes the place of the one that was registered; the client goes on with it."""
    newer, former = new_signer(), replace(app)
    evidence["registration with another key"] = await _manage(app, "PUT", token, {**body, "jwks": newer.jwks})
    app.signer = newer
    evidence["token by the new key"] = await app.post(SYSTEM)
    evidence["token by the replaced key"] = await former.post(SYSTEM)


async def _manage(app: App, method: str, token: str | None, body: Mapping[str, Any] | None = None) -> Exchange:
    return await app.probe.send(
        method, str(app.kept["registration_client_uri"]), token=token, json=body, headers=JSON if body else None
    )
