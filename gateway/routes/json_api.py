"""What every JSON address shares: bearer and body read strictly, refusals as OperationOutcomes, roles and scopes."""

import re
from collections.abc import Awaitable, Sequence
from math import ceil
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import body_issues
from gateway.people import apikeys, sessions
from gateway.routes.pages import session_of
from gateway.storage.failures import DatabaseAway, DatabaseFailed, DatabaseFull
from r4 import codec
from r4.outcome import Issue, outcome

Body = TypeVar("Body", bound=BaseModel)
BODY_LIMIT = 1024 * 1024
JSON = "application/json"
FHIR = "application/fhir+json"
RETRY_AFTER = {"retry-after": "5"}
LONGEST_WISH = 3600.0
"""Seconds: an EHR's ``Retry-After`` is handed on up to here."""
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")

CODES = {401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-long", 415: "not-supported",
         422: "value", 503: "transient"}  # fmt: skip
"""FHIR issue type of each status."""


class Refusal(Exception):
    """The request ends here, with this answer; ``wait`` are the seconds that an EHR wants to be left in peace."""

    def __init__(self, status: int, *issues: Issue, wait: float | None = None) -> None:
        super().__init__(status)
        self.status, self.issues, self.wait = status, issues, wait


def refused(status: int, text: str, element: str = "") -> Refusal:
    """A Refusal with one issue."""
    return Refusal(status, Issue(CODES[status], text, element))


async def told(answering: Awaitable[Response]) -> Response:
    """The answer, or the refusal as an OperationOutcome."""
    try:
        return await answering
    except Refusal as refusal:
        headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else {}
        headers |= _later(refusal.wait) if refusal.status == 503 else {}
        content = codec.format(outcome(refusal.issues))
        return Response(content, refusal.status, headers, media_type=FHIR)
    except DatabaseAway:
        text = "The database does not answer. Send the same again."
        return Response(codec.format(outcome([Issue("transient", text)])), 503, RETRY_AFTER, media_type=FHIR)
    except DatabaseFailed as failure:
        status = 507 if isinstance(failure, DatabaseFull) else 500
        text = "Nothing could be stored, and nothing of this was kept. Send it again later."
        return Response(codec.format(outcome([Issue("no-store", text)])), status, media_type=FHIR)


def _later(wait: float | None) -> dict[str, str]:
    return RETRY_AFTER if wait is None else {"retry-after": str(ceil(min(max(wait, 1.0), LONGEST_WISH)))}


def as_json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The value as a body that nobody keeps."""
    return Response(codec.format(value), status, {"cache-control": "no-store", **(headers or {})}, media_type=JSON)


def bearer(request: Request) -> str | None:
    """The key that came with the request."""
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return match[1] if match else None


async def read_json(request: Request, *, limit: int = BODY_LIMIT) -> Any:
    """The parsed body, at most ``limit`` bytes. Raises Refusal: 413, 415, or 422 for what is not JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise refused(415, f"must be {JSON}", "Content-Type")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise refused(415, "must not be compressed", "Content-Encoding")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise refused(413, f"must have at most {limit} bytes", "body")
    try:
        return codec.parse(bytes(data))
    except codec.CodecError as wrong:
        raise Refusal(422, Issue("structure", wrong.issue.text, wrong.issue.element or "body", "json")) from wrong


async def read_body(request: Request, model: type[Body]) -> Body:
    """The body as the boundary model. Raises Refusal."""
    document = await read_json(request)
    try:
        return model.model_validate(document)
    except ValidationError as wrong:
        raise Refusal(422, *body_issues.issues_of(wrong)) from wrong


async def key_of(gateway: Gateway, presented: str, *scopes: apikeys.Scope) -> apikeys.ApiKey:
    """The key, when it has one of the scopes anywhere. Raises Refusal 401 or 403."""
    key = await gateway.run(lambda connection, now: apikeys.find_key(connection, now, presented))
    if key is None:
        raise refused(401, "is not a key in force", "Authorization")
    if not set(scopes) & key.scopes:
        raise refused(403, f"the key lacks the scope {' or '.join(scopes)}", "Authorization")
    return key


Caller = apikeys.ApiKey | sessions.Session


async def caller_of(
    gateway: Gateway, request: Request, *scopes: apikeys.Scope, roles: Sequence[sessions.Role] = ()
) -> Caller:
    """Who asks: a key with one of the scopes, or a session with one of the roles (any when none is named).
    Raises Refusal 401 or 403."""
    presented = bearer(request)
    if presented is not None:
        return await key_of(gateway, presented, *scopes)
    session = await session_of(gateway, request)
    if session is None:
        raise refused(401, "needs an API key as bearer, or a session", "Authorization")
    if sessions.require(*roles)(session) is None:
        raise refused(403, f"is for people with the role {' or '.join(roles)}", "Authorization")
    return session


def allowed(
    caller: Caller, scope: apikeys.Scope, *, ehr: str | None, model: str | None, roles: Sequence[sessions.Role]
) -> bool:  # fmt: skip
    """Whether a key, or a person with one of the roles, is bound to nothing else than this EHR and model."""
    if isinstance(caller, apikeys.ApiKey):
        return apikeys.allows(caller, scope, ehr=ehr, model=model)
    return sessions.require(*roles, ehr=ehr)(caller) is not None


def bounds_of(caller: Caller, roles: Sequence[sessions.Role]) -> tuple[frozenset[str], frozenset[str]]:
    """The EHRs and the models whose rows a caller lists, a person by one of the roles; empty sets mean all."""
    if isinstance(caller, apikeys.ApiKey):
        return caller.ehrs, caller.models
    return sessions.bounds(caller, *roles), frozenset()


def own_page(gateway: Gateway, request: Request, caller: Caller) -> None:
    """A person's change comes from a page of this site. Raises Refusal 403."""
    if isinstance(caller, sessions.Session) and not sessions.same_origin(request.headers, base_url=gateway.base_url):
        raise refused(403, "must be this site's own", "Origin")
