"""Edge: reads one patient's chart from an EHR, page by page, with the tokens it is given and nothing else.

What could not be read is said, by type and with the reason; what was cut short is never taken for all there is.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlencode

from gateway.launches.searchset import ForeignLink, Page, head_link, read_page
from r4 import codec
from vocabulary.chart import Read, Resource, Search
from writeback.retry import parse_retry_after

PAGE_SIZE = 200
PAGE_LIMIT = 150
"""A search of more pages than this is reported as incomplete rather than read for minutes."""

LONG = 64 * 1024
"""Bytes of a page from which on parsing it takes as long as the next one needs to come."""
READS: Mapping[int, str] = {403: "forbidden", 404: "absent", 410: "absent"}
SEARCHES: Mapping[int, str] = {
    **READS, 400: "refused", 405: "unsupported", 406: "unsupported", 422: "refused", 501: "unsupported",
}  # fmt: skip
"""What a status says for good of a read, or of a search of one type. Any other but 200 is Unavailable: 401 too, for another
token may be taken. Oracle answers 406 without a body where it does not serve something (fhir-writeback §3.2)."""
BUSY = (429, 503)
UNSAID = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds waited where a busy EHR does not say how long: in all a minute, after which eClinicalWorks counts anew."""

T = TypeVar("T")
Extent = Literal["all", "part", "none"]
Wait = Callable[[float], Awaitable[bool]]


class Unavailable(Exception):
    """The EHR could not be read: down, slow, refusing the tokens, or answering something that is not FHIR.
    ``retry_after`` in seconds, when the EHR said so."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class LedAway(Unavailable):
    """A search's next page is at another address than the EHR's: nothing is to be gained by asking again."""


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


async def at_once(seconds: float) -> bool:
    """Waits for nothing."""
    return False


def patience(seconds: float) -> Wait:
    """Waits what a busy EHR asks for, from now on as long as ``seconds`` in all; False when it asks for more."""
    until = time.monotonic() + seconds

    async def wait(asked: float) -> bool:
        if time.monotonic() + asked > until:
            return False
        await asyncio.sleep(asked)
        return True

    return wait


def everything(type: str) -> Extent:
    """All of every type may be asked for."""
    return "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How a chart is read: ``wait`` is asked before a busy EHR is asked again, ``granted`` how much of a type the tokens
    were granted."""

    wait: Wait = at_once
    granted: Callable[[str], Extent] = everything


AT_ONCE = Reading()


@dataclass(slots=True)
class _Gathered:
    """A search under way: its resources by address, each once, the pages it led to, and what was seen of its end."""

    found: dict[object, Resource] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    total: int | None = None
    whole: bool = True

    def take(self, page: Page) -> bool:
        """Adds a page; whether there is another to read. A link back to one that was read already is no end."""
        for resource in page.matches:
            self.found.setdefault((resource.get("resourceType"), resource.get("id") or id(resource)), resource)
        self.total = self.total if page.total is None else page.total
        unsaid = page.next is None and self.total is None and page.entries >= PAGE_SIZE
        cut = page.next is not None and (page.next in self.paths or len(self.paths) >= PAGE_LIMIT - 1)
        self.whole = self.whole and not (page.partial or unsaid or cut)
        if page.next is None or cut:
            return False
        self.paths.add(page.next)
        return True

    def read(self, failure: str | None = None) -> Read:
        """What came of it. Fewer than the EHR counted is not all of it."""
        counted = self.total is None or len(self.found) >= self.total
        whole = self.whole and counted and failure is None
        return Read(resources=tuple(self.found.values()), complete=whole, failure=failure)


async def read_resource(
    reader: Reader, reference: str, how: Reading = AT_ONCE
) -> tuple[Resource | None, str | None]:  # fmt: skip
    """One resource by ``Type/id`` or ``Type/id/_history/v``: ``(resource, None)`` or ``(None, failure)``. Raises
    Unavailable."""
    reply = await _ask(reader, reference, how.wait, READS)
    if reply.status != 200:
        return None, READS[reply.status]
    resource = _parse(reply.body)
    wanted = reference.split("/")
    if resource is None or [resource.get("resourceType"), resource.get("id")] != wanted[:2]:
        return None, "unreadable"
    return resource, None


async def read_chart(
    reader: Reader, patient: str, searches: Iterable[Search], how: Reading = AT_ONCE
) -> dict[Search, Read]:
    """Every planned search of one patient, at once. ``patient`` is ``Patient/id``; a failed read says why. Raises
    Unavailable when the EHR is not to be read now, and LedAway."""
    planned = tuple(dict.fromkeys(searches))
    reads = await together(*(_read(reader, patient, search, how) for search in planned))
    return dict(zip(planned, reads, strict=True))


async def together(*works: Coroutine[Any, Any, T]) -> list[T]:
    """All of them at once; when one fails, the others are stopped before it is told."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _read(reader: Reader, patient: str, search: Search, how: Reading) -> Read:
    if search.type == "Patient":
        resource, failure = await read_resource(reader, patient, how)
        return Read(resources=(resource,) if resource else (), complete=failure is None, failure=failure)
    extent = how.granted(search.type)
    if extent == "none":
        return Read(complete=False, failure="not_granted")
    query = urlencode([("patient", patient.partition("/")[2]), *search.parameters, ("_count", str(PAGE_SIZE))])
    return await read_search(reader, f"{search.type}?{query}", how, whole=extent == "all")


async def read_search(reader: Reader, path: str, how: Reading = AT_ONCE, *, whole: bool = True) -> Read:
    """Every page of a search, which asks for ``PAGE_SIZE`` at once; what was cut short is not ``complete``. ``whole`` False says
    that the tokens do not reach all there is. Raises Unavailable, LedAway."""
    gathered = _Gathered(whole=whole)
    async with aclosing(_pages(reader, path, how.wait)) as pages:
        async for page in pages:
            if isinstance(page, str):
                return gathered.read(page)
            if not gathered.take(page):
                break
    return gathered.read()


async def _pages(reader: Reader, path: str, wait: Wait) -> AsyncGenerator[Page | str, None]:
    """Page after page, or why there is none any more. While a long one is parsed the next, if the page's head says where
    it is, is under way already. Raises Unavailable, LedAway."""
    coming = asyncio.create_task(_ask(reader, path, wait, SEARCHES))
    try:
        while True:
            reply = await coming
            if reply.status != 200:
                yield SEARCHES[reply.status]
                return
            early = head_link(reply.body, reader.base) if len(reply.body) > LONG else None
            if early is not None:
                coming = asyncio.create_task(_ask(reader, early, wait, SEARCHES))
                await asyncio.sleep(0)  # it is sent before the parsing begins
            page = _page(reply.body, reader.base)
            yield page
            if isinstance(page, str) or page.next is None:
                return
            if page.next != early:
                coming.cancel()
                coming = asyncio.create_task(_ask(reader, page.next, wait, SEARCHES))
    finally:
        coming.cancel()


def _page(body: bytes, base: str) -> Page | str:
    """Raises LedAway."""
    document = _parse(body)
    try:
        page = read_page(document, base) if document is not None else None
    except ForeignLink as failure:
        raise LedAway(str(failure)) from failure
    return "unreadable" if page is None else page


async def _ask(reader: Reader, path: str, wait: Wait, said: Mapping[int, str]) -> Reply:
    """The EHR's answer: 200, or a status that says something for good. One that is busy is asked again when it wants to
    be. Raises Unavailable."""
    headers = {"accept": "application/fhir+json", "cache-control": "no-cache"}
    for unsaid in (*UNSAID, float("inf")):
        try:
            reply = await reader.send("GET", path, headers=headers)
        except (OSError, TimeoutError) as failure:
            raise Unavailable("the EHR did not answer") from failure
        if reply.status == 200 or reply.status in said:
            return reply
        asked = parse_retry_after(reply.headers.get("retry-after"), time.time())
        if reply.status not in BUSY or not await wait(unsaid if asked is None else asked):
            raise Unavailable("the EHR did not answer as one", retry_after=asked)
    raise Unavailable("the EHR is busy without end")


def _parse(body: bytes) -> Resource | None:
    try:
        document = codec.parse(body)
    except codec.CodecError:
        return None
    return document if isinstance(document, dict) else None
