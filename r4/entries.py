"""The entries of a batch or transaction, each the same interaction as the same request alone (R4 §3.1.0.11)."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import structs

from r4 import codec
from r4.outcome import Issue
from r4.requests import (
    Action,
    Interaction,
    InteractionError,
    condition_of,
    etag_of,
    moment_of,
    query_of,
    refused,
    segments_of,
    unchanged_of,
)

ENTRY_LIMIT = 500
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
NEVER = frozenset({"batch", "transaction", "operation", "capabilities"})
"""What an entry may not be: a Bundle in a Bundle, and what is no access to a resource."""


def bundle(body: Any, route: Callable[..., Interaction]) -> Interaction:
    """A batch or transaction. ``route`` is ``r4.interaction.route``. Raises InteractionError."""
    kind = body.get("type") if isinstance(body, dict) and body.get("resourceType") == "Bundle" else None
    entries = body.get("entry", []) if isinstance(body, dict) else None
    if kind not in ("batch", "transaction") or not isinstance(entries, list):
        raise refused(400, "structure", "the body must be a Bundle of type batch or transaction", "Bundle.type")
    if len(entries) > ENTRY_LIMIT:
        raise refused(413, "too-long", f"a Bundle may have {ENTRY_LIMIT} entries at most", "Bundle.entry")
    action: Action = "batch" if kind == "batch" else "transaction"
    read = _entry if kind == "transaction" else _alone
    asked = [_request(entry, index) for index, entry in enumerate(entries)]
    found = (
        read(entry, request, index, route) for index, (entry, request) in enumerate(zip(entries, asked, strict=True))
    )
    return Interaction(action=action, entries=tuple(found))


def _alone(entry: Any, request: Mapping[str, Any], index: int, route: Callable[..., Interaction]) -> Interaction:
    """An entry of a batch: what is wrong with it is no other's concern (R4 §3.1.0.11.1)."""
    try:
        return _entry(entry, request, index, route)
    except InteractionError as wrong:
        return refused_entry(wrong)


def refused_entry(wrong: InteractionError) -> Interaction:
    """What stands in a batch for an entry that cannot be understood: an operation that nobody has."""
    return Interaction(action="operation", wrong=wrong)


def _request(entry: Any, index: int) -> Mapping[str, Any]:
    """The request of an entry, without which the Bundle is none. Raises InteractionError."""
    request = entry.get("request") if isinstance(entry, dict) else None
    url, method = (request.get("url"), request.get("method")) if isinstance(request, dict) else (None, None)
    if (
        not isinstance(request, dict)
        or not isinstance(url, str)
        or not isinstance(method, str)
        or method not in METHODS
    ):
        raise refused(
            400, "structure", "an entry needs request.method and request.url", f"Bundle.entry[{index}].request"
        )
    return request


def _entry(entry: Any, request: Mapping[str, Any], index: int, route: Callable[..., Interaction]) -> Interaction:
    """``/Patient/p`` is read as ``Patient/p``: R4's own examples say it (bundle-request-simplesummary)."""
    here, url, method = f"Bundle.entry[{index}]", str(request["url"]).removeprefix("/"), str(request["method"])
    path, _, query = url.partition("?")
    if "://" in path or url.startswith(("/", "?")):
        raise refused(400, "not-supported", "request.url must be relative", f"{here}.request.url")
    try:
        interaction = route(
            "GET" if method == "HEAD" else method, segments_of(path), query_of(query),
            _content(method, entry.get("resource")),
            if_match=etag_of(_word(request, "ifMatch"), "ifMatch"),
            if_none_match=unchanged_of(_word(request, "ifNoneMatch")),
            if_none_exist=condition_of(_word(request, "ifNoneExist")),
            if_modified_since=moment_of(_word(request, "ifModifiedSince")),
        )  # fmt: skip
    except InteractionError as wrong:
        raise InteractionError(wrong.status, Issue(wrong.issue.code, wrong.issue.text, here)) from wrong
    if interaction.action in NEVER:
        raise refused(400, "not-supported", "an entry may read, search, create, update or delete", f"{here}.request")
    full_url = entry.get("fullUrl")
    return structs.replace(interaction, full_url=full_url if isinstance(full_url, str) else None)


def _content(method: Any, resource: Any) -> Any:
    """The body of the request that the entry stands for: a JSON Patch stands in a Binary (R4 §3.1.0.8)."""
    if method != "PATCH" or not isinstance(resource, dict) or resource.get("resourceType") != "Binary":
        return resource
    try:
        return codec.parse(base64.b64decode(str(resource.get("data")), validate=True))
    except (binascii.Error, ValueError) as wrong:
        raise refused(400, "structure", "the Binary must hold a JSON Patch") from wrong


def _word(request: Mapping[str, Any], name: str) -> str | None:
    value = request.get(name)
    return value if isinstance(value, str) else None
