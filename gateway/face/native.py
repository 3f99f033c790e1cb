"""A Binary as what it holds (R4 binary.html §rest): to a reader that takes none of FHIR's media types.

What is stored here anyone may have written: it goes out as a download that runs nothing.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from r4 import codec
from r4.interaction import Answer
from r4.requests import acceptable
from sandbox.answering import refusal

PLACE = "Binary/"
INERT = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}
FHIR_TYPES = frozenset({"application/fhir+xml", "application/xml+fhir", "application/fhir+turtle", "text/turtle"})
"""Asked for one of these a server gives the resource in it, and this one has only JSON."""
NONE = refusal(406, "not-supported", "This Binary holds something of another type.", element="Accept")
_MEDIA = re.compile(
    r"[A-Za-z0-9!#$&^_.+\-]{1,127}/[A-Za-z0-9!#$&^_.+\-]{1,127}(?: ?; ?[A-Za-z0-9_.\-]{1,64}=[A-Za-z0-9_.\-]{1,64})*"
)


def wanted(method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The Accept header of a read that asks for a Binary's content, None for every other request."""
    if not path.startswith(PLACE) or method not in ("GET", "HEAD"):
        return None
    accept = ",".join(value.decode("latin-1") for name, value in headers if name == b"accept")
    return None if acceptable(accept or None) else accept


def content(answer: Answer, accept: str) -> Answer:
    """The answer to a read of the resource, with its content in place of it where that is of a type that is asked for."""
    if answer.status != 200:
        return answer
    resource: Any = answer.resource if answer.resource is not None else codec.parse(answer.encoded or b"null")
    said = resource.get("contentType") if isinstance(resource, dict) and resource["resourceType"] == "Binary" else None
    if not isinstance(said, str) or not _MEDIA.fullmatch(said) or not _takes(accept, said):
        return NONE
    try:
        held = b64decode(str(resource.get("data", "")), validate=False)
    except binascii.Error:
        return NONE
    return replace(answer, resource=None, encoded=held, headers={**answer.headers, **INERT, "content-type": said})


def _takes(accept: str, kind: str) -> bool:
    """RFC 9110 §12.5.1: a range with q=0 takes nothing."""
    bare = kind.partition(";")[0].strip().lower()
    for part in accept.lower().split(","):
        name, *rest = (word.strip() for word in part.split(";"))
        if name in (bare, f"{bare.partition('/')[0]}/*") and name not in FHIR_TYPES:
            return not any(re.fullmatch(r"q=0(\.0*)?", word) for word in rest)
    return False
