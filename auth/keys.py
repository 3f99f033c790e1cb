"""Edge: signing keys. RS256 for id_tokens, RS384 and ES384 for a client's assertions; a key for each, none shared.

JWK and JWKS: RFC 7517. Key sets that arrive from elsewhere are read by ``parse_key_set`` and kept imported, since
importing costs more than verifying.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeyParameters, RSAKey

Algorithm = Literal["RS256", "RS384", "ES384"]
KINDS: Mapping[Algorithm, str] = {"RS256": "RSA", "RS384": "RSA", "ES384": "EC"}
RSA_BITS = 2048
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that are secrets (RFC 7518 §6)."""
KEYS_LIMIT = 64


class KeySet:
    """Public keys of somebody else, those that can be used; iterates over joserfc keys."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = tuple(keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    @property
    def key_ids(self) -> frozenset[str]:
        """Every ``kid`` among them."""
        return frozenset(key.kid for key in self.keys if key.kid)

    def find(self, *, kid: str, kind: str) -> Key | None:
        """The single key with this ``kid`` and ``kty``; None when there is none, or more than one."""
        found = [key for key in self.keys if key.kid == kid and key.key_type == kind]
        return found[0] if len(found) == 1 else None


@lru_cache(maxsize=256)
def _parse(document: bytes) -> KeySet:
    value = json.loads(document)
    members = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(members, list) or len(members) > KEYS_LIMIT:
        raise ValueError("a key set is an object with a list of keys")
    return KeySet([key for member in members if (key := _import(member)) is not None])


def parse_key_set(document: bytes | Mapping[str, Any]) -> KeySet:
    """A JWKS → KeySet. Keys of other kinds, private and symmetric ones are left out. Raises ValueError."""
    try:
        return _parse(document if isinstance(document, bytes) else json.dumps(document, sort_keys=True).encode())
    except RecursionError as failure:
        raise ValueError("a key set is not nested") from failure


def strict_key_set(document: Any) -> KeySet | None:
    """A JWKS in which every key can be used: public, RSA of 2048 bits at least (RFC 7518 §3.3) or EC, each with a ``kid``
    that no other key of its kind has. None otherwise: what a client registers holds no private or symmetric key."""
    try:
        keys = parse_key_set(document).keys if isinstance(document, dict) else ()
    except (ValueError, TypeError):
        return None
    names = {(key.kid, key.key_type) for key in keys}
    members = document.get("keys", ()) if keys else ()
    whole = bool(keys) and len(members) == len(keys) == len(names) and all(key.kid for key in keys)
    return KeySet(keys) if whole and not any(PRIVATE & set(member) for member in members) else None


def _import(member: Any) -> Key | None:
    """A public signing key, or None: a set may hold keys that this product has no use for."""
    if not isinstance(member, dict) or member.get("use", "sig") != "sig" or PRIVATE & set(member):
        return None
    try:
        if member.get("kty") == "RSA":
            short = len(str(member.get("n"))) * 6 < RSA_BITS  # before joserfc warns of it
            return None if short else RSAKey.import_key(member)
        return ECKey.import_key(member) if member.get("kty") == "EC" else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


class SigningKeys:
    """Our own private keys, one for each algorithm."""

    def __init__(self, keys: Mapping[Algorithm, RSAKey | ECKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def generate(cls, *algorithms: Algorithm) -> "SigningKeys":
        """Fresh keys for all algorithms or those named; the ``kid`` is the key's thumbprint (RFC 7638)."""
        return cls({name: _generate(name) for name in algorithms or KINDS})

    @classmethod
    def from_json(cls, document: Mapping[str, Any], *algorithms: Algorithm) -> "SigningKeys":
        """The inverse of ``to_json``; only the keys of the algorithms named are read, all when none is. Raises
        ValueError, KeyError or TypeError when it cannot be one."""
        try:
            return cls({name: _import_private(document[name], name) for name in algorithms or KINDS})
        except JoseError as failure:
            raise ValueError("not a private key") from failure

    def to_json(self) -> dict[str, Any]:
        """The private keys as JWKs by algorithm: for a file of mode 0600."""
        return {name: key.as_dict(private=True) for name, key in self._keys.items()}

    def key(self, algorithm: Algorithm) -> RSAKey | ECKey:
        """The private key of an algorithm."""
        return self._keys[algorithm]

    def signing(self, now: float) -> RSAKey:
        """The RS256 key: these keys do not change."""
        key = self._keys["RS256"]
        assert isinstance(key, RSAKey)
        return key

    def published(self, now: float) -> dict[str, Any]:
        """The public half of ``signing`` as a JWKS document."""
        return self.jwks("RS256")

    def jwks(self, *algorithms: Algorithm) -> dict[str, Any]:
        """The public keys, all or those named, as a JWKS document."""
        return {
            "keys": [key.as_dict(private=False) for name, key in self._keys.items() if name in (algorithms or KINDS)]
        }


def _generate(algorithm: Algorithm) -> RSAKey | ECKey:
    members: KeyParameters = {"use": "sig", "alg": algorithm}
    if KINDS[algorithm] == "RSA":
        return RSAKey.generate_key(RSA_BITS, members, auto_kid=True)
    return ECKey.generate_key("P-384", members, auto_kid=True)


def _import_private(document: Mapping[str, Any], algorithm: Algorithm) -> RSAKey | ECKey:
    """Importing an RSA key checks it, which takes 50 ms: as long as making one."""
    members = {**document, "kid": document["kid"], "use": "sig", "alg": algorithm}
    return RSAKey.import_key(members) if KINDS[algorithm] == "RSA" else ECKey.import_key(members)


__all__ = ["KINDS", "Algorithm", "KeySet", "SigningKeys", "parse_key_set"]
