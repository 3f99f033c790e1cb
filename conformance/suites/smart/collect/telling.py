"""Edge: evidence of introspection and revocation."""

from typing import Any

from conformance.client import App
from conformance.evidence import Evidence, NotOffered
from conformance.session import Session, token_in

INTROSPECT, REVOKE = "introspection_endpoint", "revocation_endpoint"


def offered(app: App, endpoint: str) -> str:
    """The address. Raises NotOffered where it is not offered."""
    address = app.endpoints.get(endpoint)
    if not isinstance(address, str):
        raise NotOffered(endpoint)
    return address


async def introspecting(session: Session, evidence: Evidence) -> None:
    """What the client is told of its own token, and what others are told."""
    app = session.client()
    address = offered(app, INTROSPECT)
    given = evidence["introspected token"] = await app.sign_in(**_options(evidence))
    evidence["introspecting client"] = app.id
    access = token_in(given)
    form = {"token": access}
    evidence["introspect"] = await app.ask(INTROSPECT, form)
    evidence["introspect garbage"] = await app.ask(INTROSPECT, {"token": "garbage"})
    evidence["introspect nothing"] = await app.ask(INTROSPECT, {})
    evidence["introspect as nobody"] = await app.ask(INTROSPECT, form, proof={})
    evidence["introspect as a bearer"] = await app.probe.send(
        "POST", address, token=access, form=form, headers={"accept": "application/json"}
    )
    evidence["introspect as a false bearer"] = await app.probe.send(
        "POST", address, token="garbage", form=form, headers={"accept": "application/json"}  # noqa: S106
    )  # fmt: skip
    for kind, name in (("public", "introspect as a public client"), ("rsa", "introspect as another client")):
        if kind in session.others:
            evidence[name] = await session.other(kind).ask(INTROSPECT, form)
    if "resource server" in session.others:
        evidence["introspect as a resource server"] = await session.other("resource server").ask(INTROSPECT, form)


def _options(evidence: Evidence) -> dict[str, Any]:
    return {"patient": evidence["patients"][0], **({"user": evidence["user"]} if evidence["user"] else {})}


async def revoking(session: Session, evidence: Evidence) -> None:
    """A token is revoked: not by a stranger, by its client at once, and once more."""
    app = session.client()
    offered(app, REVOKE)
    path = f"Patient/{evidence['patients'][0]}"
    access = token_in(await app.sign_in(**_options(evidence)))
    form = {"token": access}
    evidence["revoke as nobody"] = await app.ask(REVOKE, form, proof={})
    if "rsa" in session.others:
        evidence["revoke as another client"] = await session.other("rsa").ask(REVOKE, form)
    evidence["before revoke"] = await app.probe.send("GET", path, token=access)
    evidence["revoke"] = await app.ask(REVOKE, form)
    evidence["after revoke"] = await app.probe.send("GET", path, token=access)
    evidence["revoke again"] = await app.ask(REVOKE, form)
    if isinstance(app.endpoints.get(INTROSPECT), str):
        evidence["introspect revoked"] = await app.ask(INTROSPECT, form)
