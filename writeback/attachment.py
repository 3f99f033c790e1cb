"""Text inside a DocumentReference: data type Attachment (R4 §2.24.0.11)."""

from base64 import b64encode
from hashlib import sha1
from typing import Any


def attachment(text: str, *, content_type: str, title: str) -> dict[str, Any]:
    """Inline, with its size and R4's checksum (SHA-1 by definition of Attachment.hash; it protects nothing)."""
    data = text.encode()
    return {
        "contentType": content_type,
        "data": b64encode(data).decode(),
        "size": len(data),
        "hash": b64encode(sha1(data, usedforsecurity=False).digest()).decode(),
        "title": title,
    }
