"""Proof Key for Code Exchange, method S256 and no other (RFC 7636; SMART App Launch 2.2 §considerations-for-pkce)."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier, 43 characters. Raises ValueError for a verifier that RFC 7636 §4.1 forbids."""
    if _VERIFIER.fullmatch(verifier) is None:
        raise ValueError("a verifier has 43 to 128 unreserved characters")
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def wellformed(challenge: str) -> bool:
    """Whether this can be an S256 challenge at all."""
    return _CHALLENGE.fullmatch(challenge) is not None


def verify(verifier: str, challenged: str) -> bool:
    """Whether the verifier is the one behind the challenge; an unusable verifier is not."""
    if _VERIFIER.fullmatch(verifier) is None or not wellformed(challenged):
        return False
    return compare_digest(challenge(verifier), challenged)
