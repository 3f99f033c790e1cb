"""A mutant: our own EHR face with one fault, and how the suite judges it.

A mutant changes requests on their way in or answers on their way out, or overrides one function or table row of the product
while it runs; everything else is the real server.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from conformance.run import Report
from conformance.suites import SUITES

App = Callable[..., Awaitable[None]]
_ABSENT = object()


@dataclass
class Asked:
    """A request; what a mutant changes is what the server sees."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Mutant:
    """``caught_by`` are checks that must fail. ``overrides`` are ``(module, class or table, name, value)`` that hold while it
    runs; ``suites`` what is run, those of ``caught_by`` when none is named; ``world`` judges it otherwise than as our EHR
    face. ``token`` opens everything."""

    caught_by: frozenset[str]
    before: Callable[["Mutant", Asked], Answered | None] = lambda mutant, asked: None
    after: Callable[["Mutant", Asked, Answered], None] = lambda mutant, asked, answered: None
    overrides: tuple[tuple[Any, Any, Any], ...] = ()
    suites: tuple[str, ...] = ()
    world: Callable[["Mutant"], Report] | None = None
    slow: bool = False
    token: str = ""
    kept: dict[str, Any] = field(default_factory=dict)

    def judged_by(self) -> tuple[str, ...]:
        """The suites that are run for it."""
        return self.suites or tuple(
            name for name, suite in SUITES.items() if self.caught_by & {item.id for item in suite.checks}
        )

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """The overrides hold while the block runs."""
        before = [_set(place, name, value) for place, name, value in self.overrides]
        try:
            yield
        finally:
            for (place, name, _), kept in reversed(list(zip(self.overrides, before, strict=True))):
                _set(place, name, kept)


def _set(place: Any, name: Any, value: Any) -> Any:
    """What was there. A name that is not there is a mutant of another product."""
    if isinstance(place, MutableMapping):
        kept = place.get(name, _ABSENT)
        if value is _ABSENT:
            del place[name]
        else:
            place[name] = value
        return kept
    kept = getattr(place, name)
    setattr(place, name, value)
    return kept


class Wrapped:
    """The EHR face behind a mutant, as an ASGI application."""

    def __init__(self, app: App, mutant: Mutant) -> None:
        self._app, self._mutant = app, mutant

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = await _read(scope, receive)
        answered = self._mutant.before(self._mutant, asked) or await self._ask(scope, asked)
        self._mutant.after(self._mutant, asked, answered)
        headers = {**answered.headers, "content-length": str(len(answered.body))}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answered.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answered.body})

    async def _ask(self, scope: Any, asked: Asked) -> Answered:
        answered = Answered(status=0, headers={}, body=b"")
        headers = [(name.encode(), value.encode()) for name, value in asked.headers.items()]
        place = {} if asked.path == scope["path"] else {"path": asked.path, "raw_path": asked.path.encode()}
        changed = {**scope, **place, "method": asked.method, "query_string": asked.query.encode(), "headers": headers}

        async def receive() -> Any:
            return {"type": "http.request", "body": asked.body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.headers = _joined(message["headers"])
            else:
                answered.body += message.get("body", b"")

        await self._app(changed, receive, send)
        return answered


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by name; what stands twice, as cookies do, in one line."""
    found: dict[str, str] = {}
    for name, value in pairs:
        before = found.get(name.decode())
        found[name.decode()] = value.decode() if before is None else f"{before}, {value.decode()}"
    return found


async def _read(scope: Any, receive: Any) -> Asked:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    return Asked(
        method=scope["method"], path=scope["path"], query=scope["query_string"].decode(), headers=headers, body=body
    )
