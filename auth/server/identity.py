"""The id_token: RS256, as SMART requires (scopes §identity; OpenID Connect Core §2)."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from joserfc import jwt

from auth.keys import SigningKeys
from auth.server import faults
from auth.server.authorize import Server
from auth.server.grants import Grant

LIFE = 300


def token(grant: Grant, *, server: Server, nonce: str | None, access: str, keys: SigningKeys, now: float) -> str:
    """A signed id_token for the grant's user; ``fhirUser`` is absolute. ``sub`` is stable and says nothing."""
    user = grant.user
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": sha256(f"{server.issuer}\n{user or grant.id}".encode()).hexdigest()[:40],
        "aud": grant.client_id,
        "exp": int(now) + LIFE,
        "iat": int(now),
        "at_hash": urlsafe_b64encode(sha256(access.encode()).digest()[:16]).decode().rstrip("="),
    }
    if user is not None and any(getattr(scope, "word", None) in ("fhirUser", "profile") for scope in grant.scopes):
        claims["fhirUser"] = f"{server.fhir}/{user}"
    if nonce is not None:
        claims["nonce"] = nonce
    key = keys.key("RS256")
    claims = faults.bend_claims(grant.faults, claims)
    return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["RS256"])
