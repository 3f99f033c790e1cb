"""Edge: the FHIR base of a sandbox EHR over HTTP: bytes in, an interaction, its answer, bytes out."""

import re
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway import app_state, serving
from gateway.accesses import caller_of
from gateway.ehr import SandboxEhr
from r4 import codec
from r4.criteria import check
from r4.interaction import Answer, InteractionError, parse
from r4.outcome import Issue, outcome
from sandbox import capabilities
from vocabulary.instant import format_instant

BODY_LIMIT = 5 * 1024 * 1024
JSON = "application/fhir+json"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,4096})")


def routes(ehr: SandboxEhr) -> list[Route]:
    """Everything below ``/fhir``."""
    return [Route("/fhir", _Endpoint(ehr)), Route("/fhir/{path:path}", _Endpoint(ehr))]


class _Endpoint:
    """An ASGI application: no method list of the router's own, so that every refusal is an OperationOutcome."""

    def __init__(self, ehr: SandboxEhr) -> None:
        self._ehr = ehr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await _respond(self._ehr, request)
        except InteractionError as wrong:
            self._ehr.audit.refused(wrong.status, wrong.issue.code, caller_of(scope))
            response = _refused(wrong.status, wrong.issue)
        except ClientDisconnect:
            return
        await response(scope, receive, send)


async def _respond(ehr: SandboxEhr, request: Request) -> Response:
    method = request.method
    if method not in METHODS:
        raise InteractionError(405, Issue("not-supported", "this method is not served here"))
    raw = request.scope["raw_path"].split(b"?")[0].decode("latin-1")
    path = raw.partition("/fhir")[2].removeprefix("/")
    query = request.scope["query_string"].decode("latin-1")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
    if "access_token" in request.query_params:
        raise InteractionError(400, Issue("security", "a token never stands in an address", "access_token"))
    token = _token(headers)
    if token is None and not (method in ("GET", "HEAD") and path == "metadata"):
        ehr.audit.refused(401, "login", caller_of(request.scope))
        return _unauthorized("")
    body = await _read(request)
    interaction = parse("GET" if method == "HEAD" else method, path, query, headers, body)
    if interaction.action == "capabilities":
        return await _metadata(ehr)
    check(interaction)
    caller = caller_of(request.scope)
    answer = None
    if interaction.type == "Basic":
        answer = await app_state.serve(ehr, interaction, token or "", size=len(body), caller=caller)
    answer = answer or await serving.serve(ehr, interaction, token or "", caller)
    return _unauthorized("invalid_token") if answer is None else encoded(answer)


async def _metadata(ehr: SandboxEhr) -> Response:
    return encoded(Answer(status=200, resource=capabilities.statement(base=ehr.fhir, date=format_instant(ehr.clock()))))


def _token(headers: list[tuple[str, str]]) -> str | None:
    said = [value for name, value in headers if name == "authorization"]
    match = _BEARER.fullmatch(said[0]) if len(said) == 1 else None
    return match[1] if match else None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise InteractionError(413, Issue("too-long", f"a body has at most {BODY_LIMIT} bytes"))
    return bytes(body)


def encoded(answer: Answer) -> Response:
    """An Answer as a response."""
    content = answer.encoded
    if content is None:
        content = b"" if answer.resource is None else codec.format(answer.resource)
    headers: Mapping[str, str] = {"cache-control": "no-store", **answer.headers}
    return Response(content, answer.status, dict(headers), media_type=JSON if content else None)


def _refused(status: int, issue: Issue) -> Response:
    return Response(codec.format(outcome([issue])), status, {"cache-control": "no-store"}, media_type=JSON)


def _unauthorized(error: str) -> Response:
    response = _refused(401, Issue("login", "An access token of this EHR is needed, as bearer.", "Authorization"))
    response.headers["www-authenticate"] = f'Bearer error="{error}"' if error else "Bearer"
    return response
