"""Edge: HAPI or any FHIR R4 server behind the same seam as the embedded store: ``Interaction`` in, ``Answer`` out.

A request is built anew from the interaction, never forwarded. What the server accepts wrongly is checked here first;
what it answers in its own way becomes what R4 says (a stale version is 412). Its address, and the text of its errors
(HAPI's hold SQL and values), do not leave.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import aiohttp
from yarl import URL

from r4 import codec
from r4.interaction import Answer, Interaction, format
from r4.outcome import Issue, outcome
from r4.references import parse, walk
from r4.validate import validate
from sandbox.answering import refusal, unplain
from sandbox.comparing import Known, SearchError
from sandbox.cursors import cursor, place_of
from sandbox.history import span_of
from sandbox.search import compile, without_cursor

SECONDS = 30.0
BYTES = 32 * 1024 * 1024
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


@dataclass(kw_only=True)
class Upstream:
    """``upstream`` is the base of the server behind, ``base`` our own. ``headers`` is its credential."""

    upstream: str
    base: str
    session: aiohttp.ClientSession
    new_id: Callable[[], str]
    references: Literal["check", "free"] = "check"
    headers: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self._locks: dict[str, _Turn] = {}

    async def perform(self, interaction: Interaction) -> Answer:
        """One interaction. What cannot be reached or read is 503, also after a write: whether it was done is open."""
        for entry in interaction.entries or (interaction,):
            if (wrong := self._refused(entry)) is not None:
                return wrong
            conditional = entry.if_match is not None and entry.action in ("update", "delete")
            if conditional and (stale := await self._stale(entry)) is not None:
                return stale
        return await self._send(interaction)

    def _refused(self, interaction: Interaction) -> Answer | None:
        """What the embedded store would not take either: both have to answer alike."""
        body = interaction.body
        try:
            if interaction.action == "search":
                compile(str(interaction.type), without_cursor(interaction.query), Known(base=self.base))
            if interaction.if_none_exist is not None:
                compile(str(interaction.type), interaction.if_none_exist, Known(base=self.base))
            if interaction.action == "history":
                span_of(interaction.query)
        except SearchError as wrong:
            return Answer(status=412 if interaction.if_none_exist else wrong.status, resource=outcome([wrong.issue]))
        if interaction.action not in ("create", "update") or body is None:
            return None
        if interaction.action == "update" and body.get("id") != interaction.id:
            return refusal(400, "value", "must be the id of the address", element=f"{interaction.type}.id")
        issues = [issue for issue in validate(body, type=interaction.type) if issue.severity in ("error", "fatal")]
        if not issues and self.references == "check":
            issues = list(unplain(body, base=self.base))
        return Answer(status=422, resource=outcome(issues)) if issues else None

    async def _stale(self, interaction: Interaction) -> Answer | None:
        """The version is compared here first: HAPI ignores If-Match on DELETE, and fails on ``*``."""
        current = await self._send(Interaction(action="read", type=interaction.type, id=interaction.id))
        if current.status not in (200, 404, 410):
            return current
        version = ((current.resource or {}).get("meta") or {}).get("versionId")
        holds = current.status == 200 and interaction.if_match in ("*", version)
        return None if holds else refusal(412, "conflict", "is not the current version", element="If-Match")

    @asynccontextmanager
    async def turns(self, interaction: Interaction) -> AsyncIterator[None]:
        """Writes of one resource come one after the other, and so do those of one condition, judgement included."""
        keys = sorted({key for each in interaction.entries or (interaction,) if (key := _key(each))})
        async with AsyncExitStack() as stack:
            for key in keys:
                await stack.enter_async_context(self._turn(key))
            yield

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        turn = self._locks.setdefault(key, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._locks.pop(key, None)

    async def _send(self, interaction: Interaction) -> Answer:
        if interaction.action in ("search", "history") and any(name == "_cursor" for name, _ in interaction.query):
            return await self._follow(interaction)
        plain = replace(interaction, if_match=None if interaction.if_match == "*" else interaction.if_match)
        request = format(plain)
        path = f"{request.path}?{request.query}" if request.query else request.path
        return await self._exchange(request.method, path, dict(request.headers), request.body, interaction)

    async def _follow(self, interaction: Interaction) -> Answer:
        """A further page: the cursor is the query of the server's own next link, sealed by what it must look like."""
        try:
            place = place_of(dict(interaction.query)["_cursor"])
        except SearchError as wrong:
            return Answer(status=wrong.status, resource=outcome([wrong.issue]))
        path, _, query = place.partition("?")
        names = {name for name, _ in parse_qsl(query)} - {name for name, _ in interaction.query}
        if path not in ("", format(interaction).path) or not names or not names <= PAGE_PARAMETERS:
            return refusal(400, "not-supported", "is none of this server's", element="_cursor")
        return await self._exchange("GET", place, {}, None, interaction)

    async def _exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, interaction: Interaction
    ) -> Answer:
        url = URL(f"{self.upstream}{'' if path.startswith('?') or not path else '/'}{path}", encoded=True)
        armed = {**headers, **_PLAIN, **(self.headers or {})}
        if method in ("POST", "PUT"):
            armed["prefer"] = "return=representation"
            if body is not None:
                body = body.replace(f'"{self.base}/'.encode(), f'"{self.upstream}/'.encode())
        try:
            async with self.session.request(method, url, headers=armed, data=body, allow_redirects=False) as reply:
                data = await reply.content.read(BYTES + 1)
                while len(data) <= BYTES and (more := await reply.content.read(BYTES)):
                    data += more
                said = {name.lower(): value for name, value in reply.headers.items()}
                return self._answer(reply.status, said, data, interaction)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return UNAVAILABLE

    def _answer(self, status: int, headers: Mapping[str, str], data: bytes, interaction: Interaction) -> Answer:
        """The server's answer in our own words."""
        if status >= 300 and status != 304:
            return self._failure(status, data, interaction)
        if status == 304 or not data:
            return Answer(status=status, headers=self._headers(headers, None, interaction))
        try:
            document = codec.parse(data.replace(self.upstream.encode(), self.base.encode()), max_depth=128)
        except codec.CodecError:
            return UNAVAILABLE
        if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
            return UNAVAILABLE
        if interaction.action == "delete":
            return Answer(status=204)
        if document["resourceType"] == "Bundle":
            document = self._bundle(document, interaction)
        return Answer(status=status, resource=document, headers=self._headers(headers, document, interaction))

    def _failure(self, status: int, data: bytes, interaction: Interaction) -> Answer:
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
            return refusal(status, *STATUSES[status])
        return (
            UNAVAILABLE
            if status >= 500
            else refusal(502, "exception", "The FHIR server behind this EHR answered oddly.")
        )

    def _headers(self, headers: Mapping[str, str], document: Any, interaction: Interaction) -> dict[str, str]:
        kept = {name: headers[name] for name in KEPT if name in headers}
        meta = document.get("meta") if isinstance(document, dict) else None
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if interaction.action in ("create", "update") and version and isinstance(document.get("id"), str):
            kept["location"] = f"{self.base}/{document['resourceType']}/{document['id']}/_history/{version}"
            kept["etag"] = f'W/"{version}"'
        return kept

    def _bundle(self, bundle: dict[str, Any], interaction: Interaction) -> dict[str, Any]:
        """A searchset with links of our own: the server's paging stays behind an opaque cursor."""
        bundle.pop("id", None)
        bundle.pop("meta", None)
        links = [link for link in bundle.get("link", ()) if isinstance(link, dict)]
        following = [str(link.get("url")) for link in links if link.get("relation") == "next"]
        if interaction.action in ("search", "history"):
            bundle["link"] = []
            for url in following[:1]:
                place = ("_cursor", cursor(url.removeprefix(self.base).removeprefix("/")))
                bundle["link"].append(
                    {"relation": "next", "url": f"{self.base}/{interaction.type}?{urlencode([place])}"}
                )
        return bundle


PAGE_PARAMETERS = frozenset(
    {"_getpages", "_getpagesoffset", "_count", "_bundletype", "_format", "_pretty", "_pageId", "_offset"}
)
"""What a next link of HAPI is made of; anything else in a cursor was not put there by us."""


_PLAIN = {"accept": "application/fhir+json", "cache-control": "no-cache", "accept-encoding": "identity"}


def _key(interaction: Interaction) -> str:
    """Whose turn it is: a resource, or a condition of a type."""
    if interaction.action not in ("create", "update", "patch", "delete"):
        return ""
    condition = interaction.if_none_exist or interaction.condition
    return (
        f"{interaction.type}/{interaction.id}"
        if interaction.id
        else f"{interaction.type}?{condition}"
        if condition
        else ""
    )


class _Turn:
    """Whose turn it is at one resource, and how many wait."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


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


@asynccontextmanager
async def opened(
    *, upstream: str, base: str, new_id: Callable[[], str], credential: str | None = None,
    references: Literal["check", "free"] = "check",
) -> AsyncIterator[Upstream]:  # fmt: skip
    """The server behind, with connections of its own while the block runs. ``credential`` is an Authorization value."""
    timeout = aiohttp.ClientTimeout(total=SECONDS, connect=5.0)
    connector = aiohttp.TCPConnector(limit=32)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Upstream(
            upstream=upstream.rstrip("/"), base=base, session=session, new_id=new_id, references=references,
            headers={"authorization": credential} if credential else None,
        )  # fmt: skip
