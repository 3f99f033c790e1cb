"""A request as it stands on the wire, and one pass of it through an ASGI application."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

SITE = "127.0.0.1:8700"
App = Callable[..., Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """``path`` and ``query`` are as on the request line; header names are lower case."""

    method: str
    path: str
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""

    def shown(self) -> str:
        """In the form of HTTP/1.1, for a person."""
        target = self.path + ("?" + self.query.decode("latin-1") if self.query else "")
        lines = [f"{self.method} {target}", *(f"{n.decode('latin-1')}: {v.decode('latin-1')}" for n, v in self.headers)]
        return "\n".join([*lines, "", self.body[:4000].decode("utf-8", "backslashreplace")])


@dataclass(frozen=True, kw_only=True)
class Got:
    """An answer."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for said, value in self.headers if said == name), "")


async def pass_through(app: App, sent: Sent) -> Got:
    """Calls the application as uvicorn would. Raises what it raises."""
    started: dict[str, Any] = {"status": 0, "headers": []}
    body = bytearray()
    waiting = [{"type": "http.request", "body": sent.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(_scope(sent), receive, send)
    return Got(status=started["status"], headers=tuple(started["headers"]), body=bytes(body))


def _scope(sent: Sent) -> dict[str, Any]:
    host, _, port = SITE.partition(":")
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
        "server": (host, int(port)), "client": (host, 50000), "root_path": "", "method": sent.method,
        "path": unquote(sent.path), "raw_path": sent.path.encode("ascii"), "query_string": sent.query,
        "headers": [(b"host", SITE.encode()), *sent.headers] if not _hosted(sent) else list(sent.headers), "state": {},
    }  # fmt: skip


def _hosted(sent: Sent) -> bool:
    return any(name == b"host" for name, _ in sent.headers)
