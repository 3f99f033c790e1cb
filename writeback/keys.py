"""What makes a delivery the same delivery: its key, the id a PUT gives it, and how it is found again.

The key leaves out the clock and the value, so that the same inference said twice collides on purpose.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from vocabulary.output import Output

PRIMARY, PROVENANCE, DEVICE, CARD = "primary", "provenance", "device", "card"
EDIT, TRAIL = "edit", "trail"
RESULT, REPORT, FLAG = "result", "report", "flag"
"""The roles a resource can have in a write; an edit of what is there, and the Provenance of the edit."""


def delivery_key(output: Output, *, code: str, role: str, revision: int = 0) -> str:
    """64 hex digits for one resource of one output at one EHR. ``code`` is the output's own code."""
    return digest(
        {
            "target": output.ehr,
            "kind": output.kind,
            "subject": output.patient,
            "encounter": output.encounter,
            "model": output.model,
            "version": output.version,
            "inference": output.inference_id,
            "code": code,
            "revision": revision,
            "role": role,
        }
    )


def shared_key(*, ehr: str, model: str, version: str, role: str) -> str:
    """64 hex digits for what all outputs of a model version share at an EHR: its Device, its card."""
    return digest({"target": ehr, "model": model, "version": version, "role": role})


def edit_key(*, ehr: str, location: str, cause: str, role: str = EDIT) -> str:
    """64 hex digits for one edit of a resource (``Type/id``), or for its Provenance. ``cause`` names what it is for: a
    recall, an amendment."""
    return digest({"target": ehr, "location": location, "cause": cause, "role": role})


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the value as canonical JSON: the order of members does not matter."""
    return sha256(_canonical(value)).hexdigest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    """Both writers say the same of printable ASCII. Keys have been given out, so that the rest stays as it was."""
    try:
        quick = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # half a surrogate pair
        quick = b"\x7f"
    if quick.isascii() and b"\x7f" not in quick:
        return quick
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def resource_id(namespace: str, key: str) -> str:
    """The FHIR id of this delivery where the EHR lets clients choose. The installation's namespace is part of it, so
    that two installations never write over each other."""
    made = bytearray(sha1(_space(namespace) + key.encode(), usedforsecurity=False).digest()[:16])
    made[6], made[8] = made[6] & 0x0F | 0x50, made[8] & 0x3F | 0x80  # UUID version 5, RFC 9562 §5.5
    text = made.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def request_id(key: str, attempt: int) -> str:
    """A UUID for one attempt at a delivery, which begins as its key does (version 8, RFC 9562 §5.8)."""
    return f"{key[:8]}-{key[8:12]}-8{key[12:15]}-8{key[15:18]}-{key[18:22]}{attempt:08x}"


@lru_cache(16)
def _space(namespace: str) -> bytes:
    return uuid5(NAMESPACE_URL, namespace).bytes


TAGGED = frozenset({"Provenance", "AuditEvent"})
"""Types without an identifier."""


def search_of(type: str, *, namespace: str, key: str) -> str:
    """The one search that finds this delivery again, as a query string. R4's Provenance and AuditEvent have no identifier:
    they carry the key as a tag. One byte-identical form only: a server may compare the text and not the meaning."""
    parameter = "_tag" if type in TAGGED else "identifier"
    return f"{parameter}={namespace}/delivery|{key}"


def carries(resource: Mapping[str, Any], key: str) -> bool:
    """The resource says of itself that it is this delivery."""
    return key in marked(resource)


def marked(resource: Mapping[str, Any], namespace: str = "") -> tuple[str, ...]:
    """The delivery keys that a resource carries, of any installation, or of the one of this namespace."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    found = [(item, "value") for item in _list(resource.get("identifier"))] + [(item, "code") for item in _list(tags)]
    return tuple(
        str(item.get(member))
        for item, member in found
        if isinstance(item, dict)
        and str(item.get("system", "")).startswith(namespace)
        and str(item.get("system", "")).endswith("/delivery")
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
