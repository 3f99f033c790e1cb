"""Edge of the attacks: an EHR face as a stranger reaches it, and what stands in its store as nobody's grant shows it.

``ask`` sends raw bytes to the ASGI application, so that no client tidies a path or a header up first. Every answer is
judged: a word of the other patient, the address of the server behind, or a 5xx is a problem, whatever was asked.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4 import codec
from r4.interaction import Answer, Interaction
from tests import web
from tests.abuse.chart import Chart

JSON, FORM = "application/fhir+json", "application/x-www-form-urlencoded"
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources of a Bundle."""
        return [entry["resource"] for entry in self.json.get("entry", ()) if "resource" in entry]

    def header(self, name: str) -> str:
        return next((value for said, value in self.headers if said == name), "")

    @property
    def shape(self) -> tuple[Any, ...]:
        """What must not differ between an absent and a foreign resource: everything but the time."""
        return self.status, tuple(pair for pair in self.headers if pair[0] != "date"), self.body


@dataclass(kw_only=True, repr=False)
class Target:
    """``words`` must never be shown; ``upstream`` is the address of the server behind, when there is one."""

    app: Any
    ehr: SandboxEhr
    chart: Chart
    runner: asyncio.Runner
    upstream: str | None = None
    clock: "Clock"
    neighbour: SandboxEhr
    tokens: dict[tuple[Any, ...], str] = field(default_factory=dict)
    registered: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def again(self) -> "Target":
        """The same target with nothing held against it yet."""
        self.problems = []
        return self

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(what)

    def ask(self, method: str, path: str, **options: Any) -> Reply:
        """One request below ``/ehr/{name}``; see ``send``."""
        return self.run(self.send(method, path, **options))

    def fhir(self, method: str, path: str, token: str | None = None, **options: Any) -> Reply:
        """One request below the FHIR base."""
        return self.ask(method, f"/fhir/{path}" if path else "/fhir", token=token, **options)

    def together(self, *requests: Coroutine[Any, Any, Reply]) -> list[Reply]:
        """Requests at the same time."""

        async def all() -> list[Reply]:
            return await asyncio.gather(*requests)

        return self.run(all())

    async def send(
        self, method: str, path: str, *, token: str | None = None, headers: Headers = (), query: Any = None,
        body: bytes = b"", document: Any = None, form: Any = None, type: str = JSON, never: Iterable[str] | None = None,
        ehr: str | None = None,
    ) -> Reply:  # fmt: skip
        """``path`` is raw and may hold a query; ``document`` is sent as JSON; ``never`` are words to look for, by
        default those of the other patient."""
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if token is not None:
            pairs.append((b"authorization", f"Bearer {token}".encode()))
        if document is not None or form is not None:
            body = urlencode(form).encode() if document is None else _json(document)
            pairs.append((b"content-type", (FORM if document is None else type).encode()))
        if query is not None:
            path += ("&" if "?" in path else "?") + (query if isinstance(query, str) else urlencode(query))
        raw, _, asked = f"/ehr/{ehr or self.ehr.name}{path}".partition("?")
        reply = await exchange(self.app, method, raw, asked, pairs, body)
        self._judge(f"{method} {path[:120]}", reply, self.chart.secrets if never is None else tuple(never))
        return reply

    def _judge(self, what: str, reply: Reply, never: Iterable[str]) -> None:
        whole = b"\n".join([reply.body, *(f"{name}: {value}".encode() for name, value in reply.headers)])
        self.expect(not any(word.encode() in whole for word in never), f"{what} showed what it must not")
        self.expect(reply.status < 500 or reply.status == 501, f"{what} was answered {reply.status}")
        hidden = self.upstream is not None and self.upstream.partition("://")[2].encode() in whole
        self.expect(not hidden, f"{what} showed the address of the server behind")

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.problems.append(otherwise)

    def refused(self, reply: Reply, what: str, *statuses: int) -> None:
        """Whether it was refused, with one of these statuses when any are named."""
        fine = reply.status in statuses if statuses else reply.status >= 400
        self.expect(fine, f"{what} was answered {reply.status}")

    def alike(self, what: str, *replies: Reply) -> None:
        """Whether the answers tell nothing apart: status, headers and bytes."""
        self.expect(
            len({reply.shape for reply in replies}) == 1, f"{what}: {[reply.status for reply in replies]} differ"
        )

    @contextmanager
    def untouched(self, what: str) -> Iterator[None]:
        """Whether nothing that names p2 was changed, made or removed meanwhile."""
        before = self.state()
        yield
        after = self.state()
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        self.expect(not changed, f"{what} changed {changed}")

    def hear(self, statement: str) -> None:
        if "fhir_resources" in statement or "fhir_versions" in statement or "fhir_terms" in statement:
            self.heard.append(statement)

    def calls(self, method: str, path: str, token: str) -> list[str]:
        """What the store below is asked for one request: statements, or interactions with a server behind."""
        self.heard.clear()
        self.fhir(method, path, token)
        return list(self.heard)

    def state(self) -> dict[str, str]:
        """Every stored resource that names p2, or holds a word of p2, with its version; read below everything."""
        return self.run(_state(self))

    def perform(self, interaction: Interaction) -> Answer:
        """One interaction by nobody's grant."""
        return self.run(below.perform(self.ehr, interaction))

    def raw(self, type: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """What a search finds by nobody's grant."""
        return self.run(below.search(self.ehr, type, *query.items()))

    def counted(self, type: str, query: dict[str, str]) -> int:
        """How many a search finds by nobody's grant, on however many pages."""
        if self.upstream is None:
            return len(self.raw(type, query))

        asked = {**query, "_summary": "count"}
        return int(web.get(f"{self.upstream}/{type}", params=asked, timeout=60).json()["total"])

    def raw_page(self, path: str) -> str:
        """The query of the second page of a search, as the store itself names it."""
        if self.upstream is None:
            return "1"

        links = web.get(f"{self.upstream}/{path}", timeout=60).json()["link"]
        return next(link["url"] for link in links if link["relation"] == "next").partition("?")[2]

    def stored(self, name: str) -> dict[str, Any] | None:
        """``Observation/o1`` as it stands in the store now."""
        return self.run(below.read(self.ehr, self.chart.ref(name)))


@dataclass
class Overheard:
    """A server behind that notes what it is asked for."""

    upstream: Any
    heard: list[str]

    async def perform(self, interaction: Interaction) -> Answer:
        self.heard.append(f"{interaction.action} {interaction.type}")
        return await self.upstream.perform(interaction)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.upstream, name)


@dataclass
class Clock:
    """Seconds by which this EHR is ahead of the time."""

    ahead: float = 0.0

    def __call__(self) -> float:
        import time

        return time.time() + self.ahead

    @contextmanager
    def later(self, seconds: float) -> Iterator[None]:
        self.ahead += seconds
        yield
        self.ahead -= seconds


def _json(document: Any) -> bytes:
    return document if isinstance(document, bytes) else codec.format(document)


async def exchange(app: Any, method: str, raw: str, query: str, pairs: list[tuple[bytes, bytes]], body: bytes) -> Reply:
    sent, status, said = bytearray(), 0, ()
    lengths = [(b"content-length", str(len(body)).encode())] if body and b"content-length" not in dict(pairs) else []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote(raw), "raw_path": raw.encode("latin-1"), "query_string": query.encode("latin-1"), "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8700"), *pairs, *lengths], "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8700), "extensions": {},
    }  # fmt: skip

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def answer(message: Mapping[str, Any]) -> None:
        nonlocal status, said
        if message["type"] == "http.response.start":
            status = message["status"]
            said = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"])
        else:
            sent.extend(message.get("body", b""))

    try:
        await app(scope, receive, answer)
    except Exception as failure:  # what no handler caught is what a stranger would see as 500
        return Reply(500, (), repr(failure).encode())
    return Reply(status, said, bytes(sent))


SEARCHED = (
    ("Observation", "subject"), ("Condition", "subject"), ("Encounter", "subject"), ("DiagnosticReport", "subject"),
    ("DocumentReference", "subject"), ("Coverage", "subscriber"), ("Coverage", "beneficiary"), ("Device", "patient"),
    ("Provenance", "target"), ("Group", "member"), ("RelatedPerson", "patient"), ("Communication", "subject"),
    ("Task", "subject"), ("Basic", "subject"), ("Flag", "subject"), ("CareTeam", "subject"), ("List", "subject"),
    ("Patient", "link"), ("Observation", "performer"),
)  # fmt: skip
"""Where a new resource about p2 would be found on a server that has no table to look into."""


async def _state(target: Target) -> dict[str, str]:
    if target.upstream is None:
        return await target.ehr.database.run(lambda connection, now: _rows(connection, target.chart))
    return await _behind(target)


def _rows(connection: Any, chart: Chart) -> dict[str, str]:
    words = [word.encode() for word in (chart.ref("Patient/p2"), *chart.secrets)]
    rows = connection.exec_driver_sql("select type, id, version, deleted, body from fhir_resources").all()
    names = set(chart.seconds()) | set(chart.deleted)
    return {
        f"{row.type}/{row.id}": f"{row.version} {bool(row.deleted)}"
        for row in rows
        if any(word in row.body for word in words) or f"{row.type}/{row.id}" in names
    }


async def _behind(target: Target) -> dict[str, str]:
    import httpx2

    whom = target.chart.ref("Patient/p2")
    urls = [*target.chart.seconds(), *(f"{type}?{name}={whom}&_count=500" for type, name in SEARCHED)]
    batch = {"resourceType": "Bundle", "type": "batch",
             "entry": [{"request": {"method": "GET", "url": url}} for url in urls]}  # fmt: skip
    headers = {"content-type": JSON, "accept": JSON, "cache-control": "no-cache"}
    async with httpx2.AsyncClient(trust_env=False, timeout=60, headers=headers) as client:
        entries = (await client.post(str(target.upstream), content=codec.format(batch))).json()["entry"]
    found = [entry["resource"] for entry in entries if "resource" in entry]
    found += [each["resource"] for bundle in found for each in bundle.get("entry", ()) if "resource" in each]
    return {f"{each['resourceType']}/{each['id']}": each["meta"]["versionId"] for each in found
            if each["resourceType"] not in ("Bundle", "OperationOutcome")}  # fmt: skip
