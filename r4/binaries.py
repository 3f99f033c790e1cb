"""A Binary that is sent as what it holds, in a type of its own (R4 §2.42.3 binary, "Serving Binary Resources using the RESTful
API"): it is taken as it is, and kept as any other Binary."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from r4.requests import refused

_FHIR = re.compile(
    r"(?:application|text)/(?:fhir\+)?json|application/json\+fhir|application/(?:fhir\+xml|json-patch\+json)|"
)
"""Types in which a resource is sent; XML that holds one is refused as well."""
_RESOURCE = re.compile(rb"\A\s*(?:<\?[^>]*\?>\s*)?<(?:\w+:)?Binary\b[^>]*http://hl7\.org/fhir")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}(?:\s*;[\x20-\x7e]{1,200})?")

_PLACES = {"POST": 1, "PUT": 2}
"""By method, the parts of the path of a create or update."""


def sent(method: str, segments: Sequence[str], said: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
    """The Binary that the body of a create or update is; None where it is to be read as a resource. Raises InteractionError
    for what is neither."""
    if segments[:1] != ["Binary"] or len(segments) != _PLACES.get(method) or segments[-1].startswith("_"):
        return None
    given = said.get("content-type", "").strip()
    if _FHIR.fullmatch(given.partition(";")[0].strip().lower()):
        return None
    if not _TYPE.fullmatch(given) or said.get("content-encoding", "identity") != "identity":
        raise refused(415, "not-supported", "must be sent in one MIME type, and not compressed", "Binary.contentType")
    if _RESOURCE.match(body):
        raise refused(415, "not-supported", "a resource must be application/fhir+json", "Binary.contentType")
    held: dict[str, Any] = {"resourceType": "Binary", "contentType": given}
    if method == "PUT":
        held["id"] = segments[1]
    if "x-security-context" in said:
        held["securityContext"] = {"reference": said["x-security-context"]}
    return {**held, **({"data": b64encode(body).decode()} if body else {})}
