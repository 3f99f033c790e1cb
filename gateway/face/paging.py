"""Edge: links to further pages, sealed: whoever holds one cannot read it, change it, or lend it to another grant.

AES-256-GCM under a key of this EHR's process; the associated data are EHR and grant. A page asked for is decided anew,
with the grant as it is then.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LIFE = 900.0
"""Seconds that a link to a further page opens anything."""
NONCE_BYTES = 12
LONGEST = 16384


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a search, a history or an operation goes on: the request it belongs to, and the store's own cursor."""

    action: str
    operation: str | None
    type: str | None
    id: str | None
    compartment: str | None
    query: tuple[tuple[str, str], ...]
    cursor: str
    expires: float


@dataclass(frozen=True, slots=True)
class Pages:
    """The sealer of one EHR. ``name`` is the EHR's, ``key`` 32 bytes."""

    name: str
    key: bytes = field(repr=False)

    def seal(self, place: Place, *, grant: str) -> str:
        """The place as the value of ``_page``."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, msgspec.json.encode(place), self._bound(grant))  # not FHIR
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def unseal(self, text: str, *, grant: str, now: float) -> Place | None:
        """The place that the value stands for, or None: altered, of another grant or EHR, or too old."""
        if len(text) > LONGEST:
            return None
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:  # bits that mean nothing were set
                return None
            plain = AESGCM(self.key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], self._bound(grant))
            place = msgspec.json.decode(plain, type=Place)  # not FHIR: our own words
        except (binascii.Error, ValueError, InvalidTag):
            return None
        return place if place.expires > now else None

    def _bound(self, grant: str) -> bytes:
        return f"page|{self.name}|{grant}".encode()
