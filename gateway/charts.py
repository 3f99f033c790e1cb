"""Edge: reads one patient's chart from an EHR, page by page, with the tokens it is given and nothing else."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from r4 import codec
from vocabulary.chart import Read, Resource, Search

PAGE_SIZE = 200
PAGE_LIMIT = 50
"""A search of more pages than this is reported as incomplete rather than read for minutes."""

FAILURES: Mapping[int, str] = {403: "forbidden", 404: "absent", 410: "absent"}
"""What a status means for a read; any other than 200 is ``unavailable``, 401 too: another token may be taken."""


class Unavailable(Exception):
    """The EHR could not be read: down, slow, refusing the tokens, or answering something that is not FHIR."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class Reply(Protocol):
    """An HTTP answer: header names are lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Reader(Protocol):
    """A FHIR base with a bearer: ``path`` is below the base. Raises OSError or TimeoutError when nothing came back."""

    base: str

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply: ...


async def read_resource(reader: Reader, reference: str) -> tuple[Resource | None, str | None]:
    """One resource by ``Type/id`` or ``Type/id/_history/v``: ``(resource, None)`` or ``(None, failure)``."""
    try:
        reply = await reader.send("GET", reference, headers={"accept": "application/fhir+json"})
    except (OSError, TimeoutError):
        return None, "unavailable"
    if reply.status != 200:
        return None, FAILURES.get(reply.status, "unavailable")
    resource = _parse(reply.body)
    wanted = reference.split("/")
    if resource is None or [resource.get("resourceType"), resource.get("id")] != wanted[:2]:
        return None, "unreadable"
    return resource, None


async def read_chart(reader: Reader, patient: str, searches: Iterable[Search]) -> dict[Search, Read]:
    """Every planned search of one patient, at once. ``patient`` is ``Patient/id``; a failed read says why."""
    planned = tuple(dict.fromkeys(searches))
    reads = await asyncio.gather(*(_read(reader, patient, search) for search in planned))
    return dict(zip(planned, reads, strict=True))


async def _read(reader: Reader, patient: str, search: Search) -> Read:
    if search.type == "Patient":
        resource, failure = await read_resource(reader, patient)
        return Read(resources=(resource,) if resource else (), complete=failure is None, failure=failure)
    query = urlencode([("patient", patient.partition("/")[2]), *search.parameters, ("_count", str(PAGE_SIZE))])
    path: str | None = f"{search.type}?{query}"
    found: list[Resource] = []
    for _ in range(PAGE_LIMIT):
        if path is None:
            return Read(resources=tuple(found))
        page, failure = await _page(reader, path)
        if page is None:
            return Read(resources=tuple(found), complete=False, failure=failure)
        found += _matches(page)
        path = _next(page, reader.base)
    return Read(resources=tuple(found), complete=path is None)


async def _page(reader: Reader, path: str) -> tuple[Resource | None, str | None]:
    try:
        reply = await reader.send("GET", path, headers={"accept": "application/fhir+json", "cache-control": "no-cache"})
    except (OSError, TimeoutError):
        return None, "unavailable"
    if reply.status != 200:
        return None, FAILURES.get(reply.status, "unavailable")
    page = _parse(reply.body)
    return (page, None) if page and page.get("resourceType") == "Bundle" else (None, "unreadable")


def _parse(body: bytes) -> Resource | None:
    try:
        document = codec.parse(body)
    except codec.CodecError:
        return None
    return document if isinstance(document, dict) else None


def _matches(page: Mapping[str, Any]) -> list[Resource]:
    """The matches of a searchset; outcomes and includes are not part of the chart."""
    entries = page.get("entry")
    return [
        entry["resource"]
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("resource"), dict)
        and not (isinstance(entry.get("search"), dict) and entry["search"].get("mode") in ("outcome", "include"))
    ]


def _next(page: Mapping[str, Any], base: str) -> str | None:
    """The next page's path below the base. A link elsewhere is not followed: the bearer stays at its EHR."""
    links = page.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            url: str = link["url"]
            if url.startswith((base + "?", base + "/")):
                return url[len(base) :].lstrip("/")
            raise Unavailable("the next page of a search lies outside the EHR's own address")
    return None
