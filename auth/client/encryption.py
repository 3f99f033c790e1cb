"""AES-256-GCM for what the app side keeps: each value is bound to its place, so that none can be moved to another.

A sealed value is ``length of key id (1 byte) | key id | nonce (12 bytes) | ciphertext and tag``; the associated data
are ``ehr|table|row|column``. Any key of the ring opens, the current one seals, so a key can be rotated lazily.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth.client.errors import SealBroken

NONCE_BYTES = 12
KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a sealed value lives; no part may hold ``|``. Raises ValueError."""

    ehr: str
    table: str
    row: str
    column: str

    def __post_init__(self) -> None:
        if any("|" in part for part in (self.ehr, self.table, self.row, self.column)):
            raise ValueError("a place may not hold the separator")

    @property
    def associated(self) -> bytes:
        """The associated data of AES-GCM."""
        return "|".join((self.ehr, self.table, self.row, self.column)).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cipher:
    """The key ring: ``keys`` by key id, 32 bytes each; ``current`` names the one that seals."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current key is not in the ring")
        if any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise ValueError("an AES-256 key has 32 bytes")
        if any(not 0 < len(name.encode()) < 256 for name in self.keys):
            raise ValueError("a key id has 1 to 255 bytes")

    def seal(self, plain: bytes, place: Place, *, nonce: bytes) -> bytes:
        """Encrypts for one place. ``nonce`` is 12 random bytes, never used twice."""
        if len(nonce) != NONCE_BYTES:
            raise ValueError("an AES-GCM nonce has 12 bytes")
        name = self.current.encode()
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, plain, place.associated)
        return bytes([len(name)]) + name + nonce + sealed

    def open(self, sealed: bytes, place: Place) -> bytes:
        """The plain value. Raises SealBroken for an unknown key, another place, or any changed byte."""
        size = sealed[0] if sealed else 0
        name, rest = sealed[1 : 1 + size], sealed[1 + size :]
        key = self.keys.get(name.decode("utf-8", "replace"))
        if key is None or len(rest) < NONCE_BYTES:
            raise SealBroken("a stored value was sealed with a key that is not in the key file")
        try:
            return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.associated)
        except InvalidTag as failure:
            raise SealBroken("a stored value was changed or moved since it was sealed") from failure

    def key_id(self, sealed: bytes) -> str:
        """Which key sealed this value: what is not ``current`` is due for re-encryption."""
        return sealed[1 : 1 + (sealed[0] if sealed else 0)].decode("utf-8", "replace")
