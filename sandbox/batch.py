"""Batch and transaction as values (R4 §3.1.0.11): the order of entries, what they call one another, the answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import named

LINKS = frozenset(
    {"reference", "url", "uri", "valueUri", "valueUrl", "valueOid", "valueUuid", "instantiatesUri", "policy", "source"}
)
"""Members that may hold a link to another entry: references, and elements of type uri, url, oid and uuid."""
NAMES = ("urn:", "http://", "https://")
_LINK = re.compile(r"(\b(?:href|src)\s*=\s*)([\"'])([^\"'<>]*)\2")
"""A link of a narrative."""
_PLACE = re.compile(r"(https?://\S+/)[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
"""The address of a resource on the server that it came from, and the base there."""

ORDER = ("delete", "create", "update", "patch", "read", "vread", "search", "history")
"""The order in which a transaction is processed: DELETE, POST, PUT, GET."""


def ordered(entries: Sequence[Interaction]) -> list[int]:
    """The places of a transaction's entries in the order in which they are done; among updates, what others refer to
    comes first."""
    names = {
        f"{entry.type}/{entry.id}": place
        for place, entry in enumerate(entries)
        if entry.action == "update" and entry.id
    }
    done: dict[int, None] = {}

    def visit(place: int, above: frozenset[int]) -> None:
        if place in done or place in above:
            return
        for said in named(entries[place].body or {}):
            needed = names.get(said.partition("/_history/")[0])
            if needed is not None:
                visit(needed, above | {place})
        done[place] = None

    if not names:
        return sorted(range(len(entries)), key=lambda place: ORDER.index(entries[place].action))
    for place in sorted(range(len(entries)), key=lambda place: ORDER.index(entries[place].action)):
        visit(place, frozenset())
    return list(done)


def fault(entries: Sequence[Interaction]) -> Issue | None:
    """Why these cannot be one transaction: a resource, or a name for one, stands in it twice."""
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        names = [entry.full_url] if entry.full_url and entry.action == "create" else []
        if entry.action in ("update", "patch", "delete") and entry.id is not None:
            names.append(f"{entry.type}/{entry.id}")
        for name in names:
            if name in seen:
                return Issue(
                    "duplicate", "a resource may stand in a transaction once", f"Bundle.entry[{place}]", "once"
                )
            seen.add(name)
    return None


def alike(entries: Mapping[int, Interaction]) -> Issue | None:
    """Why these writes, by their places, cannot be one transaction: the condition of one is that of another, so that both
    would be the same resource."""
    seen: set[tuple[str | None, tuple[tuple[str, str], ...]]] = set()
    for place, entry in entries.items():
        condition = entry.if_none_exist or entry.condition
        if condition is None:
            continue
        if (entry.type, condition) in seen:
            return Issue("duplicate", "a condition may stand in a transaction once", f"Bundle.entry[{place}]", "once")
        seen.add((entry.type, condition))
    return None


def assign(entries: Sequence[Interaction], ids: Sequence[str]) -> list[Interaction]:
    """Entries with every name inside the Bundle replaced by what it will be called. A create becomes an update to the
    id that the server gives it (``ids``, one for each entry), unless it is conditional: it may exist already."""
    names: dict[str, str] = {}
    placed: list[Interaction] = []
    for entry, id in zip(entries, ids, strict=True):
        if entry.action == "create" and entry.if_none_exist is None:
            entry = structs.replace(entry, action="update", id=id, body={**(entry.body or {}), "id": id})
        if entry.action == "update" and entry.id is not None and entry.full_url and entry.full_url.startswith(NAMES):
            names[entry.full_url] = f"{entry.type}/{entry.id}"
        placed.append(entry)
    beside = _beside(names)
    return [resolve(entry, {**names, **beside.get(_base(entry), {})} if beside else names) for entry in placed]


def _beside(names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each base that names begin with, those names as relative references from there say them."""
    found: dict[str, dict[str, str]] = {}
    for name, target in names.items():
        if (match := _PLACE.fullmatch(name)) is not None:
            found.setdefault(match[1], {})[name.removeprefix(match[1])] = target
    return found


def _base(entry: Interaction) -> str:
    match = _PLACE.fullmatch(entry.full_url or "")
    return match[1] if match is not None else ""


def resolve(entry: Interaction, names: Mapping[str, str]) -> Interaction:
    """The entry with references to ``names`` rewritten, wherever they stand."""
    return entry if entry.body is None or not names else structs.replace(entry, body=_rewritten(entry.body, names))


def _rewritten(value: Any, names: Mapping[str, str], member: str = "") -> Any:
    if isinstance(value, str):
        if member == "div":
            return _LINK.sub(lambda link: f"{link[1]}{link[2]}{names.get(link[3], link[3])}{link[2]}", value)
        return names.get(value, value) if member in LINKS else value
    if isinstance(value, dict):
        return {name: _rewritten(item, names, name) for name, item in value.items()}
    return [_rewritten(item, names, member) for item in value] if isinstance(value, list) else value


def bundle(kind: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """The response Bundle, entries in the order of the request; ``kind`` is ``batch`` or ``transaction``."""
    found = {"resourceType": "Bundle", "type": f"{kind}-response"}
    return {**found, **({"entry": [_entry(answer) for answer in answers]} if answers else {})}


def _entry(answer: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"status": str(answer.status)}
    for header, member in (("location", "location"), ("etag", "etag")):
        if header in answer.headers:
            response[member] = answer.headers[header]
    resource = answer.resource
    if answer.status >= 400:
        return {"response": {**response, "outcome": resource or outcome([Issue("exception", "It failed.")])}}
    if resource is not None and resource.get("resourceType") == "OperationOutcome":
        return {"response": {**response, "outcome": resource}}
    return {**({"resource": resource} if resource is not None else {}), "response": response}
