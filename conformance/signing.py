"""Edge: a client's own key and its assertions (SMART App Launch 2.2 client-confidential-asymmetric), and PKCE."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """A key of one run: ES384 on P-384, else RS384 (or ``algorithm``) on RSA."""

    key: ECKey | RSAKey
    algorithm: str = "ES384"

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JWK."""
        return {**self.key.as_dict(private=False), "use": "sig", "alg": self.algorithm}

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, for the registration."""
        return {"keys": [self.public]}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A JWS of whatever claims, right or wrong. Members of ``header`` replace its own; None leaves one out."""
        said = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid, **header}
        signing = _input({name: value for name, value in said.items() if value is not None}, claims)
        return f"{signing}.{_text(JWSRegistry.algorithms[self.algorithm].sign(signing.encode(), self.key))}"

    def assertion(
        self, client_id: str, audience: str, *, now: float, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """A signed assertion; ``changes`` replace claims, None leaves one out, so that it can be wrong in one way."""
        return self.sign(claims_of(client_id, audience, now=now, **changes), **(header or {}))

    def proof(self, client_id: str, audience: str, *, now: float, **changes: Any) -> Mapping[str, str]:
        """The two form members that authenticate a client."""
        signed = self.assertion(client_id, audience, now=now, **changes)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}

    def shared(self, claims: Mapping[str, Any]) -> str:
        """An HS256 JWS whose secret is the public key as PEM: what a careless verifier takes (RFC 8725 §2.1)."""
        signing = _input({"alg": "HS256", "typ": "JWT", "kid": self.key.kid}, claims)
        digest = hmac.new(self.key.as_pem(private=False), signing.encode(), hashlib.sha256).digest()
        return f"{signing}.{_text(digest)}"


def claims_of(client_id: str, audience: str, *, now: float, **changes: Any) -> dict[str, Any]:
    """The claims of an assertion; ``changes`` replace them, None leaves one out."""
    claims = {
        "iss": client_id, "sub": client_id, "aud": audience, "iat": int(now), "exp": int(now) + 240,
        "jti": secrets.token_urlsafe(16), **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


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


def new_signer(algorithm: str = "ES384") -> Signer:
    """A fresh key: nothing of a run outlives it."""
    id = secrets.token_hex(8)
    if algorithm == "ES384":
        return Signer(key=ECKey.generate_key("P-384", {"kid": id}))
    return Signer(key=RSAKey.generate_key(2048, {"kid": id}), algorithm=algorithm)


def unsigned(claims: Mapping[str, Any]) -> str:
    """A JWT with ``alg: none``."""
    return f"{_input({'alg': 'none', 'typ': 'JWT'}, claims)}."


def _input(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(_text(json.dumps(dict(part)).encode()) for part in (header, claims))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def pkce() -> tuple[str, str]:
    """``(verifier, S256 challenge)`` (RFC 7636 §4)."""
    verifier = secrets.token_urlsafe(48)
    return verifier, challenge_of(verifier)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return _text(hashlib.sha256(verifier.encode()).digest())
