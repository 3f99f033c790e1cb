"""Who signed in, from an id_token that holds up. Whatever does not hold up is "nobody", never a failed launch.

SMART App Launch 2.2 scopes §identity, OpenID Connect Core §3.1.3.7. The rules are a table; each looks at the claims and
at what this launch expects, and a rule that cannot be read does not hold.
"""

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from auth.client.ehr import RegisteredEhr
from auth.client.launch import PendingLaunch
from auth.keys import KeySet
from r4 import codec

LEEWAY = 30.0
"""Seconds that the EHR's clock may differ from ours."""
ALGORITHMS: Mapping[str, tuple[type, str]] = {
    "RS256": (RSAKey, "sha256"),
    "RS384": (RSAKey, "sha384"),
    "RS512": (RSAKey, "sha512"),
    "ES256": (ECKey, "sha256"),
    "ES384": (ECKey, "sha384"),
}
"""Signatures by a key pair only: SMART requires RS256, and a secret both sides know proves nothing about who signed.
With each, the kind of key it takes and the hash that ``at_hash`` is made with."""
LONGEST = 65536
_USER = re.compile(r"(Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/((?!\.{1,2}$)[A-Za-z0-9\-.]{1,64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """``fhir_user`` is ``Type/id`` at the launching EHR, or None when the id_token names none that can be used."""

    subject: str
    fhir_user: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoIdentity:
    """``reason`` names the rule that did not hold, and nothing of the token."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What the claims are held against. ``at_hash`` is the hash of the access token that came along."""

    issuer: str | None
    client_id: str
    nonce: str = field(repr=False)
    at_hash: str = field(repr=False)
    now: float


REASONS: Mapping[str, str] = {
    "not asked": "This gateway does not ask the EHR who signs in.",
    "absent": "The EHR did not say who signed in.",
    "keys": "The EHR's keys could not be read, so who signed in is not known.",
    "exp": "What the EHR says of who signed in has run out: its clock and ours may differ.",
    "iat": "What the EHR says of who signed in is of the future: its clock and ours may differ.",
    "nbf": "What the EHR says of who signed in is of the future: its clock and ours may differ.",
}
"""What a reason means for the person who launched; any other is ``UNPROVEN``."""
UNPROVEN = "What the EHR says of who signed in does not hold up"


def explain(reason: str) -> str:
    """A reason in words for the person who launched."""
    said = REASONS.get(reason, f"{UNPROVEN} ({reason}).")
    return f"{said} Results can be read; to confirm or reject one, launch again, and tell whoever runs this gateway."


Rule = Callable[[Mapping[str, Any], Expected], bool]

RULES: Mapping[str, Rule] = {
    "iss": lambda said, expected: expected.issuer is not None and said["iss"] == expected.issuer,
    "aud": lambda said, expected: expected.client_id in _audience(said),
    "azp": lambda said, expected: (
        said.get("azp", expected.client_id) == expected.client_id and (len(_audience(said)) == 1 or "azp" in said)
    ),
    "exp": lambda said, expected: _instant(said["exp"]) > expected.now - LEEWAY,
    "iat": lambda said, expected: _instant(said["iat"]) <= expected.now + LEEWAY,
    "nbf": lambda said, expected: _instant(said.get("nbf", 0)) <= expected.now + LEEWAY,
    "nonce": lambda said, expected: bool(expected.nonce) and said["nonce"] == expected.nonce,
    "at_hash": lambda said, expected: said.get("at_hash", expected.at_hash) == expected.at_hash,
    "sub": lambda said, expected: (
        isinstance(said["sub"], str) and 0 < len(said["sub"]) <= 255 and said["sub"].isprintable()
    ),
}


def read(
    id_token: str, begun: PendingLaunch, ehr: RegisteredEhr, *, access: str, keys: KeySet, now: float
) -> Identity | NoIdentity:
    """The identity in an id_token for this launch. ``access`` is the access token that came with it."""
    said = verified(id_token, begun, ehr, access=access, keys=keys, now=now)
    if isinstance(said, NoIdentity):
        return said
    return Identity(subject=said["sub"], fhir_user=fhir_user(said.get("fhirUser"), fhir=begun.fhir))


def verified(
    id_token: str, begun: PendingLaunch, ehr: RegisteredEhr, *, access: str, keys: KeySet, now: float
) -> Mapping[str, Any] | NoIdentity:
    """The claims of an id_token that one of the keys signed and for which every rule holds."""
    signed = _verify(id_token, keys)
    if isinstance(signed, NoIdentity):
        return signed
    algorithm, said = signed
    expected = Expected(
        issuer=begun.issuer, client_id=ehr.client_id, nonce=begun.nonce, at_hash=half_hash(access, algorithm), now=now
    )
    broken = next((name for name, holds in RULES.items() if not _holds(holds, said, expected)), None)
    return said if broken is None else NoIdentity(reason=broken)


def key_id(id_token: str) -> str | None:
    """The ``kid`` that the token claims to be signed with, unverified: it only says which keys to have at hand."""
    kid = _header(id_token).get("kid")
    return kid if isinstance(kid, str) else None


def fhir_user(claim: Any, *, fhir: str) -> str | None:
    """``Type/id`` of a ``fhirUser`` claim: relative, or absolute below this EHR's FHIR base. A person of another
    server is not one whose role this EHR can vouch for."""
    if not isinstance(claim, str):
        return None
    found = _USER.fullmatch(claim.removeprefix(fhir.rstrip("/") + "/"))
    return f"{found[1]}/{found[2]}" if found else None


def half_hash(access: str, algorithm: str) -> str:
    """``at_hash``: the left half of the access token's hash (OpenID Connect Core §3.1.3.6)."""
    digest = hashlib.new(ALGORITHMS[algorithm][1], access.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def _verify(id_token: str, keys: KeySet) -> tuple[str, Mapping[str, Any]] | NoIdentity:
    """Algorithm and claims of a token that one of the EHR's keys signed."""
    header = _header(id_token)
    algorithm = str(header.get("alg"))
    if len(id_token) > LONGEST or id_token.count(".") != 2 or algorithm not in ALGORITHMS:
        return NoIdentity(reason="alg")
    kind = ALGORITHMS[algorithm][0]
    fitting = [key for key in keys if isinstance(key, kind) and key.get("use", "sig") == "sig"]
    named = [key for key in fitting if "kid" not in header or key.kid == header["kid"]]
    if len(named) != 1:
        return NoIdentity(reason="kid")
    try:
        payload = jws.deserialize_compact(id_token, named[0], registry=_registry(algorithm)).payload
        said = codec.parse(payload or b"", max_depth=16)
    except (JoseError, codec.CodecError, ValueError):
        return NoIdentity(reason="signature")
    return (algorithm, said) if isinstance(said, dict) else NoIdentity(reason="claims")


def _registry(algorithm: str) -> jws.JWSRegistry:
    """joserfc refuses headers over 512 bytes, which a certificate chain needs."""
    registry = jws.JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = 8192
    return registry


def _header(id_token: str) -> Mapping[str, Any]:
    try:
        header = codec.parse(urlsafe_b64decode(id_token[:LONGEST].partition(".")[0] + "=="), max_depth=8)
    except (codec.CodecError, binascii.Error, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def _holds(rule: Rule, said: Mapping[str, Any], expected: Expected) -> bool:
    try:
        return rule(said, expected)
    except (KeyError, TypeError, ValueError):
        return False


def _audience(said: Mapping[str, Any]) -> list[Any]:
    audience = said["aud"]
    return audience if isinstance(audience, list) else [audience]


def _instant(value: Any) -> float:
    """A NumericDate. Raises TypeError for a truth value or a string, which some issuers send and none may."""
    if isinstance(value, bool | str):
        raise TypeError("not a number")
    return float(value)
