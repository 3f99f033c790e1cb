"""Edge: every entry of a search or a history, page by page, and what of a type was deleted since (Bulk Data Access 2.0.0)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from auth.access.compartment import owned
from r4 import codec
from r4.criteria import PAGE
from r4.interaction import Answer, Interaction
from sandbox.bulk import Export, deletion

Ask = Callable[[Interaction], Awaitable[Answer]]
UNOFFERED = frozenset({403, 404, 405, 501})
"""What an EHR answers to an interaction that the grant may not ask, or that its persona does not have."""
TOLD = 100
"""Deletions in one line, which is a Bundle."""


class Unfinished(RuntimeError):
    """The store did not answer what the export asked, or the export was cancelled."""


async def pages(ask: Ask, i: Interaction, *, count: int) -> AsyncIterator[dict[str, Any]]:
    """The entries of every page, ``count`` at a time; none where this may not be asked, or is not had. Raises
    Unfinished."""
    query = (*i.query, ("_count", str(count)))
    while True:
        answer = await ask(Interaction(action=i.action, type=i.type, query=query))
        if answer.status in UNOFFERED:
            return
        if answer.status != 200 or answer.resource is None:
            raise Unfinished
        for entry in answer.resource.get("entry") or ():
            yield entry
        link = next((each["url"] for each in answer.resource.get("link") or () if each["relation"] == "next"), None)
        if link is None:
            return
        query = tuple(pair for pair in parse_qsl(urlsplit(link).query) if pair[0] == PAGE)


async def deletions(ask: Ask, export: Export, type: str, *, base: str, count: int) -> AsyncIterator[bytes]:
    """Lines, each a Bundle of what was deleted since ``export.since`` and is not there again. Told only to who may see
    the history of the whole type; of an export of patients, those that were in their records."""
    seen: set[str] = set()
    gone: list[str] = []
    history = Interaction(action="history", type=type, query=(("_since", str(export.since)),))
    async for entry in pages(ask, history, count=count):
        id = _id(entry)
        if id in seen:
            continue
        seen.add(id)
        if entry.get("request", {}).get("method") == "DELETE" and await _wanted(ask, export, type, id, entry, base):
            gone.append(f"{type}/{id}")
        if len(gone) == TOLD:
            yield codec.format(deletion(gone)) + b"\n"
            gone = []
    if gone:
        yield codec.format(deletion(gone)) + b"\n"


def _id(entry: dict[str, Any]) -> str:
    return str(entry.get("resource", {}).get("id") or entry["request"]["url"].split("/")[1])


async def _wanted(ask: Ask, export: Export, type: str, id: str, entry: dict[str, Any], base: str) -> bool:
    """Whether it belonged to what is exported: its last version says of whom it was."""
    if export.level == "system" or (type == "Patient" and export.patients is None):
        return True
    if type == "Patient":
        return id in (export.patients or ())
    version = int(entry["response"]["etag"][3:-1]) - 1
    before = await ask(Interaction(action="vread", type=type, id=id, version=str(version)))
    if before.status != 200 or before.resource is None:
        return False
    return export.patients is None or any(owned(before.resource, each, base=base) for each in export.patients)
