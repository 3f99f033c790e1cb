"""Two faces on one port, two sites to a browser: the app face on ``localhost``, the EHR face on ``127.0.0.1``.

Which face answers follows from the Host header, checked on every request, so that a page elsewhere cannot reach a
loopback service under a name of its own; a state-changing request from another site is refused unless the endpoint
authenticates the request itself (docs/decisions/0005).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse

from r4.outcome import Issue, outcome

Scope = dict[str, Any]
App = Callable[..., Awaitable[None]]

APP_HOST, EHR_HOST = "localhost", "127.0.0.1"
ON_BOTH = re.compile(r"/(health/(live|ready)|metrics)")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SELF_AUTHENTICATING = re.compile(
    r"/ehr/[^/]+/(fhir(/.*)?|auth/(authorize|token|introspect|revoke|register/.+))|/api/.*"
)
"""Endpoints that a cross-site post may reach: authorize never consents on a cookie alone; the others want a token, a
client's credentials or a key in the request (``/api`` checks Origin itself where it takes a session)."""


class Faces:
    """The outermost application: ``operations`` is on both sites, ``control`` only on the Unix socket."""

    def __init__(
        self, *, app: App, ehr: App, operations: App, control: App, port: int, scheme: str = "http"
    ) -> None:  # fmt: skip
        self._app, self._ehr, self._operations, self._control = app, ehr, operations, control
        self._sites = {f"{APP_HOST}:{port}": APP_HOST, f"{EHR_HOST}:{port}": EHR_HOST}
        self._port, self._scheme = port, scheme

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served here")
        await self._route(scope)(scope, receive, send)

    def _route(self, scope: Scope) -> App:
        if scope["server"][1] is None:
            return self._control
        headers = scope["headers"]
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        site = self._sites.get(hosts[0]) if len(hosts) == 1 else None
        path: str = scope["path"]
        wanted = EHR_HOST if path == "/ehr" or path.startswith("/ehr/") else APP_HOST
        if site is None or (site != wanted and ON_BOTH.fullmatch(path) is None):
            return misdirected(f"{self._scheme}://{wanted}:{self._port}")
        if not self._may_post(scope, hosts[0]):
            return _CROSS_SITE
        if ON_BOTH.fullmatch(path):
            return self._operations
        return self._ehr if wanted == EHR_HOST else self._app

    def _may_post(self, scope: Scope, host: str) -> bool:
        """A state-changing request says no foreign Origin, or goes to an endpoint that authenticates it."""
        if scope["method"] in SAFE_METHODS or SELF_AUTHENTICATING.fullmatch(scope["path"]):
            return True
        return same_site(scope["headers"], f"{self._scheme}://{host}")


def same_site(headers: list[tuple[bytes, bytes]], own: str) -> bool:
    """Whether the request comes from a page of the origin ``own`` itself, or from something that is no browser."""
    said = {name: value.decode("latin-1") for name, value in headers if name in (b"origin", b"sec-fetch-site")}
    origin, fetch = said.get(b"origin"), said.get(b"sec-fetch-site")
    return origin in (None, own) and fetch in (None, "same-origin", "none")


def misdirected(address: str) -> App:
    """421 that names the right address; nothing of the request is repeated."""
    text = f"This address is served at {address} only."
    return JSONResponse(
        outcome([Issue("not-found", text)]),
        status_code=421,
        media_type="application/fhir+json",
        headers={"x-right-address": address},
    )


_CROSS_SITE = PlainTextResponse("Requests from other sites are refused here.", status_code=403)
