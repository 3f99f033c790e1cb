"""Edge: what a token is good for, told to those who may know (RFC 7662, SMART App Launch 2.2 token-introspection)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from auth import scopes
from auth.scopes import WordScope
from auth.server import grants, identity
from auth.server.authorize import Server
from auth.server.clients import Client, find_client
from auth.server.grants import Issued
from auth.server.token import context_members

INACTIVE = {"active": False}
"""All that is said of a token that is not in force, or not the asker's to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks. ``grant`` is set for a bearer. ``whole`` is whether all tokens of ``client_id`` are its own: a bearer of
    a public client stands for its own grant only. ``any`` is whether it may ask about every client's tokens."""

    client_id: str
    grant: str | None = None
    whole: bool = True
    any: bool = False


def asking_client(client: Client) -> Asker:
    """A client that has authenticated."""
    return Asker(client_id=client.id, any=WordScope(word=scopes.INTROSPECT) in scopes.parse(client.scope))


def asking_bearer(connection: Connection, now: float, token: str) -> Asker | None:
    """The bearer of an access token in force, or None."""
    grant = grants.find_grant(connection, now, token)
    found = find_client(connection, now, grant.client_id) if grant is not None else None
    if grant is None or found is None:
        return None
    may = WordScope(word=scopes.INTROSPECT) in grant.scopes
    return Asker(client_id=grant.client_id, grant=grant.id, whole=not found[0].public, any=may)


def find(connection: Connection, now: float, *, token: str, asker: Asker) -> Issued | None:
    """The token, if it is in force and this asker's to know."""
    issued = grants.find_token(connection, now, token)
    if issued is None:
        return None
    own = issued.grant.client_id == asker.client_id and (asker.whole or issued.grant.id == asker.grant)
    return issued if own or asker.any else None


def describe(issued: Issued | None, server: Server) -> dict[str, Any]:
    """The introspection response. ``iss``, ``sub`` and ``fhirUser`` are those of the id_token that came with the grant."""
    if issued is None:
        return INACTIVE
    grant = issued.grant
    said: dict[str, Any] = {
        "active": True, "scope": scopes.format(grant.scopes), "client_id": grant.client_id, "exp": int(grant.expires),
        "iat": int(issued.at),
    }  # fmt: skip
    if issued.kind == "access":
        said |= {"token_type": "Bearer"}
    if WordScope(word="openid") in issued.granted:
        user = identity.fhir_user(grant, issued.granted, server)
        said |= {"iss": server.issuer, "sub": identity.subject(grant, server)} | ({"fhirUser": user} if user else {})
    return said | context_members(grant.context)
