"""Edge: evidence of sign-in: one launch as it should be, and every step done wrongly."""

import secrets
from collections.abc import Mapping
from typing import Any

from conformance.client import SCOPES, App
from conformance.evidence import Evidence, Exchange
from conformance.session import Session
from conformance.signing import new_signer, pkce, unsigned


async def sign_in(session: Session, evidence: Evidence) -> None:
    """One launch as it should be, and what may be asked with what it gives."""
    app, launcher = session.launching()
    verifier, challenge = pkce()
    patient, user = evidence["patients"][0], evidence["user"]
    options = {"patient": patient, **({"user": user} if user else {})}
    launch = await app.prepare(launcher, **options)
    state = secrets.token_urlsafe(16)
    nonce = secrets.token_urlsafe(16)
    answer = evidence["authorize"] = await app.authorize(launch=launch, challenge=challenge, state=state, nonce=nonce)
    evidence["state"], evidence["nonce"], evidence["client"] = state, nonce, app.id
    code = answer.redirected["code"]
    evidence["token"] = token = await app.redeem(code, verifier)
    evidence["scopes asked"] = SCOPES
    evidence["code twice"] = await app.redeem(code, verifier)
    evidence["launch twice"] = await app.authorize(launch=launch, challenge=challenge)
    await _refresh(app, launcher, evidence, options)
    if isinstance(app.endpoints.get("introspection_endpoint"), str):
        other = (await app.sign_in(launcher, **options)).table
        evidence["introspect"] = await app.ask("introspection_endpoint", {"token": str(other.get("access_token"))})
        evidence["introspect garbage"] = await app.ask("introspection_endpoint", {"token": "garbage"})
        if isinstance(app.endpoints.get("revocation_endpoint"), str):
            evidence["revoke"] = await app.ask("revocation_endpoint", {"token": str(other.get("access_token"))})
            path = f"Patient/{patient}"
            evidence["after revoke"] = await app.probe.send("GET", path, token=str(other.get("access_token")))
    evidence["expires"] = token.table.get("expires_in")


async def _refresh(app: App, launcher: str, evidence: Evidence, options: Mapping[str, Any]) -> None:
    first = (await app.sign_in(launcher, **options)).table
    if isinstance(first.get("refresh_token"), str):
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        wider = {**form, "scope": f"{SCOPES} patient/*.cruds"}
        evidence["refresh wider"] = await app.post(wider)
        evidence["refresh"] = await app.post(form)


async def refusals(session: Session, evidence: Evidence) -> None:
    """Every step done wrongly in one way, each with a launch of its own."""
    app, launcher = session.launching()
    patient = evidence["patients"][0]
    changed: Mapping[str, dict[str, str | None]] = {
        "no challenge": {"code_challenge": None, "code_challenge_method": None},
        "plain challenge": {"code_challenge_method": "plain"},
        "wrong aud": {"aud": "https://elsewhere.example/fhir"},
        "foreign redirect": {"redirect_uri": "https://attacker.example/callback"},
        "near redirect": {"redirect_uri": f"{app.redirect_uri}/../other"},
        "unknown client": {"client_id": "nobody-of-this-name"},
        "implicit": {"response_type": "token"},
    }
    for name, changes in changed.items():
        launch = await app.prepare(launcher, patient=patient)
        evidence[name] = await app.authorize(launch=launch, challenge=pkce()[1], changes=changes)
    for name in ("wrong verifier", "no verifier", "other redirect"):
        evidence[name] = await _wrong_code(app, launcher, patient, name)
    await _assertions(app, launcher, patient, evidence)


async def _code(app: App, launcher: str, patient: str) -> tuple[str, str]:
    verifier, challenge = pkce()
    launch = await app.prepare(launcher, patient=patient)
    answer = await app.authorize(launch=launch, challenge=challenge)
    return answer.redirected["code"], verifier


async def _wrong_code(app: App, launcher: str, patient: str, name: str) -> Exchange:
    code, verifier = await _code(app, launcher, patient)
    if name == "wrong verifier":
        return await app.redeem(code, pkce()[0])
    if name == "no verifier":
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
        return await app.post(form)
    return await app.redeem(code, verifier, redirect_uri=f"{app.redirect_uri}?other=1")


async def _assertions(app: App, launcher: str, patient: str, evidence: Evidence) -> None:
    """Client authentication that must not hold (client-confidential-asymmetric)."""
    if app.signer is None:
        return
    endpoint, now = str(app.endpoints["token_endpoint"]), app.now()
    kept = app.proof()
    wrong: Mapping[str, Mapping[str, str]] = {
        "assertion of another key": new_signer().proof(app.id, endpoint, now=now),
        "assertion for another server": app.proof(aud="https://elsewhere.example/token"),
        "assertion expired": app.proof(exp=int(now) - 60, iat=int(now) - 300),
        "assertion unsigned": {**kept, "client_assertion": unsigned(app.id, endpoint, now=now)},
        "assertion too long": app.proof(exp=int(now) + 86400),
    }
    for name, proof in wrong.items():
        code, verifier = await _code(app, launcher, patient)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "code_verifier": verifier,
        }
        evidence[name] = await app.post(form, proof=proof)
    backend = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    evidence["backend"] = await app.post(backend, proof=kept)
    evidence["assertion replayed"] = await app.post(backend, proof=kept)
