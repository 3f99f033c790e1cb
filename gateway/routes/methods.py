"""The methods of an address: for ``Allow``, which every 405 has (RFC 9110 §15.5.6), and HEAD, which goes with GET (§9.3.2)."""

from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def allow(request: Request, routes: Iterable[BaseRoute], status: int) -> Mapping[str, str]:
    """The header ``Allow`` of a 405; nothing for another status."""
    if status != 405:
        return {}
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", "")}
    found = {method for method in METHODS if _taken(routes, {**scope, "method": method})}
    return {"allow": ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))}


def _taken(routes: Iterable[BaseRoute], scope: Scope) -> bool:
    """Whether one of the routes serves this method at this address."""
    for route in routes:
        match, child = route.matches(scope)
        if match is not Match.FULL:
            continue
        if not isinstance(route, Mount) or _taken(route.routes, {**scope, **child}):
            return True
    return False


async def head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to GET without its body."""

    async def bodiless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    await app({**scope, "method": "GET"}, receive, bodiless)
