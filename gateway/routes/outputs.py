"""Edge: ``/api``: outputs come in by key, are shown by key or session, and are decided by people (product.md §6)."""

import re
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import apikeys, bodies, decisions, intake, sessions
from gateway.app import Gateway
from gateway.database import DatabaseFailed, DatabaseFull
from gateway.routes.pages import session_of
from monitoring import journal
from r4 import codec
from r4.outcome import Issue, outcome
from vocabulary.alert import Alert
from vocabulary.instant import format_instant
from writeback import outputs

BODY_LIMIT = 1024 * 1024
JSON = "application/json"
FHIR = "application/fhir+json"
RETRY_AFTER = {"retry-after": "5"}
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")

CODES = {401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-long", 415: "not-supported",
         422: "value", 503: "transient"}  # fmt: skip
"""FHIR issue type of each status."""


class Refusal(Exception):
    """The request ends here, with this answer."""

    def __init__(self, status: int, *issues: Issue) -> None:
        super().__init__(status)
        self.status, self.issues = status, issues


def refused(status: int, text: str, element: str = "") -> Refusal:
    """A Refusal with one issue."""
    return Refusal(status, Issue(CODES[status], text, element))


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses. Errors are OperationOutcomes."""
    api = APIRouter(prefix="/api")
    body = {"content": {JSON: {"schema": bodies.OutputBody.model_json_schema()}}, "required": True}
    reason = {"content": {JSON: {"schema": bodies.ReasonBody.model_json_schema()}}, "required": True}

    @api.post("/outputs", status_code=202, openapi_extra={"requestBody": body})
    async def submit(request: Request) -> Response:
        return await _told(_submit(gateway, request))

    @api.get("/outputs")
    async def listed(request: Request) -> Response:
        return await _told(_list(gateway, request))

    @api.get("/outputs/{id}")
    async def show(request: Request) -> Response:
        return await _told(_show(gateway, request))

    @api.post("/outputs/{id}/confirm", openapi_extra={"requestBody": reason})
    async def confirm(request: Request) -> Response:
        return await _told(_decide(gateway, request, "confirm"))

    @api.post("/outputs/{id}/reject", openapi_extra={"requestBody": reason})
    async def reject(request: Request) -> Response:
        return await _told(_decide(gateway, request, "reject"))

    @api.get("/alerts")
    async def alerts(request: Request) -> Response:
        return await _told(_alerts(gateway, request))

    return api


def submission(gateway: Gateway) -> Route:
    """``POST /api/outputs`` for the front of the table: the one address that thousands of requests a second go to
    takes no detour. ``router`` has it too, for the OpenAPI document."""

    async def submit(request: Request) -> Response:
        return await _told(_submit(gateway, request))

    return Route("/api/outputs", submit, methods=["POST"])


async def _told(answering: Any) -> Response:
    """The answer, or the refusal as an OperationOutcome."""
    try:
        response: Response = await answering
    except Refusal as refusal:
        headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else {}
        headers |= RETRY_AFTER if refusal.status == 503 else {}
        content = codec.format(outcome(refusal.issues))
        return Response(content, refusal.status, headers, media_type=FHIR)
    except DatabaseFailed as failure:
        status = 507 if isinstance(failure, DatabaseFull) else 500
        text = "Nothing could be stored, and nothing of this was kept. Send it again later."
        return Response(codec.format(outcome([Issue("no-store", text)])), status, media_type=FHIR)
    return response


def _json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
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


async def _submit(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key as bearer", "Authorization")
    names = request.headers.getlist("idempotency-key")
    if len(names) > 1 or (names and _IDEMPOTENCY_KEY.fullmatch(names[0]) is None):
        raise refused(422, "must be one word of at most 255 printable characters", "Idempotency-Key")
    document = await read_json(request)
    output = bodies.read_output(document)
    if isinstance(output, list):
        known = await gateway.run(lambda connection, now: apikeys.find_key(connection, now, presented))
        if known is None or "outputs.write" not in known.scopes:
            raise refused(401 if known is None else 403, "is not a key that may submit outputs", "Authorization")
        raise Refusal(422, *output)
    taken = await intake.take(gateway, output, presented=presented, idempotency_key=names[0] if names else None)
    if isinstance(taken, intake.Turned):
        raise Refusal(taken.status, taken.issue)
    status = 422 if taken.shown["state"] == "refused" else 202 if taken.new else 200
    headers = {"location": f"/api/outputs/{taken.shown['id']}"}
    if status == 422:
        refusal = taken.shown["refusal"] or {}
        issue = Issue(
            "business-rule",
            refusal.get("text", "refused by the gate"),
            refusal.get("element", ""),
            refusal.get("reason", ""),
        )
        return Response(codec.format(outcome([issue])), 422, headers, media_type=FHIR)
    return _json(taken.shown, status=status, headers=headers)


async def _show(gateway: Gateway, request: Request) -> Response:
    id, presented = request.path_params["id"], bearer(request)
    shown = await gateway.run(lambda connection, now: outputs.show_output(connection, now, id))
    if presented is not None:
        key = await _key(gateway, presented, "outputs.read")
        seen = shown is not None and apikeys.allows(key, "outputs.read", ehr=shown["ehr"], model=shown["model"])
    else:
        session = await session_of(gateway, request)
        if session is None:
            raise refused(401, "needs an API key as bearer, or a session", "Authorization")
        bare = "" if shown is None else shown["patient"].removeprefix("Patient/")
        seen = shown is not None and sessions.sees(ehr=shown["ehr"], patient=bare)(session) is not None
    if not seen:
        raise refused(404, "no output has this id", "id")
    return _json(shown)


async def _list(gateway: Gateway, request: Request) -> Response:
    """The newest outputs that the caller may see."""
    presented = bearer(request)
    found = await gateway.run(lambda connection, now: outputs.list_outputs(connection, now, limit=200))
    if presented is not None:
        key = await _key(gateway, presented, "outputs.read")
        seen = [each for each in found if apikeys.allows(key, "outputs.read", ehr=each["ehr"], model=each["model"])]
    else:
        session = await session_of(gateway, request)
        if session is None:
            raise refused(401, "needs an API key as bearer, or a session", "Authorization")
        seen = [
            each
            for each in found
            if sessions.sees(ehr=each["ehr"], patient=each["patient"].removeprefix("Patient/"))(session)
        ]
    return _json({"outputs": seen})


async def _key(gateway: Gateway, presented: str, scope: apikeys.Scope) -> apikeys.ApiKey:
    """The key, when it has the scope anywhere. Raises Refusal 401 or 403."""
    key = await gateway.run(lambda connection, now: apikeys.find_key(connection, now, presented))
    if key is None:
        raise refused(401, "is not a key in force", "Authorization")
    if scope not in key.scopes:
        raise refused(403, f"the key lacks the scope {scope}", "Authorization")
    return key


async def _decide(gateway: Gateway, request: Request, decision: str) -> Response:
    session = await session_of(gateway, request)
    if bearer(request) is not None and session is None:
        raise refused(403, "no key decides: this is for people, in a session", "Authorization")
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        raise refused(403, "must be this site's own", "Origin")
    document = await read_json(request)
    try:
        body = bodies.ReasonBody.model_validate(document)
    except ValidationError as wrong:
        raise Refusal(422, *bodies.issues_of(wrong)) from wrong
    made = await decisions.decide(gateway, session, id=request.path_params["id"], decision=decision, reason=body.reason)
    if made.refusal is not None:
        raise refused(made.status, made.refusal, made.element)
    return _json(made.output)


async def _alerts(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    key = await _key(gateway, presented, "monitors.read") if presented is not None else None
    if presented is None and sessions.require("engineer", "informatics")(await session_of(gateway, request)) is None:
        raise refused(401, "needs a key with monitors.read, or a session", "Authorization")
    found = await gateway.run(journal.find_alerts)
    shown = [
        _alert(each)
        for each in found
        if key is None or apikeys.allows(key, "monitors.read", ehr=each.ehr, model=each.model)
    ]
    return _json({"alerts": shown})


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id, "monitor": alert.monitor, "model": alert.model, "version": alert.version, "ehr": alert.ehr,
        "severity": alert.severity, "owners": list(alert.owners), "state": alert.state,
        "since": format_instant(alert.since),
    }  # fmt: skip
