"""Standard Webhooks 1.0: how a notice is signed. https://github.com/standard-webhooks/standard-webhooks (spec, v1). Pure."""

import base64
import hmac
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256

PREFIX = "whsec_"


class SecretUnusable(ValueError):
    """A secret is ``whsec_`` and 24 to 64 bytes as base64."""


def secret(text: str) -> bytes:
    """The bytes of a secret as it is written. Raises SecretUnusable."""
    try:
        found = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (NotBase64, ValueError) as wrong:
        raise SecretUnusable("a webhook's secret is whsec_ and base64") from wrong
    if not 24 <= len(found) <= 64:
        raise SecretUnusable("a webhook's secret has 24 to 64 bytes")
    return found


def headers(id: str, at: float, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, one signature for each secret, the newest first: while
    a secret is being changed, the receiver finds the one that it knows."""
    stamp = str(int(at))
    signed = b".".join((id.encode(), stamp.encode(), body))
    signatures = [base64.b64encode(hmac.new(each, signed, sha256).digest()).decode() for each in secrets]
    return {
        "webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }  # fmt: skip
