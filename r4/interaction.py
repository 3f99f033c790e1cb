"""A FHIR REST request as a typed value (R4 §3.1 http): parsed from what arrived, formatted again from its parts.

Nothing of a request is ever forwarded: what is not understood here does not reach a store. A path is taken apart raw,
so that ``..``, ``%2F`` and ``;`` cannot mean one thing here and another further on.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from msgspec import structs

from r4 import binaries, codec
from r4.entries import bundle
from r4.formatting import format
from r4.generated.types import RESOURCES
from r4.requests import (
    Action,
    Answer,
    Interaction,
    InteractionError,
    Pairs,
    Request,
    acceptable,
    condition_of,
    etag_of,
    lenient,
    meaningful,
    moment_of,
    overridden,
    preference_of,
    query_of,
    refused,
    segments_of,
    spoken,
    unchanged_of,
)  # fmt: skip

__all__ = [
    "Action",
    "Answer",
    "Interaction",
    "InteractionError",
    "Pairs",
    "Request",
    "format",
    "methods_of",
    "parse",
    "refused",
    "route",
]


JSON_TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir", ""})
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def parse(method: str, path: str, query: str, headers: Iterable[tuple[str, str]], body: bytes) -> Interaction:
    """A request → Interaction. ``path`` is raw, below the base, percent signs and all; ``query`` raw; header names in
    lower case. Raises InteractionError."""
    said = meaningful(headers)
    if not acceptable(said.get("accept")) and not overridden(query):
        raise refused(406, "not-supported", "answers are application/fhir+json", "Accept")
    segments = segments_of(path)
    pairs = query_of(query)
    if method == "POST" and segments[-1:] == ["_search"]:
        found = _form_search(segments, pairs, said, body)
    else:
        found = _routed(method, segments, pairs, said, body)
    return _preferring(found, said.get("prefer"))


def _preferring(found: Interaction, said: str | None) -> Interaction:
    """What is preferred of a search, and of the entries of a batch or transaction (R4 §3.1.0.11.3)."""
    if found.action == "search":
        return structs.replace(found, lenient=True) if lenient(said) else found
    wanted = preference_of(said) if found.entries else None
    if wanted is None:
        return found
    entries = (
        structs.replace(each, prefer=wanted) if "prefer" in TAKES.get(each.action, ()) else each
        for each in found.entries
    )
    return structs.replace(found, entries=tuple(entries))


def _routed(method: str, segments: list[str], pairs: Pairs, said: Mapping[str, str], body: bytes) -> Interaction:
    conditions = {field: read(said[name]) for name, (field, read) in CONDITIONS.items() if name in said}
    held = binaries.sent(method, segments, said, body)
    return route(method, segments, pairs, _body(method, said, body) if held is None else held, **conditions)


CONDITIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "if-match": ("if_match", partial(etag_of, name="If-Match")), "if-none-match": ("if_none_match", unchanged_of),
    "if-none-exist": ("if_none_exist", condition_of), "if-modified-since": ("if_modified_since", moment_of),
    "prefer": ("prefer", preference_of),
}  # fmt: skip
"""Headers with the fields of an Interaction that they are, and how they are read."""


def _body(method: str, said: Mapping[str, str], body: bytes) -> Any:
    """The parsed body of a request that has one."""
    if said.get("content-encoding", "identity") != "identity":
        raise refused(415, "not-supported", "a compressed body is not accepted")
    if method not in ("POST", "PUT", "PATCH") or not body:
        return None
    kind, wrong_type = _kind(said.get("content-type", ""))
    listed = kind == JSON_PATCH and method == "PATCH"
    if wrong_type or (kind not in JSON_TYPES and not listed):
        raise refused(415, "not-supported", wrong_type or "the body must be application/fhir+json")
    try:
        value = codec.parse(body)
    except codec.CodecError as wrong:
        raise InteractionError(wrong.status, wrong.issue) from wrong
    if isinstance(value, list) != listed:
        raise refused(400, "structure", "the body is not what its content type says")
    return value


@lru_cache(maxsize=64)
def _kind(said: str) -> tuple[str, str]:
    """The MIME type that a Content-Type names, and what is wrong with its parameters."""
    kind, *parameters = (word.strip() for word in said.lower().split(";"))
    if not spoken(parameters):
        return kind, "the body must be of FHIR version 4.0"
    charset = re.search(r"charset=\"?([\w\-]+)", said.lower())
    strange = charset is not None and charset[1] not in ("utf-8", "us-ascii")
    return kind, "the body must be in UTF-8" if strange else ""


def _form_search(segments: list[str], pairs: Pairs, said: Mapping[str, str], body: bytes) -> Interaction:
    """POST ``_search``: parameters from the body; those of the address may not say something else."""
    kind = said.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM and (kind or body):
        raise refused(415, "not-supported", f"the body of _search must be {FORM}")
    if said.get("content-encoding", "identity") != "identity":
        raise refused(415, "not-supported", "a compressed body is not accepted")
    try:
        form = query_of(body.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        raise refused(400, "value", "the form must be in UTF-8") from wrong
    names = {name for name, _ in form}
    if any(name in names and (name, value) not in form for name, value in pairs):
        raise refused(400, "value", "address and body disagree about a parameter")
    both = form + tuple(pair for pair in pairs if pair not in form)
    found = route("GET", segments[:-1], both, None)
    if found.action != "search":
        raise refused(404, "not-found", "the path is not one of this server's")
    return found


SERVES: Mapping[tuple[str, str], Action] = {
    ("GET", "metadata"): "capabilities",
    ("GET", "type"): "search", ("GET", "type/id/type"): "search",
    ("POST", "type"): "create",
    ("GET", "type/id"): "read", ("GET", "type/id/_history/id"): "vread",
    ("PUT", "type/id"): "update", ("PUT", "type"): "update",
    ("PATCH", "type/id"): "patch", ("PATCH", "type"): "patch",
    ("DELETE", "type/id"): "delete", ("DELETE", "type"): "delete",
    ("GET", "type/id/_history"): "history", ("GET", "type/_history"): "history", ("GET", "_history"): "history",
}  # fmt: skip
"""Method and shape of the path → the interaction (R4 §3.1.0). What is not here is not served."""

TAKES: Mapping[Action, tuple[str, ...]] = {
    "read": ("if_none_match", "if_modified_since"), "create": ("if_none_exist", "prefer"),
    "update": ("if_match", "if_none_match", "prefer"), "patch": ("if_match", "prefer"), "delete": ("if_match",),
}  # fmt: skip
"""The conditions and preferences that mean something for an interaction; others are not carried on."""


def route(method: str, segments: list[str], query: Pairs, body: Any, **conditions: Any) -> Interaction:
    """The interaction that method and path name; ``conditions`` are fields of Interaction. Raises InteractionError."""
    if any(part.startswith("$") for part in segments):
        return _operation(method, segments, query, body)
    if method == "POST" and not segments:
        return bundle(body, route)
    shape, parts = _shape(segments)
    action = SERVES.get((method, shape))
    if action is None:
        return _unknown(method, segments)
    if conditions:
        parts |= {name: conditions.get(name) for name in TAKES.get(action, ())}
    if shape == "type" and action in ("update", "patch", "delete"):
        if not query:
            raise refused(400, "required", "a conditional request needs search parameters", "query")
        parts["condition"], query = query, ()
    if action in ("create", "update"):
        parts["body"] = _resource(body)
    if action == "patch":
        parts["patch"] = _patch(body)
    return Interaction(action=action, query=query, **parts)


def methods_of(path: str, offered: Callable[[Interaction], bool]) -> tuple[str, ...]:
    """The methods that are served at a raw path below the base, for the Allow of a 405 (RFC 9110 §15.5.6), as far as what
    they ask for is offered."""
    try:
        shape, parts = _shape(segments_of(path))
    except InteractionError:
        return ()
    whole = (Interaction(action="batch"), Interaction(action="transaction")) if path.strip("/") == "" else ()
    served = {"POST"} if any(map(offered, whole)) else set()
    for (method, each), action in SERVES.items():
        condition = () if shape == "type" and action in ("update", "patch", "delete") else None
        if each == shape and offered(Interaction(action=action, condition=condition, **parts)):
            served.add(method)
    return tuple(sorted(served | ({"HEAD"} if "GET" in served else set())))


def _shape(segments: list[str]) -> tuple[str, dict[str, Any]]:
    """The kinds of a path's parts, and the parts."""
    match segments:
        case ["metadata"] | ["_history"]:
            return segments[0], {}
        case [name]:
            return "type", {"type": _type(name)}
        case [name, "_history"]:
            return "type/_history", {"type": _type(name)}
        case [name, id]:
            return "type/id", {"type": _type(name), "id": _id(id)}
        case [name, id, "_history"]:
            return "type/id/_history", {"type": _type(name), "id": _id(id)}
        case ["Patient", id, name]:
            return "type/id/type", {"type": _type(name), "compartment": _id(id)}
        case [name, id, "_history", version]:
            return "type/id/_history/id", {"type": _type(name), "id": _id(id), "version": _id(version)}
    return "", {}


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


def _patch(body: Any) -> Any:
    """The operations of a JSON Patch, or the Parameters of a FHIRPath Patch."""
    if isinstance(body, list) or (isinstance(body, dict) and body.get("resourceType") == "Parameters"):
        return body
    raise refused(400, "structure", "the body must be a JSON Patch, or Parameters with a FHIRPath Patch")
