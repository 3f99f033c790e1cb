"""Edge: the keys that the gateway signs its client assertions with, and their changing (SMART App Launch 2.2
client-confidential-asymmetric: RS384 and ES384). Only making a key draws randomness; the schedule is ``auth.rotation``'s.

Keys change when the operator says so, not by age: an EHR may hold keys that were handed to it, not fetched.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from auth.keys import KINDS, RSA_BITS, Algorithm
from auth.rotation import KeyRing, Timed, TimedKey

ALGORITHMS: tuple[Algorithm, ...] = ("RS384", "ES384")
"""What SMART has a client sign its assertions with."""
LEAD = 24 * 3600.0
"""Seconds that a new key is published before it signs. Our key set may be kept for five minutes; EHRs have kept longer."""
FIRST = 0.0
"""When the first keys of an installation count as made: they sign at once."""

Ring = KeyRing[RSAKey] | KeyRing[ECKey]


@dataclass(frozen=True, slots=True)
class AssertionKeys:
    """A ring for each algorithm."""

    rings: Mapping[Algorithm, Ring] = field(repr=False)

    def key(self, algorithm: Algorithm, now: float) -> RSAKey | ECKey:
        """The private key that signs now."""
        return self.rings[algorithm].signing(now)

    def jwks(self, now: float) -> dict[str, Any]:
        """Every public key that an EHR may need, as a JWKS document."""
        return {"keys": [key for ring in self.rings.values() for key in ring.published(now)["keys"]]}

    def renewed(self, now: float, *, at_once: bool = False) -> "AssertionKeys":
        """With a new key for each algorithm: published now and signing after ``LEAD`` seconds. ``at_once``: it signs
        from now on, and the others are gone, as when one has become known."""
        made = {name: _timed(name, now) for name in self.rings}
        if at_once:
            return AssertionKeys({name: KeyRing((each,), LEAD) for name, each in made.items()})
        return AssertionKeys({name: ring.with_key(made[name].key, now) for name, ring in self.rings.items()})

    def listed(self, now: float) -> list[dict[str, Any]]:
        """``kid``, ``algorithm``, ``made`` (Unix seconds) and ``use`` (``signs``, ``next``, ``past``) of the published keys."""
        return [
            {"kid": each.key.kid, "algorithm": name, "made": each.made, "use": _use(ring, each, now)}
            for name, ring in self.rings.items()
            for each in ring.alive(now)
        ]

    def to_json(self) -> dict[str, Any]:
        """With the private keys: for a file of mode 0600."""
        return {
            name: [{"made": each.made, "key": each.key.as_dict(private=True)} for each in ring.keys]
            for name, ring in self.rings.items()
        }


def generate(now: float = FIRST) -> AssertionKeys:
    """The keys of a new installation."""
    return AssertionKeys({name: KeyRing((_timed(name, now),), LEAD) for name in ALGORITHMS})


def from_json(document: Mapping[str, Any]) -> AssertionKeys:
    """The inverse of ``to_json``. An installation of 0.1 kept one key for each algorithm: it goes on signing. Raises
    ValueError, KeyError or TypeError when it cannot be one."""
    try:
        return AssertionKeys({name: KeyRing(_read(document[name], name), LEAD) for name in ALGORITHMS})
    except JoseError as failure:
        raise ValueError("not a private key") from failure


def _read(kept: Any, algorithm: Algorithm) -> tuple[TimedKey[Any], ...]:
    rows: list[Any] = [{"made": FIRST, "key": kept}] if isinstance(kept, Mapping) else list(kept)
    if not rows:
        raise ValueError("a ring is never empty")
    return tuple(TimedKey(float(row["made"]), _import(row["key"], algorithm)) for row in rows)


def _import(document: Mapping[str, Any], algorithm: Algorithm) -> RSAKey | ECKey:
    """Importing an RSA key checks it, which takes 50 ms: each is imported once, however often its file is read."""
    return _imported(json.dumps({**document, "kid": document["kid"], "use": "sig", "alg": algorithm}), algorithm)


@lru_cache(maxsize=16)
def _imported(document: str, algorithm: Algorithm) -> RSAKey | ECKey:
    members = json.loads(document)
    key = RSAKey.import_key(members) if KINDS[algorithm] == "RSA" else ECKey.import_key(members)
    if not key.is_private:
        raise ValueError("a public key signs nothing")
    return key


def _timed(algorithm: Algorithm, now: float) -> TimedKey[Any]:
    """A fresh key; its ``kid`` is its thumbprint (RFC 7638)."""
    members: Any = {"use": "sig", "alg": algorithm}
    if KINDS[algorithm] == "RSA":
        return TimedKey(now, RSAKey.generate_key(RSA_BITS, members, auto_kid=True))
    return TimedKey(now, ECKey.generate_key("P-384", members, auto_kid=True))


def _use(ring: Ring, each: Timed[Any], now: float) -> str:
    signing = ring.signing(now)
    newer = [key.key for key in ring.keys[[key.key for key in ring.keys].index(signing) + 1 :]]
    return "signs" if each.key is signing else "next" if each.key in newer else "past"
