"""Edge: evidence of client assertions that are wrong in one way (client-confidential-asymmetric, RFC 7523, RFC 8725)."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.client import App, listed
from conformance.evidence import Evidence
from conformance.session import Session
from conformance.signing import Signer, claims_of, new_signer, unsigned

ELSEWHERE = "https://elsewhere.example/token"


def changed_claims(app: App, now: int) -> Mapping[str, Mapping[str, Any]]:
    """What is changed of the claims, by name of the evidence."""
    own = str(app.endpoints["token_endpoint"])
    return {
        "assertion for another server": {"aud": ELSEWHERE},
        "assertion for the FHIR base": {"aud": app.probe.base},
        "assertion for two servers": {"aud": [own, ELSEWHERE]},
        "assertion for nobody": {"aud": None},
        "assertion expired": {"exp": now - 120, "iat": now - 360},
        "assertion without an end": {"exp": None},
        "assertion with an end in words": {"exp": "soon"},
        "assertion too long": {"exp": now + 86400},
        "assertion of ten minutes": {"exp": now + 600},
        "assertion of tomorrow": {"iat": now + 86000, "nbf": now + 86000},
        "assertion without jti": {"jti": None},
        "assertion of another issuer": {"iss": "somebody-else"},
        "assertion about another subject": {"sub": "somebody-else"},
        "assertion without a subject": {"sub": None},
        "assertion without an issuer": {"iss": None},
    }


def changed_headers(app: App) -> Mapping[str, Mapping[str, Any]]:
    """What is changed of the header."""
    return {
        "assertion without kid": {"kid": None},
        "assertion of an unknown kid": {"kid": "no-key-of-this-id"},
        "assertion of another type": {"typ": "at+jwt"},
        "assertion with an unknown crit": {"crit": ["conformance"], "conformance": True},
        "assertion with a foreign jku": {"jku": "https://attacker.example/jwks.json"},
    }


def forged(app: App, signer: Signer, now: float) -> Iterator[tuple[str, str]]:
    """Assertions that the registered key did not sign."""
    own = str(app.endpoints["token_endpoint"])

    def claims() -> dict[str, Any]:
        return claims_of(app.id, own, now=now)

    other = new_signer()
    yield "assertion of another key", other.sign(claims())
    yield "assertion of another key under the known kid", other.sign(claims(), kid=signer.key.kid)
    yield "assertion that brings its key", other.sign(claims(), jwk=other.public)
    yield "assertion unsigned", unsigned(claims())
    yield "assertion by the public key as secret", signer.shared(claims())
    head, _, signature = signer.sign(claims()).split(".")
    yield "assertion with other claims", f"{head}.{signer.sign(claims()).split('.')[1]}.{signature}"
    yield "assertion that is no token", "this.is.nothing"


async def assertions(session: Session, evidence: Evidence) -> None:
    """Each with a request that would be answered with a token."""
    app = session.client()
    if app.signer is None:
        return
    own, now = str(app.endpoints["token_endpoint"]), int(app.now())
    wrong = {
        name: app.signer.assertion(app.id, own, now=now, **changes)
        for name, changes in changed_claims(app, now).items()
    }
    for name, header in changed_headers(app).items():
        wrong[name] = app.signer.assertion(app.id, own, now=now, header=header)
    for name, text in (*wrong.items(), *forged(app, app.signer, now)):
        evidence[name] = await app.post(asked(app), proof={**app.proof(), "client_assertion": text})
    await _form(app, evidence)


async def _form(app: App, evidence: Evidence) -> None:
    """What stands beside the assertion, and the assertion a second time."""
    form, kept = asked(app), app.proof()
    evidence["assertion of an unknown kind"] = await app.post(
        form, proof={**app.proof(), "client_assertion_type": "not_an_assertion_type"}
    )
    evidence["assertion beside another client"] = await app.post(
        form, proof={**app.proof(), "client_id": "somebody-else"}
    )
    stranger = App(probe=app.probe, endpoints=app.endpoints, id="somebody-else", signer=app.signer)
    evidence["assertion of an unknown client"] = await stranger.post(form)
    evidence["assertion first"] = await app.post(form, proof=kept)
    evidence["assertion replayed"] = await app.post(form, proof=kept)


def asked(app: App) -> dict[str, str]:
    """A request that only the client's authentication keeps from a token, where there are backend services; elsewhere
    one with a code that nobody issued, which is looked at after the client."""
    if "client_credentials" in listed(app.endpoints, "grant_types_supported"):
        return {"grant_type": "client_credentials", "scope": "system/*.rs"}
    return {
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": app.redirect_uri,
        "code_verifier": "v" * 43,
    }
