"""Edge: what the endpoints of the authorization server share: bodies read within limits, OAuth errors told as JSON."""

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from auth.errors import OAuthError
from auth.server.authorize import Server, once
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.failures import DatabaseFailed, DatabaseFull
from r4 import codec

FORM = "application/x-www-form-urlencoded"
BODY_LIMIT = 256 * 1024
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
Endpoint = Callable[[Request], Awaitable[Response]]


def server_of(ehr: SandboxEhr) -> Server:
    """The EHR as its authorization server knows it."""
    return Server(issuer=ehr.base, fhir=ehr.fhir, new_id=ehr.new_id, new_secret=ehr.new_secret, faults=ehr.faults.auth)


def told(endpoint: Endpoint) -> Endpoint:
    """The endpoint with OAuth errors as JSON."""

    async def handle(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as refused:
            return failure(refused)
        except DatabaseFailed as failed:
            status = 507 if isinstance(failed, DatabaseFull) else 500
            return failure(OAuthError("server_error", "nothing could be stored: try again later", status=status))
        except ClientDisconnect:
            return Response(status_code=400)

    return handle


def failure(refused: OAuthError) -> Response:
    """RFC 6749 §5.2; a 401 says which kind of credential was wrong (RFC 6750 §3)."""
    headers = dict(NO_STORE)
    if refused.status == 401:
        wrong_bearer = refused.code == "invalid_token"
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if wrong_bearer else 'Basic realm="token"'
    body = {"error": refused.code, "error_description": refused.text}
    return JSONResponse(body, status_code=refused.status, headers=headers)


async def read_form(request: Request, *, fields: int = 64) -> dict[str, str]:
    """A form body, each parameter once. Raises OAuthError: anything else than a UTF-8 form is refused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"the body must be {FORM}")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=fields, errors="strict")
    except (UnicodeDecodeError, ValueError) as wrong:
        raise OAuthError("invalid_request", "the body must be a form in UTF-8") from wrong
    # An assertion is longer than any other parameter.
    long = [value for name, value in pairs if name == "client_assertion"]
    if len(long) == 1:
        pairs = [(name, value) for name, value in pairs if name != "client_assertion"]
        return {**once(pairs), "client_assertion": long[0]}
    return once(pairs)


async def read_body(request: Request) -> bytes:
    """The body, up to the limit. Raises OAuthError."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise OAuthError("invalid_request", "the body is too long", status=413)
    return bytes(body)


async def read_json(request: Request) -> Any:
    """A JSON body. Raises OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise OAuthError("invalid_request", "the body must be application/json")
    try:
        return codec.parse(await read_body(request), max_depth=16)
    except codec.CodecError as wrong:
        raise OAuthError("invalid_request", wrong.issue.text) from wrong


def bearer(request: Request) -> str | None:
    """The one bearer token of a request, or None."""
    said = request.headers.getlist("authorization")
    return said[0][7:].strip() if len(said) == 1 and said[0].lower().startswith("bearer ") else None


def operator(ehr: SandboxEhr, request: Request) -> None:
    """Where the EHR is not a sandbox of our own, its operator alone registers and launches. Raises OAuthError."""
    said = request.headers.getlist("authorization")
    if ehr.operator_secret is None:
        return
    if len(said) != 1 or not compare_digest(said[0].encode(), f"Bearer {ehr.operator_secret}".encode()):
        raise OAuthError(
            "invalid_token", "the operator's secret, from the installation, is wanted as bearer", status=401
        )
