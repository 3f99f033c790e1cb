"""What the server behind answers, in our own words: a stale version is 412, its address and its texts stay behind."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from r4 import codec
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import parse, walk
from sandbox.answering import etag, refusal
from sandbox.cursors import cursor

KEPT = frozenset({"etag", "last-modified"})
WRITES = frozenset({"create", "update", "delete", "transaction"})
STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("invalid", "The server behind this EHR did not understand the request."),
    404: ("not-found", "There is no such resource."),
    405: ("not-supported", "This interaction is not served."),
    409: ("conflict", "Another request was changing the same resource. Send it again."),
    410: ("deleted", "The resource was deleted."),
    412: ("conflict", "The condition does not hold."),
    413: ("too-long", "The request is too large for the server behind this EHR."),
    422: ("processing", "The server behind this EHR does not accept the resource."),
    429: ("throttled", "Too many requests. Wait before the next."),
}
"""What a refusal says; the server's own words are not repeated."""
UNAVAILABLE = refusal(
    503, "transient", "The FHIR server behind this EHR does not answer.", headers={"retry-after": "5"}
)
_HAPI_VERSION_FAULT = re.compile(rb"HAPI-(2223|0989|0974)")
_VERSION = re.compile(r"/_history/([0-9]+)$")


def answered(status: int, headers: Mapping[str, str], data: bytes, interaction: Interaction, *, base: str) -> Answer:
    """The server's answer in our own words; ``headers`` are found by names in lower case, ``data`` has our
    own base."""
    if status >= 300 and status != 304:
        return _failure(status, headers, data, interaction)
    if interaction.action == "delete":
        return Answer(status=204, headers=_gone(headers))
    if status == 304 or not data:
        return Answer(status=status, headers=_headers(headers, None, interaction, base))
    try:
        document = codec.parse(data, max_depth=128)
    except codec.CodecError:
        return UNAVAILABLE
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        return UNAVAILABLE
    if document["resourceType"] == "Bundle":
        document = _bundle(document, interaction, base)
    said = _headers(headers, document, interaction, base)
    if interaction.action in ("read", "vread") and data.startswith(b'{"'):  # compact: as the codec would write it
        return Answer(status=status, resource=document, encoded=data, headers=said)
    return Answer(status=status, resource=preferred(document, interaction), headers=said)


def preferred(document: dict[str, Any], interaction: Interaction) -> dict[str, Any] | None:
    """What the client wants to see of what it wrote; the server is always asked for all of it."""
    if interaction.action not in ("create", "update"):
        return document
    if interaction.prefer == "OperationOutcome":
        return outcome([Issue("informational", "Stored.", severity="information")])
    return None if interaction.prefer == "minimal" else document


def _gone(headers: Mapping[str, str]) -> dict[str, str]:
    """The version that a deletion is, which HAPI says in an address only."""
    found = _VERSION.search(headers.get("content-location", "") or headers.get("location", ""))
    return {"etag": etag(int(found[1]))} if found else {}


def _failure(status: int, headers: Mapping[str, str], data: bytes, interaction: Interaction) -> Answer:
    versioned = interaction.if_match is not None and _HAPI_VERSION_FAULT.search(data)
    if versioned and status in (409, 500):
        return refusal(412, "conflict", "is not the current version", element="If-Match")
    if interaction.action in WRITES and status == 400 and b"HAPI-1094" in data:
        issue = Issue(
            "not-found",
            "must be a resource that this server has",
            _missing_path(interaction, data),
            "reference-exists",
        )
        return Answer(status=422, resource=outcome([issue]))
    if status in STATUSES:
        return refusal(status, *STATUSES[status], headers=_gone(headers) if status == 410 else None)
    return (
        UNAVAILABLE if status >= 500 else refusal(502, "exception", "The FHIR server behind this EHR answered oddly.")
    )


def _headers(headers: Mapping[str, str], document: Any, interaction: Interaction, base: str) -> dict[str, str]:
    kept = {name: headers[name] for name in KEPT if name in headers}
    meta = document.get("meta") if isinstance(document, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if interaction.action in ("create", "update") and version and isinstance(document.get("id"), str):
        kept["location"] = f"{base}/{document['resourceType']}/{document['id']}/_history/{version}"
        kept["etag"] = f'W/"{version}"'
    return kept


def _bundle(bundle: dict[str, Any], interaction: Interaction, base: str) -> dict[str, Any]:
    """A searchset with links of our own: the server's paging stays behind an opaque cursor."""
    bundle.pop("id", None)
    bundle.pop("meta", None)
    links = [link for link in bundle.get("link", ()) if isinstance(link, dict)]
    following = [str(link.get("url")) for link in links if link.get("relation") == "next"]
    if interaction.action in ("search", "history"):
        bundle["link"] = []
        for url in following[:1]:
            place = ("_cursor", cursor(url.removeprefix(base).removeprefix("/")))
            bundle["link"].append({"relation": "next", "url": f"{base}/{interaction.type}?{urlencode([place])}"})
    if interaction.action == "transaction":
        for entry in bundle.get("entry", ()):
            entry["response"] = _plain(entry.get("response") or {}, base)
    if interaction.action == "history":
        for entry in bundle.get("entry", ()):
            if (entry.get("request") or {}).get("method") == "DELETE":
                entry["response"] = {**(entry.get("response") or {}), "status": "204"}
    return bundle


def _plain(response: dict[str, Any], base: str) -> dict[str, Any]:
    """An entry's response with an ETag and an address, where HAPI says a number and a relative path."""
    said, place = response.get("etag"), response.get("location")
    if isinstance(said, str) and said.isdecimal():
        response = {**response, "etag": etag(int(said))}
    if isinstance(place, str) and parse(place) is not None:
        response = {**response, "location": f"{base}/{place}"}
    return response


def _missing_path(interaction: Interaction, data: bytes) -> str:
    """Which reference of the body leads nowhere: the server names its target in its own text."""
    try:
        said = json.dumps(codec.parse(data))
    except (codec.CodecError, TypeError):
        said = ""
    for entry in interaction.entries or (interaction,):
        for path, reference in walk(dict(entry.body or {})):
            local = parse(reference["reference"])
            if local is not None and local.local in said:
                return f"{path}.reference"
    return str(interaction.type or "Bundle")
