"""Edge: the authorization server of one sandbox EHR over HTTP: discovery, authorize, token, introspect, revoke, register."""

from collections.abc import Awaitable, Callable
from functools import partial
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth import assertions, discovery, scopes
from auth.assertions import Assertion
from auth.errors import OAuthError
from auth.server import authentication, grants, token
from auth.server.authentication import Presented
from auth.server.authorize import Server, authorize, once
from auth.server.clients import Client, find_client, list_clients
from auth.server.grants import Grant
from gateway.accesses import caller_of
from gateway.client_keys import ClientKeys
from gateway.ehr import SandboxEhr
from gateway.pages import HEADERS, render
from r4 import codec

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"
BODY_LIMIT = 256 * 1024
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
PAGE_HEADERS = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
ANY_ORIGIN = {"access-control-allow-origin": "*"}
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(ehr: SandboxEhr, keys: ClientKeys) -> list[Route]:
    """Everything below the issuer that is neither FHIR data nor the launcher."""

    def bound(endpoint: Callable[[SandboxEhr, ClientKeys, Request], Awaitable[Response]]) -> Endpoint:
        async def handle(request: Request) -> Response:
            return await endpoint(ehr, keys, request)

        return handle

    return [
        Route("/fhir/.well-known/smart-configuration", _document(discovery.document(ehr.base))),
        Route("/.well-known/openid-configuration", _document(discovery.openid_document(ehr.base))),
        Route("/auth/jwks", _document(ehr.keys.jwks("RS256"))),
        Route("/auth/authorize", bound(_authorize), methods=["GET", "POST"]),
        Route("/auth/token", told(bound(_token)), methods=["POST", "OPTIONS"]),
        Route("/auth/introspect", told(bound(_introspect)), methods=["POST"]),
        Route("/auth/revoke", told(bound(_revoke)), methods=["POST"]),
    ]


def server_of(ehr: SandboxEhr) -> Server:
    """The EHR as its authorization server knows it."""
    return Server(issuer=ehr.base, fhir=ehr.fhir, new_id=ehr.new_id, new_secret=ehr.new_secret)


def told(endpoint: Endpoint) -> Endpoint:
    """The endpoint with OAuth errors as JSON; a browser page of a registered origin may read its answer."""

    async def handle(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as refused:
            return failure(refused)
        except ClientDisconnect:
            return Response(status_code=400)

    return handle


def failure(refused: OAuthError) -> Response:
    """RFC 6749 §5.2."""
    headers = {**NO_STORE, "www-authenticate": 'Basic realm="token"'} if refused.status == 401 else dict(NO_STORE)
    body = {"error": refused.code, "error_description": refused.text}
    return JSONResponse(body, status_code=refused.status, headers=headers)


def _document(body: dict[str, Any]) -> Endpoint:
    """A public JSON document, whatever the Accept header says, for pages of any origin."""

    async def handle(request: Request) -> Response:
        return JSONResponse(body, headers={**ANY_ORIGIN, "cache-control": "max-age=60"})

    return handle


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


async def _authorize(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    try:
        if request.method == "POST":
            parameters = await read_form(request)
        else:
            parameters = once(parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=64, errors="strict"))
        server = server_of(ehr)
        work = partial(authorize, parameters=parameters, server=server)
        answer = await ehr.database.run(ehr.audit.code(work, caller_of(request.scope)))
    except OAuthError as refused:
        return _page(ehr, refused.text, refused.status)
    except ValueError:
        return _page(ehr, "the request is not readable", 400)
    return RedirectResponse(answer.url, status_code=303, headers=PAGE_HEADERS)


def _page(ehr: SandboxEhr, text: str, status: int) -> Response:
    page = render(
        "ehr_message.html", ehr=ehr.name, base=ehr.base, style=f"{ehr.base}/style.css", person=None,
        title="This authorization request was refused", text=f"{text[:1].upper()}{text[1:]}.",
        advice="Launch the app again from the EHR; if that does not help, tell its developer what stands above.",
    )  # fmt: skip
    return HTMLResponse(page, status_code=status, headers=HEADERS)


async def authenticate(
    ehr: SandboxEhr, keys: ClientKeys, parameters: dict[str, str], authorization: list[str]
) -> tuple[Client, Assertion | None]:
    """The client behind a request, and its assertion whose ``jti`` the caller takes in its own transaction."""
    presented = authentication.read(parameters, authorization)
    found = await ehr.database.run(lambda connection, now: find_client(connection, now, presented.client_id))
    if found is None:
        raise authentication.refused("the client is unknown")
    client, secret_hash = found
    if presented.method != "private_key_jwt" or client.method != "private_key_jwt":
        authentication.check_secret(presented, client, secret_hash)
        return client, None
    return client, await _assertion(ehr, keys, presented, client)


async def _assertion(ehr: SandboxEhr, keys: ClientKeys, presented: Presented, client: Client) -> Assertion:
    key_set = await keys.find(client, kid=assertions.key_id(presented.assertion or ""))
    return authentication.check_assertion(
        presented, client, key_set, audience=f"{ehr.base}/auth/token", now=ehr.clock()
    )


def take(connection: Connection, now: float, client: Client, assertion: Assertion | None) -> None:
    """Uses the assertion's ``jti`` up. Raises OAuthError when it was used before."""
    if assertion is not None and not grants.take_assertion(
        connection, now, client_id=client.id, jti=assertion.jti, expires=assertion.expires
    ):
        raise authentication.refused("client_assertion was used before: jti must be fresh")


async def _token(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    if request.method == "OPTIONS":
        return await _preflight(ehr, request)
    parameters = await read_form(request)
    client, assertion = await authenticate(ehr, keys, parameters, request.headers.getlist("authorization"))
    grant_type = parameters.get("grant_type", "")
    if grant_type not in ("authorization_code", "refresh_token", "client_credentials"):
        raise OAuthError(
            "unsupported_grant_type", "grant_type must be authorization_code, refresh_token or client_credentials"
        )
    if grant_type not in client.grant_types and not (
        grant_type == "refresh_token" and "authorization_code" in client.grant_types
    ):
        raise OAuthError("unauthorized_client", "the client is not registered for this grant_type")
    server = server_of(ehr)

    def work(connection: Connection, now: float) -> dict[str, Any] | OAuthError:
        take(connection, now, client, assertion)
        if grant_type == "authorization_code":
            return token.exchange_code(
                connection, now, parameters=parameters, client=client, server=server, keys=ehr.keys
            )
        step = token.refresh if grant_type == "refresh_token" else token.client_credentials
        return step(connection, now, parameters=parameters, client=client, server=server)

    answer = await ehr.database.run(ehr.audit.token(work, grant_type, caller_of(request.scope)))
    response = failure(answer) if isinstance(answer, OAuthError) else JSONResponse(answer, headers=NO_STORE)
    _allow_origin(response, client, request)
    return response


def _allow_origin(response: Response, client: Client, request: Request) -> None:
    """A page of an origin that the client registered may read the answer."""
    origin = request.headers.get("origin")
    if origin is not None and any(uri.startswith(f"{origin}/") for uri in client.redirect_uris):
        response.headers["access-control-allow-origin"] = origin
        response.headers["vary"] = "origin"


async def _preflight(ehr: SandboxEhr, request: Request) -> Response:
    """A preflight names no client: any registered origin may ask."""
    origin = request.headers.get("origin", "")
    known = await ehr.database.run(list_clients)
    headers = dict(NO_STORE)
    if origin and any(uri.startswith(f"{origin}/") for client in known for uri in client.redirect_uris):
        headers |= {
            "access-control-allow-origin": origin, "access-control-allow-methods": "POST",
            "access-control-allow-headers": "authorization, content-type", "vary": "origin",
        }  # fmt: skip
    return Response(status_code=204, headers=headers)


async def _introspect(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    """RFC 7662; a client about any token of its own, a bearer about its own grant's."""
    parameters = await read_form(request)
    asker = await _asker(ehr, keys, parameters, request)
    work = partial(grants.find_grant, access_token=parameters.get("token", ""))
    found = await ehr.database.run(ehr.audit.asked(work, asker, caller_of(request.scope)))
    if found is None or asker not in (found.client_id, found.id):
        return JSONResponse({"active": False}, headers=NO_STORE)
    return JSONResponse(_introspected(ehr, found), headers=NO_STORE)


async def _asker(ehr: SandboxEhr, keys: ClientKeys, parameters: dict[str, str], request: Request) -> str:
    """The client id of an authenticated client, or the grant id of a bearer."""
    header = request.headers.getlist("authorization")
    if len(header) == 1 and header[0].lower().startswith("bearer "):
        grant = await ehr.database.run(lambda c, now: grants.find_grant(c, now, header[0][7:].strip()))
        if grant is None:
            raise OAuthError("invalid_token", "the bearer is not in force", status=401)
        return grant.id
    client, assertion = await authenticate(ehr, keys, parameters, header)
    if client.public:
        raise authentication.refused("a public client proves nothing: authenticate, or send a bearer")
    await ehr.database.run(lambda c, now: take(c, now, client, assertion))
    return client.id


def _introspected(ehr: SandboxEhr, grant: Grant) -> dict[str, Any]:
    said: dict[str, Any] = {
        "active": True, "scope": scopes.format(grant.scopes), "client_id": grant.client_id, "exp": int(grant.expires),
        "iss": ehr.base, "token_type": "Bearer",
    }  # fmt: skip
    if grant.user is not None:
        said["fhirUser"] = f"{ehr.fhir}/{grant.user}"
    return said | token.context_members(grant.context)


async def _revoke(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    """RFC 7009: 200 whatever the token was."""
    parameters = await read_form(request)
    client, assertion = await authenticate(ehr, keys, parameters, request.headers.getlist("authorization"))

    def work(connection: Connection, now: float) -> None:
        take(connection, now, client, assertion)
        ehr.audit.ended(connection, now, parameters.get("token", ""), client.id, caller_of(request.scope))
        grants.revoke_token(connection, now, token=parameters.get("token", ""), client_id=client.id)

    await ehr.database.run(work)
    return Response(status_code=200, headers=NO_STORE)


def operator(ehr: SandboxEhr, request: Request) -> None:
    """Where the EHR is not a sandbox of our own, its operator alone registers and launches. Raises OAuthError."""
    said = request.headers.getlist("authorization")
    if ehr.operator_secret is None:
        return
    if len(said) != 1 or not compare_digest(said[0].encode(), f"Bearer {ehr.operator_secret}".encode()):
        raise OAuthError(
            "invalid_token", "the operator's secret, from the installation, is wanted as bearer", status=401
        )


async def read_json(request: Request) -> Any:
    """A JSON body. Raises OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise OAuthError("invalid_request", "the body must be application/json")
    try:
        return codec.parse(await read_body(request), max_depth=16)
    except codec.CodecError as wrong:
        raise OAuthError("invalid_request", wrong.issue.text) from wrong
