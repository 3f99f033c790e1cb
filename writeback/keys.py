"""What makes a delivery the same delivery: its key, the id a PUT gives it, and how it is found again.

The key leaves out the clock and the value, so that the same inference said twice collides on purpose.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from vocabulary.output import Output

PRIMARY, PROVENANCE, DEVICE, CARD = "primary", "provenance", "device", "card"
"""The roles a resource can have in a write."""


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


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the value as canonical JSON: the order of members does not matter."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(canonical.encode()).hexdigest()


def resource_id(namespace: str, key: str) -> str:
    """The FHIR id of this delivery where the EHR lets clients choose. The installation's namespace is part of it, so
    that two installations never write over each other."""
    return str(uuid5(_space(namespace), key))


@lru_cache(16)
def _space(namespace: str) -> UUID:
    return uuid5(NAMESPACE_URL, namespace)


def search_of(type: str, *, namespace: str, key: str) -> str:
    """The one search that finds this delivery again, as a query string. R4's Provenance has no identifier: it carries
    the key as a tag. One byte-identical form only: a server may compare the text and not the meaning."""
    parameter = "_tag" if type == "Provenance" else "identifier"
    return f"{parameter}={namespace}/delivery|{key}"


def carries(resource: Mapping[str, Any], key: str) -> bool:
    """The resource says of itself that it is this delivery."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    found = [(item, "value") for item in _list(resource.get("identifier"))] + [(item, "code") for item in _list(tags)]
    return any(
        isinstance(item, dict) and item.get(member) == key and str(item.get("system", "")).endswith("/delivery")
        for item, member in found
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
