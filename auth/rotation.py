"""Edge: which key signs id_tokens now, and which are published: keys change without a token being dropped.

A key is published from the moment it is made, signs once every client has had time to fetch it, and stays published
until nothing that it signed can live. The schedule is a function of the times at which the keys were made; only making
one draws randomness (RFC 9700 §2 and OpenID Connect Core §10.1.1, rotation of asymmetric signing keys).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from joserfc.jwk import ECKey, RSAKey

from auth.keys import RSA_BITS, SigningKeys

EVERY = 30 * 24 * 3600.0
"""Seconds after which a new key is made."""
LEAD = 2 * 3600.0
"""Seconds that a key is published before it signs: longer than anybody keeps a key set (an hour)."""
LINGER = 2 * 3600.0
"""Seconds that a key stays published after its last signature: longer than an id_token lives, with clocks apart."""

K = TypeVar("K", bound=RSAKey | ECKey)
K_co = TypeVar("K_co", bound=RSAKey | ECKey, covariant=True)


class IdTokenKeys(Protocol):
    """What signs id_tokens and what is published for checking them, at ``now`` (Unix seconds)."""

    def signing(self, now: float) -> RSAKey: ...
    def published(self, now: float) -> dict[str, Any]: ...


class Timed(Protocol[K_co]):
    """A private key with its ``kid``; ``made`` is when it was first published, Unix seconds."""

    @property
    def made(self) -> float: ...
    @property
    def key(self) -> K_co: ...


@dataclass(frozen=True, slots=True)
class TimedKey(Generic[K]):
    """One that is at hand."""

    made: float
    key: K


class SavedKey:
    """One as it was kept, read when it is first needed: to check a private key takes 40 ms, and nine EHRs start at once."""

    def __init__(self, made: float, document: Mapping[str, Any]) -> None:
        self.made, self._document = made, document

    @cached_property
    def key(self) -> RSAKey:
        """Raises what joserfc raises for what is no key."""
        return RSAKey.import_key({**self._document, "use": "sig", "alg": "RS256"})


@dataclass(frozen=True, slots=True)
class KeyRing(Generic[K]):
    """The keys for one use, oldest first; never empty. The first signs at once, for nobody has fetched any. ``lead`` is
    how many seconds a later one is published before it signs."""

    keys: tuple[Timed[K], ...]
    lead: float = LEAD

    def signing(self, now: float) -> K:
        """The newest key that has been published long enough."""
        ready = [each for each in self.keys[1:] if each.made + self.lead <= now]
        return (ready or self.keys[:1])[-1].key

    def published(self, now: float) -> dict[str, Any]:
        """The public keys that anybody may still need, as a JWKS document."""
        return {"keys": [each.key.as_dict(private=False) for each in self.alive(now)]}

    def alive(self, now: float) -> tuple[Timed[K], ...]:
        """The keys that sign, will sign, or signed something that may still live."""
        ends = [newer.made + self.lead + LINGER for newer in self.keys[1:]]
        return (*(each for each, end in zip(self.keys, ends, strict=False) if now < end), self.keys[-1])

    def due(self, now: float) -> bool:
        """Whether it is time for a new key."""
        return self.keys[-1].made + EVERY <= now

    def with_key(self, key: K, now: float) -> "KeyRing[K]":
        """The ring with a new key, published from now on, and without those that nobody needs."""
        return KeyRing((*self.alive(now), TimedKey(now, key)), self.lead)


def new_key() -> RSAKey:
    """A fresh private key; its ``kid`` is its thumbprint (RFC 7638). Takes a tenth of a second."""
    return RSAKey.generate_key(RSA_BITS, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def to_json(ring: KeyRing[K]) -> list[dict[str, Any]]:
    """The ring with its private keys: for the EHR's own database."""
    return [{"made": each.made, "key": each.key.as_dict(private=True)} for each in ring.keys]


def from_json(document: Sequence[Mapping[str, Any]] | Mapping[str, Any], now: float) -> KeyRing[RSAKey]:
    """The inverse of ``to_json``. An installation of 0.1 kept one key for each algorithm: its RS256 key goes on signing."""
    if isinstance(document, Mapping):
        return KeyRing((TimedKey(now, SigningKeys.from_json(document, "RS256").signing(now)),))
    return KeyRing(tuple(SavedKey(float(each["made"]), each["key"]) for each in document))
