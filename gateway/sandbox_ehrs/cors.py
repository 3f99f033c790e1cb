"""Edge: which pages of other sites may read the answers of a sandbox EHR (SMART App Launch 2.2 §considerations-for-cors).

Any origin for what is public; for tokens and data the origins that clients registered. Never with cookies: what is read
is opened by a token or a client's credentials in the request itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.server.clients import registers_origin
from gateway.storage.database import Database

MARK = "chartgate.cors"
"""Where an application that writes its answer past ASGI finds what marks its headers."""
LONGEST = 300
"""Characters of an Origin that are looked at; a host name has at most 253."""
KEEP = "60"
"""Seconds that a browser may keep a preflight's answer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``methods`` and ``headers`` are what a page may send, ``exposed`` what it may read beside the body."""

    public: bool
    methods: str
    headers: str = "accept, authorization, content-type"
    exposed: str = ""


PUBLIC = Rule(True, "GET")
AUTHORIZATION = Rule(False, "POST")
FHIR = Rule(
    False, "GET, POST, PUT, PATCH, DELETE",
    "accept, authorization, content-type, if-match, if-modified-since, if-none-exist, if-none-match, prefer, x-request-id",
    "content-location, etag, last-modified, location, www-authenticate, x-request-id",
)  # fmt: skip

RULES: Mapping[str, Rule] = {
    r"/fhir/\.well-known/smart-configuration|/\.well-known/openid-configuration|/fhir/metadata": PUBLIC,
    r"/auth/jwks|/brands|/style\.json": PUBLIC,
    r"/auth/(token|introspect|revoke)": AUTHORIZATION,
    r"/fhir(/.*)?": FHIR,
}
"""The first that matches the path below the issuer; a path that none matches is for the EHR's own pages."""


class Cors:
    """ASGI middleware of one EHR; answers preflights itself."""

    def __init__(self, app: ASGIApp, *, database: Database) -> None:
        self._app, self._database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        rule = rule_of(scope["path"].removeprefix(scope.get("root_path", ""))) if origins else None
        if rule is None:
            return await self._app(scope, receive, send)
        allowed = await self._allowed(rule, origins)
        if scope["method"] == "OPTIONS":
            return await _preflight(rule, allowed)(scope, receive, send)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), rule, allowed)
            await send(message)

        def mark(headers: MutableHeaders) -> None:
            _mark(headers, rule, allowed)

        return await self._app({**scope, MARK: mark}, receive, tell)

    async def _allowed(self, rule: Rule, origins: list[str]) -> str | None:
        """What to say in ``Access-Control-Allow-Origin``, or None."""
        if rule.public:
            return "*"
        origin = origins[0]
        if len(origins) != 1 or len(origin) > LONGEST or not origin.startswith(("https://", "http://")):
            return None
        known = await self._database.run(lambda connection, now: registers_origin(connection, now, origin))
        return origin if known else None


def rule_of(path: str) -> Rule | None:
    """The rule for a path below the issuer."""
    return next((rule for pattern, rule in RULES.items() if re.fullmatch(pattern, path)), None)


def _preflight(rule: Rule, allowed: str | None) -> Response:
    """204 that allows what the rule allows; 403 that allows nothing for an origin that nobody registered."""
    response = Response(status_code=204 if allowed else 403, headers={"cache-control": "no-store"})
    _mark(response.headers, rule, allowed)
    if allowed:
        response.headers["access-control-allow-methods"] = rule.methods
        response.headers["access-control-allow-headers"] = rule.headers
        response.headers["access-control-max-age"] = KEEP
    return response


def _mark(headers: MutableHeaders, rule: Rule, allowed: str | None) -> None:
    if not rule.public:
        headers.add_vary_header("origin")
    if allowed:
        headers["access-control-allow-origin"] = allowed
        if rule.exposed:
            headers["access-control-expose-headers"] = rule.exposed
