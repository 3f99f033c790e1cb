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


def rich_text(text: str) -> str:
    """Plain text as RTF 1.9 in ASCII: nothing in it is a control word (braces and backslashes are escaped)."""
    return "{\\rtf1\\ansi\\uc1 " + "".join(map(_rich, text)) + "}"


def _rich(character: str) -> str:
    if character in "\\{}":
        return f"\\{character}"
    if character == "\n":
        return "\\par\n"
    if character.isascii():
        return character
    units = character.encode("utf-16-le")
    return "".join(f"\\u{int.from_bytes(units[i : i + 2], 'little', signed=True)}?" for i in range(0, len(units), 2))
