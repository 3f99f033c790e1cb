"""Edge: watches the authorization server's answers and records every refusal, whoever refused and why.

Successes are recorded by the work that makes them. A refusal has no transaction of its own, or one that was rolled back, so
it is recorded here, in a second one, before it is told. An ASGI layer, so that no route can forget it.
"""

import json
import logging
import re
from base64 import b64decode
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.server.clients import find_client
from gateway.face.accesses import caller_of
from gateway.sandbox_ehrs.ehr import SandboxEhr

logger = logging.getLogger("chartgate.audit")

PATHS: Mapping[str, str] = {
    "/auth/authorize": "code", "/auth/token": "token", "/auth/introspect": "introspect", "/auth/revoke": "revoke",
    "/auth/register": "register", "/auth/manage": "revoke", "/launch": "launch",
}  # fmt: skip
"""What a refused request below the issuer tried; any other page of the authorization server is part of signing in."""
SEEN_LIMIT = 16 * 1024
"""Bytes of a request body that are looked at for the client's id."""
ERROR = re.compile(r"[a-z_]{1,64}")


class Watch:
    """ASGI middleware of one EHR."""

    def __init__(self, app: ASGIApp, *, ehr: SandboxEhr) -> None:
        self._app, self._ehr = app, ehr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        what = _tried(scope)
        if what is None:
            return await self._app(scope, receive, send)
        body, started = bytearray(), list[Message]()

        async def hear() -> Message:
            message = await receive()
            if len(body) < SEEN_LIMIT:
                body.extend(message.get("body", b"")[:SEEN_LIMIT])
            return message

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and _refuses(message):
                started.append(message)
                return
            if started:
                start = started.pop()
                await self._record(what, scope, bytes(body), start, message.get("body", b""))
                await send(start)
            await send(message)

        return await self._app(scope, hear, tell)

    async def _record(self, what: str, scope: Scope, body: bytes, start: Message, answer: bytes) -> None:
        """A refusal that cannot be recorded is told all the same: it opens nothing."""
        claimed, reason, status = _claimed(scope, body), _reason(start, answer), int(start["status"])

        def work(connection: Connection, now: float) -> None:
            known = claimed is not None and find_client(connection, now, claimed) is not None
            self._ehr.audit.record(
                connection, now, what, caller=caller_of(scope), status=max(status, 400), reason=reason,
                client=claimed if known else None,
            )  # fmt: skip

        try:
            await self._ehr.database.run(work)
        except Exception as failure:
            logger.error("a refusal of the authorization server is not recorded: %s", type(failure).__name__)


def _tried(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] in ("OPTIONS", "HEAD"):
        return None
    below = scope["path"].removeprefix(scope.get("root_path", ""))
    if below.startswith("/fhir"):
        return None
    for path, what in PATHS.items():
        if below == path or below.startswith(f"{path}/"):
            return "unregister" if what == "register" and scope["method"] == "DELETE" else what
    return "sign-in" if below.startswith("/auth/") and below != "/auth/jwks" else None


def _refuses(start: MutableMapping[str, Any]) -> bool:
    return start["status"] >= 400 or _location_error(start) is not None


def _location_error(start: MutableMapping[str, Any]) -> str | None:
    """The error that a redirect back to the app carries (RFC 6749 §4.1.2.1)."""
    for name, value in start.get("headers", ()) if 300 <= start["status"] < 400 else ():
        if name.lower() == b"location":
            return dict(parse_qsl(urlsplit(value.decode("latin-1")).query)).get("error")
    return None


def _reason(start: Message, answer: bytes) -> str | None:
    """The OAuth error code of the answer."""
    said = _location_error(start)
    if said is None and answer.startswith(b"{"):
        try:
            said = json.loads(answer).get("error")  # our own answer
        except ValueError:
            said = None
    return said if isinstance(said, str) and ERROR.fullmatch(said) else None


def _claimed(scope: Scope, body: bytes) -> str | None:
    """The client id that the request names, proven or not; the caller keeps it only if such a client is registered."""
    headers = dict(scope["headers"])
    kind, _, basic = headers.get(b"authorization", b"").partition(b" ")
    try:
        if kind.lower() == b"basic":
            return b64decode(basic, validate=True).decode().partition(":")[0]
        if headers.get(b"content-type", b"").startswith(b"application/json"):
            said = json.loads(body.decode())  # not FHIR: a launch or a registration
            named = said.get("client_id") if isinstance(said, dict) else None
        else:
            query = scope["query_string"] if scope["method"] == "GET" else body
            form = dict(parse_qsl(query.decode(), max_num_fields=64))
            named = form.get("client_id") or _issuer(form.get("client_assertion", ""))
    except (ValueError, RecursionError):
        return None
    return named if isinstance(named, str) and named.isprintable() and 0 < len(named) <= 128 else None


def _issuer(assertion: str) -> str | None:
    """Who a client assertion says it is from; unproven."""
    parts = assertion.split(".")
    if len(parts) != 3:
        return None
    padded = parts[1].replace("-", "+").replace("_", "/") + "=" * (-len(parts[1]) % 4)
    said = json.loads(b64decode(padded))
    return said.get("iss") if isinstance(said, dict) else None
