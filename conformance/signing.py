"""Edge: a client's own key and its assertions (SMART App Launch 2.2 client-confidential-asymmetric), and PKCE."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """A key and how it signs: ES384 with one of a run's own, RS384 where a registered one is RSA."""

    key: ECKey | RSAKey
    algorithm: str = "ES384"

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, for the registration."""
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": self.algorithm}]}

    def assertion(self, client_id: str, audience: str, *, now: float, **changes: Any) -> str:
        """A signed assertion; ``changes`` replace claims, so that it can be wrong in one way."""
        claims = {
            "iss": client_id, "sub": client_id, "aud": audience, "iat": int(now), "exp": int(now) + 240,
            "jti": secrets.token_urlsafe(16), **changes,
        }  # fmt: skip
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])

    def proof(self, client_id: str, audience: str, *, now: float, **changes: Any) -> Mapping[str, str]:
        """The two form members that authenticate a client."""
        signed = self.assertion(client_id, audience, now=now, **changes)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}


def new_signer() -> Signer:
    """A fresh key: nothing of a run outlives it."""
    return Signer(key=ECKey.generate_key("P-384", {"kid": secrets.token_hex(8)}))


def read_signer(jwk: Any) -> Signer:
    """The private key of a registered client, a JWK. Raises ValueError when it is neither P-384 nor RSA, or not private."""
    try:
        rsa = jwk["kty"] == "RSA"
        key = (RSAKey if rsa else ECKey).import_key(jwk)
    except (JoseError, TypeError, KeyError, ValueError) as failure:
        raise ValueError("no key") from failure
    if not key.is_private or (not rsa and jwk.get("crv") != "P-384"):
        raise ValueError("not private, or another curve than P-384")
    return Signer(key=key, algorithm="RS384" if rsa else "ES384")


def unsigned(client_id: str, audience: str, *, now: float) -> str:
    """An assertion with ``alg: none``."""
    import json

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iss": client_id, "sub": client_id, "aud": audience, "exp": int(now) + 240, "jti": secrets.token_hex(8)}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def pkce() -> tuple[str, str]:
    """``(verifier, S256 challenge)`` (RFC 7636 §4)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).decode().rstrip("=")
