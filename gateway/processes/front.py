"""Edge: what ``serve`` answers to: the app face and operations, under the names it is called by. An address that it does not have
is 404 before anything else is looked at, whatever the method."""

import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match

from gateway.processes.hosts import SAFE_METHODS, App, Scope, misdirected, same_site

OPERATIONS = re.compile(r"/(health/(live|ready)|metrics)")
SELF_AUTHENTICATING = re.compile(r"/api/.*")
"""Wants a key in the request, or checks Origin itself."""
_CROSS_SITE = PlainTextResponse("Requests from other sites are refused here.", status_code=403)


class Front:
    """The outermost application of ``serve``. ``own`` is the address for browsers, ``names`` the Host headers that are its;
    a probe asks for operations under any name. ``control`` is on the Unix socket only."""

    def __init__(
        self, *, app: App, routes: Sequence[BaseRoute], operations: App, control: App, own: str, names: frozenset[str]
    ) -> None:  # fmt: skip
        self._app, self._routes, self._operations, self._control = app, routes, operations, control
        self.own, self._names = own, names

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served here")
        await self._route(scope)(scope, receive, send)

    def _route(self, scope: Scope) -> App:
        if scope["server"][1] is None:
            return self._control
        if OPERATIONS.fullmatch(scope["path"]):
            return self._operations
        if not self._has(scope):
            return self._app  # which says so
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._names:
            return misdirected(self.own)
        if scope["method"] not in SAFE_METHODS and SELF_AUTHENTICATING.fullmatch(scope["path"]) is None:
            return self._app if same_site(scope["headers"], self.own) else _CROSS_SITE
        return self._app

    def _has(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)


def names_of(own: str, *, host: str, port: int) -> frozenset[str]:
    """The Host headers by which a server is called: the name of its own address, and of this machine on its port."""
    public = own.partition("://")[2]
    bracketed = f"[{host}]" if ":" in host else host
    standard = {"https": ":443", "http": ":80"}[own.partition("://")[0]]
    local = {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]", bracketed)}
    return frozenset({public.lower(), public.lower().removesuffix(standard), *local})
