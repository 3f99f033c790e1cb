"""Client assertions: ``private_key_jwt`` as SMART App Launch 2.2 narrows RFC 7523 (client-confidential-asymmetric)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact

from auth.keys import KINDS, KeySet
from r4 import codec

ALGORITHMS = ("RS384", "ES384")
LIFETIME = 300.0
"""Seconds an assertion may live: "no more than five minutes in the future"."""
SKEW = 30.0
LONGEST = 16_384


class AssertionRefused(ValueError):
    """The assertion proves nothing; the text names the rule and nothing of the assertion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """``jti`` is to be taken once until ``expires`` (Unix seconds)."""

    client_id: str
    jti: str
    expires: float


def build(client_id: str, audience: str, key: RSAKey | ECKey, *, now: float, jti: str) -> str:
    """A signed assertion for a token endpoint. ``key`` carries its ``kid`` and ``alg``."""
    algorithm = str(key.as_dict(private=False)["alg"])
    header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    claims = {
        "iss": client_id, "sub": client_id, "aud": audience, "exp": int(now + LIFETIME - SKEW), "iat": int(now), "jti": jti,
    }  # fmt: skip
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def claimed_client(assertion: str) -> str | None:
    """The ``sub`` it claims, unverified: only good for finding whose keys to verify it with."""
    try:
        said = _payload(assertion)
    except AssertionRefused:
        return None
    subject = said.get("sub")
    return subject if isinstance(subject, str) else None


def key_id(assertion: str) -> str | None:
    """The ``kid`` it claims, unverified."""
    try:
        kid = _part(assertion, 0).get("kid")
    except AssertionRefused:
        return None
    return kid if isinstance(kid, str) else None


def verify(
    assertion: str, keys: KeySet, *, client_id: str, audience: str, now: float, jku: str | None = None
) -> Assertion:
    """The verified assertion. ``jku`` is the client's registered key set address. Raises AssertionRefused."""
    header = _part(assertion, 0)
    algorithm = header.get("alg")
    if (
        algorithm not in ALGORITHMS
        or header.get("typ") != "JWT"
        or "crit" in header
        or {"jwk", "x5c", "x5u"} & set(header)
    ):
        raise AssertionRefused("the header must say typ JWT and alg RS384 or ES384, and bring no key")
    if "jku" in header and header["jku"] != jku:
        raise AssertionRefused("jku must be the registered jwks_uri")
    kid = header.get("kid")
    key = keys.find(kid=kid, kind=KINDS[algorithm]) if isinstance(kid, str) else None
    if key is None:
        raise AssertionRefused("kid must name exactly one registered key of the algorithm's kind")
    try:
        payload = deserialize_compact(assertion, key, algorithms=[algorithm], registry=_registry(algorithm)).payload
        said = codec.parse(payload or b"", max_depth=16)
    except (JoseError, codec.CodecError, ValueError) as failure:
        raise AssertionRefused("the signature does not hold") from failure
    return _checked(said, client_id=client_id, audience=audience, now=now)


def _registry(algorithm: str) -> JWSRegistry:
    """joserfc refuses headers over 512 bytes, which a long jku needs."""
    registry = JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = 2048
    return registry


def _checked(said: Any, *, client_id: str, audience: str, now: float) -> Assertion:
    if not isinstance(said, dict):
        raise AssertionRefused("the claims must be an object")
    rules: Mapping[str, bool] = {
        "iss and sub must be the client id": said.get("iss") == said.get("sub") == client_id,
        "aud must be the token endpoint and nothing else": said.get("aud") in (audience, [audience]),
        "exp must be at most five minutes ahead, and not past": _number(said.get("exp"))
        and now - SKEW < said["exp"] <= now + LIFETIME + SKEW,
        "iat must not be in the future": "iat" not in said or (_number(said["iat"]) and said["iat"] <= now + SKEW),
        "nbf must not be in the future": "nbf" not in said or (_number(said["nbf"]) and said["nbf"] <= now + SKEW),
        "jti must be a string": isinstance(said.get("jti"), str) and 0 < len(said["jti"]) <= 256,
    }
    for text, holds in rules.items():
        if not holds:
            raise AssertionRefused(text)
    return Assertion(client_id=client_id, jti=said["jti"], expires=float(said["exp"]) + SKEW)


def _number(value: Any) -> bool:
    """A finite JSON number; a truth value and a string are none."""
    return not isinstance(value, bool | str | None) and isinstance(value, int | codec.Decimal) and value == value


def _payload(assertion: str) -> Mapping[str, Any]:
    return _part(assertion, 1)


def _part(assertion: str, index: int) -> Mapping[str, Any]:
    from base64 import urlsafe_b64decode

    parts = assertion.split(".")
    if len(assertion) > LONGEST or len(parts) != 3:
        raise AssertionRefused("the assertion must be a signed JWT")
    try:
        part = codec.parse(urlsafe_b64decode(parts[index] + "=="), max_depth=16)
    except (codec.CodecError, ValueError) as failure:
        raise AssertionRefused("the assertion must be a signed JWT") from failure
    if not isinstance(part, dict):
        raise AssertionRefused("the assertion must be a signed JWT")
    return part
