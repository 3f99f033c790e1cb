"""Edge: evidence of refresh tokens: what they renew, for whom, and when they end."""

from conformance.client import SCOPES
from conformance.evidence import Evidence
from conformance.session import Session, token_in

REFRESH = "refresh_token"


def renewal(token: str, **more: str) -> dict[str, str]:
    """The form of a refresh."""
    return {"grant_type": "refresh_token", "refresh_token": token, **more}


async def refreshing(session: Session, evidence: Evidence) -> None:
    """A confidential client's refresh token: more is refused, the same is given, less is given."""
    app = session.client()
    patient = evidence["patients"][0]
    first = evidence["offline token"] = await app.sign_in(scope=SCOPES, patient=patient)
    token = token_in(first, REFRESH)
    evidence["refresh wider"] = await app.post(renewal(token, scope=f"{SCOPES} patient/*.cruds"))
    evidence["refresh with another resource level"] = await app.post(renewal(token, scope="user/*.rs"))
    evidence["refresh unknown"] = await app.post(renewal("nobody-issued-this-token"))
    evidence["refresh as nobody"] = await app.post(renewal(token), proof={})
    given = evidence["refresh"] = await app.post(renewal(token))
    token = str(given.table.get("refresh_token", token))
    evidence["read after refresh"] = await app.probe.send(
        "GET", f"Patient/{patient}", token=str(given.table.get("access_token"))
    )
    less = evidence["refresh narrower"] = await app.post(renewal(token, scope="patient/Patient.rs"))
    evidence["read beyond the narrower"] = await app.probe.send(
        "GET", f"Observation?patient={patient}&_count=1", token=str(less.table.get("access_token"))
    )
    token = str(less.table.get("refresh_token", token))
    if isinstance(app.endpoints.get("revocation_endpoint"), str):
        evidence["revoke refresh"] = await app.ask("revocation_endpoint", {"token": token})
        evidence["refresh revoked"] = await app.post(renewal(token))
        evidence["read after refresh revoked"] = await app.probe.send(
            "GET", f"Patient/{patient}", token=str(given.table.get("access_token"))
        )


async def stolen_refresh(session: Session, evidence: Evidence) -> None:
    """A refresh token that another registered client presents."""
    app = session.client()
    given = await app.sign_in(scope=SCOPES, patient=evidence["patients"][0])
    token = token_in(given, REFRESH)
    evidence["refresh by another client"] = await session.other("public").post(renewal(token))


async def public_refresh(session: Session, evidence: Evidence) -> None:
    """A public client's refresh token is replaced at each use; the old one ends everything."""
    app = session.other("public")
    patient = evidence["patients"][0]
    first = token_in(await app.sign_in(scope=SCOPES, patient=patient), REFRESH)
    evidence["public refresh first"] = first
    given = evidence["public refresh"] = await app.post(renewal(first))
    second = str(given.table.get("refresh_token", first))
    evidence["public refresh twice"] = await app.post(renewal(first))
    evidence["public refresh after twice"] = await app.post(renewal(second))
    evidence["public read after twice"] = await app.probe.send(
        "GET", f"Patient/{patient}", token=str(given.table.get("access_token"))
    )


async def online(session: Session, evidence: Evidence) -> None:
    """Access that lasts as long as the session."""
    app = session.client()
    scope = "launch openid fhirUser online_access patient/*.rs"
    options = {"patient": evidence["patients"][0], **({"user": evidence["user"]} if evidence["user"] else {})}
    given = evidence["online token"] = await app.sign_in(scope=scope, **options)
    evidence["online refresh"] = await app.post(renewal(token_in(given, REFRESH)))
