"""The id_token: RS256, as SMART requires (scopes §identity; OpenID Connect Core §2)."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from joserfc import jwt

from auth.rotation import IdTokenKeys
from auth.scopes import Scope
from auth.server import faults
from auth.server.authorize import Server
from auth.server.grants import Grant
from auth.server.steps import words_of

LIFE = 300


def subject(grant: Grant, server: Server) -> str:
    """``sub``: the same for the same person at this issuer, whichever client asks (a public subject identifier)."""
    return sha256(f"{server.issuer}\n{grant.user or grant.id}".encode()).hexdigest()[:40]


def fhir_user(grant: Grant, granted: Iterable[Scope], server: Server) -> str | None:
    """The ``fhirUser`` claim, absolute, when ``fhirUser`` or ``profile`` was granted for a person."""
    said = grant.user is not None and words_of(granted) & {"fhirUser", "profile"}
    return f"{server.fhir}/{grant.user}" if said else None


def token(grant: Grant, *, server: Server, nonce: str | None, access: str, keys: IdTokenKeys, now: float) -> str:
    """A signed id_token for the grant's user; ``fhirUser`` is absolute. ``sub`` is stable and says nothing."""
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": subject(grant, server),
        "aud": grant.client_id,
        "exp": int(now) + LIFE,
        "iat": int(now),
        "at_hash": urlsafe_b64encode(sha256(access.encode()).digest()[:16]).decode().rstrip("="),
    }
    if (user := fhir_user(grant, grant.scopes, server)) is not None:
        claims["fhirUser"] = user
    if nonce is not None:
        claims["nonce"] = nonce
    key = keys.signing(now)
    claims = faults.bend_claims(grant.faults, claims)
    return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["RS256"])
