"""Edge: HAPI or any FHIR R4 server behind the same seam as the embedded store: ``Interaction`` in, ``Answer`` out.

A request is built anew from the interaction, never forwarded. What the server accepts wrongly is checked here first;
what it answers in its own way becomes what R4 says (a stale version is 412). Its address, and the text of its errors
(HAPI's hold SQL and values), do not leave.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import Literal
from urllib.parse import parse_qsl

import aiohttp
from msgspec import structs
from yarl import URL

from r4.interaction import Answer, Interaction, format
from r4.outcome import Issue, outcome
from r4.references import parse, walk
from r4.validate import validate
from sandbox.answering import refusal, unplain
from sandbox.comparing import Known, SearchError
from sandbox.cursors import place_of
from sandbox.history import span_of
from sandbox.rewording import UNAVAILABLE, answered
from sandbox.search import compile, without_cursor
from sandbox.wording import since, worded

NUMBER = re.compile(r"[1-9][0-9]{0,8}")
SECONDS = 30.0
LARGE = 512 * 1024
"""Bytes of a body from which on it is sent in portions: a large one at once holds up the event loop."""
BYTES = 32 * 1024 * 1024


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
        if interaction.action == "read":  # there is nothing about it that this server could take wrongly
            return await self._send(interaction)
        for entry in interaction.entries or (interaction,):
            if (wrong := self._refused(entry)) is not None:
                return wrong
            if (lost := await self._lost_version(entry)) is not None:
                return lost
            conditional = entry.if_match is not None and entry.action in ("update", "delete")
            if conditional and (stale := await self._stale(entry)) is not None:
                return stale
        if interaction.action == "search":
            return await self._search(interaction)
        if interaction.action == "history":
            interaction = structs.replace(interaction, query=since(interaction.query))
        return await self._send(interaction)

    async def _search(self, interaction: Interaction) -> Answer:
        """A search in HAPI's words. A full page without a link to the next one is asked for again with its total: where a
        resource is found in two ways HAPI takes the page for the last one, unless it has counted."""
        if any(name == "_cursor" for name, _ in interaction.query):
            return await self._send(interaction)
        try:
            query = worded(str(interaction.type), interaction.query, base=self.base)
        except SearchError as wrong:
            return Answer(status=wrong.status, resource=outcome([wrong.issue]))
        answer = await self._send(structs.replace(interaction, query=query))
        said = dict(query)
        if not _cut_off(answer, said.get("_count", "")) or said.get("_total") == "accurate":
            return answer
        counted = tuple(pair for pair in query if pair[0] != "_total")
        return await self._send(structs.replace(interaction, query=(*counted, ("_total", "accurate"))))

    def _refused(self, interaction: Interaction) -> Answer | None:
        """What the embedded store would not take either: both have to answer alike."""
        body = interaction.body
        if interaction.action == "vread" and not NUMBER.fullmatch(str(interaction.version)):
            return refusal(404, "not-found", "There is no such version.")
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

    async def _lost_version(self, interaction: Interaction) -> Answer | None:
        """A reference to a version that is not there: HAPI looks at the resource alone."""
        for path, reference in walk(dict(interaction.body or {})) if self.references == "check" else ():
            local = parse(reference["reference"], base=self.base)
            if local is None or local.version is None or interaction.action not in ("create", "update"):
                continue
            read = Interaction(action="vread", type=local.type, id=local.id, version=local.version)
            answer = await self._send(read)
            if answer.status in (400, 404, 410):
                text = "must be a resource that this server has"
                issue = Issue("not-found", text, f"{path}.reference", "reference-exists")
                return Answer(status=422, resource=outcome([issue]))
        return None

    async def _stale(self, interaction: Interaction) -> Answer | None:
        """The version is compared here first: HAPI ignores If-Match on DELETE, and fails on ``*``."""
        current = await self._send(Interaction(action="read", type=interaction.type, id=interaction.id))
        if current.status not in (200, 404, 410):
            return current
        version = ((current.resource or {}).get("meta") or {}).get("versionId")
        holds = current.status == 200 and interaction.if_match in ("*", version)
        return None if holds else refusal(412, "conflict", "is not the current version", element="If-Match")

    def turns(self, interaction: Interaction) -> AbstractAsyncContextManager[None]:
        """Writes of one resource come one after the other, and so do those of one condition, judgement included."""
        keys = {key for each in interaction.entries or (interaction,) if (key := _key(each))}
        return self._turns(sorted(keys)) if keys else _NO_TURN

    @asynccontextmanager
    async def _turns(self, keys: Sequence[str]) -> AsyncIterator[None]:
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
        request = format(structs.replace(interaction, if_match=None) if interaction.if_match == "*" else interaction)
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
                body = body.replace(
                    f'"reference":"{self.base}/'.encode(), b'"reference":"'
                )  # HAPI's own base is foreign to it
                body = body.replace(f'"{self.base}/'.encode(), f'"{self.upstream}/'.encode())
        try:
            sent = BytesIO(body) if body is not None and len(body) > LARGE else body
            async with self.session.request(method, url, headers=armed, data=sent, allow_redirects=False) as reply:
                data = await reply.content.read(BYTES + 1)
                while len(data) <= BYTES and (more := await reply.content.read(BYTES)):
                    data += more
                data = data.replace(self.upstream.encode(), self.base.encode())
                return answered(reply.status, reply.headers, data, interaction, base=self.base)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return UNAVAILABLE


def _cut_off(answer: Answer, count: str) -> bool:
    """Whether a page may be the last one only because HAPI found some resource twice."""
    bundle = answer.resource or {}
    matches = [entry for entry in bundle.get("entry", ()) if entry.get("search", {}).get("mode") != "include"]
    return answer.status == 200 and count.isdigit() and 0 < int(count) <= len(matches) and not bundle.get("link")


PAGE_PARAMETERS = frozenset(
    {"_getpages", "_getpagesoffset", "_count", "_bundletype", "_format", "_pretty", "_pageId", "_offset"}
)
"""What a next link of HAPI is made of; anything else in a cursor was not put there by us."""


_NO_TURN = nullcontext()
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
