"""Edge: evidence of launches as they should be: from the EHR, standalone, by POST."""

import secrets
from typing import Any

from conformance.client import App, alone
from conformance.evidence import Evidence
from conformance.session import Session, code_in, token_in
from conformance.signing import pkce

EHR_SCOPES = "launch openid fhirUser offline_access launch/encounter patient/*.rs"
STANDALONE_SCOPES = "launch/patient openid fhirUser patient/*.rs"
CONTEXT = {
    "intent": "conformance", "need_patient_banner": True, "tenant": "conformance-tenant",
    "fhirContext": [{
        "identifier": {"system": "urn:conformance", "value": "list"}, "type": "List",
        "role": "https://conformance.example/role",
    }],
}  # fmt: skip


async def from_the_ehr(session: Session, evidence: Evidence) -> None:
    """One launch from the EHR with all the context that there is, and what is read with its token; where nobody prepares
    one, a standalone launch in its place."""
    app, options = session.client(), _options(evidence)
    context = {**CONTEXT, **options} if session.launcher else {"patient": options["patient"]}
    evidence["launched"] = context
    verifier, challenge = pkce()
    entered = await app.enter(challenge=challenge, **context)
    state, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    evidence["state"], evidence["nonce"], evidence["client"] = state, nonce, app.id
    evidence["scopes asked"] = EHR_SCOPES if session.launcher else alone(EHR_SCOPES)
    answer = evidence["authorize"] = await app.authorize(
        challenge=challenge, scope=EHR_SCOPES, changes=entered, state=state, nonce=nonce
    )
    code = code_in(answer)
    token = evidence["token"] = await app.redeem(code, verifier)
    access = token_in(token)
    await _read(app, evidence, access, options)
    evidence["code twice"] = await app.redeem(code, verifier)
    evidence["read after code twice"] = await app.probe.send("GET", f"Patient/{options['patient']}", token=access)
    if entered["launch"] is not None:
        evidence["launch twice"] = await app.authorize(challenge=challenge, scope=EHR_SCOPES, changes=entered)


def _options(evidence: Evidence) -> dict[str, Any]:
    """A patient, with an encounter of his where one is open, and a user."""
    listed = evidence.seen("launcher").table if "launcher" in evidence else {}
    user = {"user": evidence["user"]} if evidence["user"] else {}
    for each in listed.get("encounters", ()):
        if each.get("patient") in evidence["patients"]:
            return {"patient": str(each["patient"]), "encounter": str(each["id"]), **user}
    return {"patient": evidence["patients"][0], **user}


async def _read(app: App, evidence: Evidence, access: str, options: dict[str, Any]) -> None:
    probe, page = app.probe, app.origin
    token = evidence.seen("token").table
    evidence["patient"] = await probe.send("GET", f"Patient/{options['patient']}", token=access, headers=page)
    other = next(f"Patient/{each}" for each in evidence["patients"] if each != options["patient"])
    evidence["another patient"] = await probe.send("GET", other, token=access)
    evidence["patient without a token"] = await probe.send("GET", f"Patient/{options['patient']}")
    if isinstance(token.get("encounter"), str):
        evidence["encounter"] = await probe.send("GET", f"Encounter/{token['encounter']}", token=access)
    if isinstance(token.get("smart_style_url"), str):
        style = {"accept": "application/json"}
        evidence["style"] = await probe.send("GET", token["smart_style_url"], headers=style)


async def fhir_user(session: Session, evidence: Evidence) -> None:
    """The resource that ``fhirUser`` names, with a token that reaches it."""
    app = session.client()
    user = evidence["user"]
    if not user:
        return
    scope = "launch openid fhirUser user/*.rs"
    given = await app.sign_in(scope=scope, patient=evidence["patients"][0], user=user)
    evidence["user token"] = given
    evidence["fhir user"] = await app.probe.send("GET", user, token=token_in(given), headers=app.origin)
    evidence["userless token"] = await app.sign_in(patient=evidence["patients"][0])
    other = f"Patient/{evidence['patients'][1]}"
    evidence["another patient of the user"] = await app.probe.send("GET", other, token=token_in(given))


async def standalone(session: Session, evidence: Evidence) -> None:
    """A standalone launch that asks for a patient."""
    app = session.client()
    verifier, challenge = pkce()
    context = {name: value for name, value in _options(evidence).items() if name != "encounter"}
    entered = await app.enter(challenge=challenge, standalone=True, **context)
    state = evidence["standalone state"] = secrets.token_urlsafe(16)
    answer = evidence["standalone authorize"] = await app.authorize(
        challenge=challenge, scope=STANDALONE_SCOPES, changes=entered, state=state
    )
    token = evidence["standalone token"] = await app.redeem(code_in(answer), verifier)
    path = f"Patient/{token.table.get('patient')}"
    evidence["standalone patient"] = await app.probe.send("GET", path, token=token_in(token))


async def standalone_context(session: Session, evidence: Evidence) -> None:
    """Standalone launches with an encounter, and without a patient."""
    app, launcher = session.launching()
    options = _options(evidence)
    if "encounter" in options:
        asked = "launch/patient launch/encounter patient/*.rs"
        code, verifier = await app.code(scope=asked, standalone=True, **options)
        evidence["standalone encounter token"] = await app.redeem(code, verifier)
    challenge = pkce()[1]
    await app.prepare_standalone(launcher, challenge, user=options.get("user"))
    evidence["no patient chosen"] = await app.authorize(challenge=challenge, scope="patient/*.rs")


async def posted(session: Session, evidence: Evidence) -> None:
    """The authorization request by POST."""
    app, launcher = session.launching()
    verifier, challenge = pkce()
    launch = await app.prepare(launcher, patient=evidence["patients"][0])
    state = evidence["posted state"] = secrets.token_urlsafe(16)
    answer = evidence["posted authorize"] = await app.authorize(
        launch=launch, challenge=challenge, state=state, method="POST"
    )
    evidence["posted token"] = await app.redeem(code_in(answer), verifier)
