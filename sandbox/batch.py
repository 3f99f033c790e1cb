"""Batch and transaction as values (R4 §3.1.0.11): the order of entries, what they call one another, the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import named

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


def assign(entries: Sequence[Interaction], ids: Sequence[str]) -> list[Interaction]:
    """Entries with every name inside the Bundle replaced by what it will be called. A create becomes an update to the
    id that the server gives it (``ids``, one for each entry), unless it is conditional: it may exist already."""
    names: dict[str, str] = {}
    placed: list[Interaction] = []
    for entry, id in zip(entries, ids, strict=True):
        if entry.action == "create" and entry.if_none_exist is None:
            entry = structs.replace(entry, action="update", id=id, body={**(entry.body or {}), "id": id})
        if entry.action == "update" and entry.id is not None and entry.full_url and entry.full_url.startswith("urn:"):
            names[entry.full_url] = f"{entry.type}/{entry.id}"
        placed.append(entry)
    return [resolve(entry, names) for entry in placed]


def resolve(entry: Interaction, names: Mapping[str, str]) -> Interaction:
    """The entry with references to ``names`` rewritten, wherever they stand."""
    return entry if entry.body is None or not names else structs.replace(entry, body=_rewritten(entry.body, names))


def _rewritten(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: names.get(item, item) if name in ("reference", "url", "uri") and isinstance(item, str)
            else _rewritten(item, names)
            for name, item in value.items()
        }  # fmt: skip
    return [_rewritten(item, names) for item in value] if isinstance(value, list) else value


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
