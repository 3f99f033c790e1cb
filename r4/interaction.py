"""A FHIR REST request as a typed value (R4 §3.1 http): parsed from what arrived, formatted again from its parts.

Nothing of a request is ever forwarded: what is not understood here does not reach a store. A path is taken apart raw,
so that ``..``, ``%2F`` and ``;`` cannot mean one thing here and another further on.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from r4 import codec
from r4.generated.types import RESOURCES
from r4.outcome import Issue
from r4.requests import (
    Action,
    Answer,
    Interaction,
    InteractionError,
    Pairs,
    Request,
    condition_of,
    etag_of,
    meaningful,
    preference_of,
    query_of,
    refused,
    segments_of,
)  # fmt: skip

__all__ = [
    "Action",
    "Answer",
    "Interaction",
    "InteractionError",
    "Pairs",
    "Request",
    "format",
    "parse",
    "refused",
    "route",
]


JSON_TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir", ""})
FORM = "application/x-www-form-urlencoded"
ENTRY_LIMIT = 500

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def parse(method: str, path: str, query: str, headers: Iterable[tuple[str, str]], body: bytes) -> Interaction:
    """A request → Interaction. ``path`` is raw, below the base, percent signs and all; ``query`` raw; header names in
    lower case. Raises InteractionError."""
    said = meaningful(headers)
    segments = segments_of(path)
    pairs = query_of(query)
    if method == "POST" and segments[-1:] == ["_search"]:
        return _form_search(segments, pairs, said, body)
    return route(
        method, segments, pairs, _body(method, said, body),
        if_match=etag_of(said.get("if-match"), "If-Match"),
        if_none_match=etag_of(said.get("if-none-match"), "If-None-Match"),
        if_none_exist=condition_of(said.get("if-none-exist")),
        prefer=preference_of(said.get("prefer")),
    )  # fmt: skip


def _body(method: str, said: Mapping[str, str], body: bytes) -> Any:
    """The parsed body of a request that has one."""
    if said.get("content-encoding", "identity") != "identity":
        raise refused(415, "not-supported", "a compressed body is not accepted")
    if method not in ("POST", "PUT", "PATCH") or not body:
        return None
    kind = said.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_TYPES or method == "PATCH":
        raise refused(415, "not-supported", "the body must be application/fhir+json")
    charset = re.search(r"charset=\"?([\w\-]+)", said.get("content-type", "").lower())
    if charset is not None and charset[1] not in ("utf-8", "us-ascii"):
        raise refused(415, "not-supported", "the body must be in UTF-8")
    try:
        return codec.parse(body)
    except codec.CodecError as wrong:
        raise InteractionError(wrong.status, wrong.issue) from wrong


def _form_search(segments: list[str], pairs: Pairs, said: Mapping[str, str], body: bytes) -> Interaction:
    """POST ``_search``: parameters from the body; those of the address may not say something else."""
    if said.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise refused(415, "not-supported", f"the body of _search must be {FORM}")
    try:
        form = query_of(body.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        raise refused(400, "value", "the form must be in UTF-8") from wrong
    names = {name for name, _ in form}
    if any(name in names and (name, value) not in form for name, value in pairs):
        raise refused(400, "value", "address and body disagree about a parameter")
    both = form + tuple(pair for pair in pairs if pair not in form)
    return route("GET", segments[:-1], both, None)


def route(
    method: str, segments: list[str], query: Pairs, body: Any, *, if_match: str | None = None,
    if_none_match: str | None = None, if_none_exist: Pairs | None = None, prefer: str | None = None,
) -> Interaction:  # fmt: skip
    """The interaction that method and path name. Raises InteractionError."""
    if any(part.startswith("$") for part in segments):
        return _operation(method, segments, query, body)
    match method, segments:
        case "POST", []:
            return _bundle(body)
        case "GET", ["metadata"]:
            return Interaction(action="capabilities", query=query)
        case "GET", [name]:
            return Interaction(action="search", type=_type(name), query=query)
        case "POST", [name]:
            return Interaction(
                action="create", type=_type(name), body=_resource(body), if_none_exist=if_none_exist, prefer=prefer
            )
        case "GET", [name, id] if id != "_history":
            return Interaction(action="read", type=_type(name), id=_id(id), query=query, if_none_match=if_none_match)
        case "PUT", [name, id]:
            return Interaction(
                action="update", type=_type(name), id=_id(id), body=_resource(body), if_match=if_match, prefer=prefer
            )
        case "DELETE", [name, id]:
            return Interaction(action="delete", type=_type(name), id=_id(id), if_match=if_match)
        case "GET", [name, id, "_history"]:
            return Interaction(action="history", type=_type(name), id=_id(id), query=query)
        case "GET", [name, id, "_history", version]:
            return Interaction(action="vread", type=_type(name), id=_id(id), version=_id(version), query=query)
    return _unknown(method, segments)


def _unknown(method: str, segments: list[str]) -> Interaction:
    known = not segments or segments[0] in RESOURCES or segments[0] in ("metadata", "_history")
    if known and method not in ("GET", "HEAD"):
        raise refused(405, "not-supported", "this method is not served here")
    raise refused(404, "not-found", "the path is not one of this server's")


def _operation(method: str, segments: list[str], query: Pairs, body: Any) -> Interaction:
    """A named operation; which of them exist is for whoever answers to say."""
    name, where = segments[-1], segments[:-1]
    if method not in ("GET", "POST") or len(where) > 2 or any(part.startswith("$") for part in where):
        raise refused(404, "not-found", "the path is not one of this server's")
    return Interaction(
        action="operation", operation=name, type=_type(where[0]) if where else None,
        id=_id(where[1]) if len(where) == 2 else None, query=query, body=body if isinstance(body, dict) else None,
    )  # fmt: skip


def _type(name: str) -> str:
    if name not in RESOURCES:
        raise refused(404, "not-found", "no resource type of R4 has this name")
    return name


def _id(value: str) -> str:
    if _ID.fullmatch(value) is None or value in (".", ".."):
        raise refused(404, "not-found", "no resource has such an id")
    return value


def _resource(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise refused(400, "structure", "the body must be a resource")
    return body


def _bundle(body: Any) -> Interaction:
    """A batch or transaction, every entry an interaction of its own."""
    kind = body.get("type") if isinstance(body, dict) and body.get("resourceType") == "Bundle" else None
    entries = body.get("entry", []) if isinstance(body, dict) else None
    if kind not in ("batch", "transaction") or not isinstance(entries, list):
        raise refused(400, "structure", "the body must be a Bundle of type batch or transaction", "Bundle.type")
    if len(entries) > ENTRY_LIMIT:
        raise refused(413, "too-long", f"a Bundle may have {ENTRY_LIMIT} entries at most", "Bundle.entry")
    action: Action = "batch" if kind == "batch" else "transaction"
    return Interaction(action=action, entries=tuple(_entry(entry, index) for index, entry in enumerate(entries)))


def _entry(entry: Any, index: int) -> Interaction:
    """One entry: the same interaction as the same request alone."""
    here = f"Bundle.entry[{index}]"
    request = entry.get("request") if isinstance(entry, dict) else None
    url, method = (request.get("url"), request.get("method")) if isinstance(request, dict) else (None, None)
    if not isinstance(request, dict) or not isinstance(url, str) or method not in ("GET", "POST", "PUT", "DELETE"):
        raise refused(400, "structure", "an entry needs request.method and request.url", f"{here}.request")
    if "://" in url or url.startswith(("/", "?")) or ("?" in url and method != "GET"):
        raise refused(
            400,
            "not-supported",
            "request.url must be relative, and conditional only by ifNoneExist",
            f"{here}.request.url",
        )
    path, _, query = url.partition("?")
    full_url = entry.get("fullUrl")
    try:
        interaction = route(
            method, segments_of(path), query_of(query), entry.get("resource"),
            if_match=etag_of(_word(request, "ifMatch"), "ifMatch"),
            if_none_exist=condition_of(_word(request, "ifNoneExist")),
        )  # fmt: skip
    except InteractionError as wrong:
        raise InteractionError(wrong.status, Issue(wrong.issue.code, wrong.issue.text, here)) from wrong
    if interaction.action in ("batch", "transaction", "operation", "capabilities"):
        raise refused(400, "not-supported", "an entry may read, search, create, update or delete", f"{here}.request")
    full = full_url if isinstance(full_url, str) else None
    return Interaction(
        **{name: getattr(interaction, name) for name in Interaction.__dataclass_fields__ if name != "full_url"},
        full_url=full,
    )


def _word(request: Mapping[str, Any], name: str) -> str | None:
    value = request.get(name)
    return value if isinstance(value, str) else None


METHODS: Mapping[Action, str] = {
    "read": "GET", "vread": "GET", "search": "GET", "history": "GET", "capabilities": "GET", "create": "POST",
    "update": "PUT", "delete": "DELETE", "batch": "POST", "transaction": "POST",
}  # fmt: skip


def format(interaction: Interaction) -> Request:
    """The request that says this interaction and nothing else; the inverse of ``parse`` for what parse gives."""
    if interaction.action in ("batch", "transaction"):
        return Request(method="POST", path="", headers=_JSON, body=codec.format(_format_bundle(interaction)))
    headers: dict[str, str] = {}
    if interaction.if_match is not None:
        headers["if-match"] = "*" if interaction.if_match == "*" else f'W/"{interaction.if_match}"'
    if interaction.if_none_match is not None:
        headers["if-none-match"] = f'W/"{interaction.if_none_match}"'
    if interaction.if_none_exist is not None:
        headers["if-none-exist"] = urlencode(interaction.if_none_exist)
    if interaction.prefer is not None:
        headers["prefer"] = f"return={interaction.prefer}"
    body = None
    if interaction.body is not None and interaction.action in ("create", "update"):
        body, headers = codec.format(interaction.body), {**headers, **_JSON}
    return Request(
        method=METHODS[interaction.action], path=_path(interaction), query=urlencode(interaction.query), headers=headers,
        body=body,
    )  # fmt: skip


_JSON = {"content-type": "application/fhir+json"}


def _path(interaction: Interaction) -> str:
    if interaction.action == "capabilities":
        return "metadata"
    parts = [interaction.type, interaction.id]
    if interaction.action in ("history", "vread"):
        parts += ["_history", interaction.version]
    return "/".join(part for part in parts if part is not None)


def _format_bundle(interaction: Interaction) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": interaction.action,
        "entry": [_format_entry(entry) for entry in interaction.entries],
    }


def _format_entry(entry: Interaction) -> dict[str, Any]:
    request: dict[str, Any] = {"method": METHODS[entry.action], "url": _path(entry)}
    if entry.query:
        request["url"] += f"?{urlencode(entry.query)}"
    if entry.if_match is not None:
        request["ifMatch"] = f'W/"{entry.if_match}"'
    if entry.if_none_exist is not None:
        request["ifNoneExist"] = urlencode(entry.if_none_exist)
    formatted: dict[str, Any] = {"request": request}
    if entry.body is not None:
        formatted["resource"] = entry.body
    return {"fullUrl": entry.full_url, **formatted} if entry.full_url is not None else formatted
