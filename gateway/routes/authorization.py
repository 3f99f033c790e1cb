"""Edge: the authorization server of one sandbox EHR over HTTP: authorize and token, with what stands beside them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server import token
from auth.server.authorize import authorize, given, once
from gateway.face.accesses import caller_of
from gateway.pages import HEADERS, render, sentence
from gateway.routes import discovery, introspection
from gateway.routes.authenticating import authenticate, identified, take
from gateway.routes.forms import NO_STORE, Endpoint, failure, read_form, server_of, told
from gateway.sandbox_ehrs.client_keys import ClientKeys
from gateway.sandbox_ehrs.ehr import SandboxEhr

PAGE_HEADERS = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


NEEDS = {"authorization_code": ("code",), "refresh_token": ("refresh_token",)}
"""The parameter without which a grant type asks for nothing (RFC 6749 §4.1.3, §6)."""


def routes(ehr: SandboxEhr, keys: ClientKeys) -> list[Route]:
    """Everything below the issuer that is neither FHIR data, nor a page for a person, nor registration."""

    def bound(endpoint: Callable[[SandboxEhr, ClientKeys, Request], Awaitable[Response]]) -> Endpoint:
        async def handle(request: Request) -> Response:
            return await endpoint(ehr, keys, request)

        return handle

    return [
        *discovery.routes(ehr),
        Route("/auth/authorize", bound(_authorize), methods=["GET", "POST"]),
        Route("/auth/token", told(bound(_token)), methods=["POST"]),
        Route("/auth/introspect", told(bound(introspection.introspect)), methods=["POST"]),
        Route("/auth/revoke", told(bound(introspection.revoke)), methods=["POST"]),
    ]


async def _authorize(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    try:
        if request.method == "POST":
            parameters = await read_form(request)
        else:
            parameters = once(parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=64, errors="strict"))
        server = server_of(ehr)
        work = partial(authorize, parameters=given(parameters), server=server)
        answer = await ehr.database.run(ehr.audit.code(work, caller_of(request.scope)))
    except OAuthError as refused:
        return _page(ehr, refused.text, refused.status)
    except ValueError:
        return _page(ehr, "the request is not readable", 400)
    return RedirectResponse(answer.url, status_code=303, headers=PAGE_HEADERS)


def _page(ehr: SandboxEhr, text: str, status: int) -> Response:
    page = render(
        "ehr_message.html", ehr=ehr.name, base=ehr.base, style=f"{ehr.base}/style.css", person=None,
        guarded=ehr.operator_secret is not None,
        title="This authorization request was refused", text=sentence(text),
        advice="Launch the app again from the EHR; if that does not help, tell its developer what stands above.",
    )  # fmt: skip
    return HTMLResponse(page, status_code=status, headers=HEADERS)


async def _token(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    authorization = request.headers.getlist("authorization")
    parameters = await identified(ehr, given(await read_form(request)), authorization)
    client, assertion = await authenticate(ehr, keys, parameters, authorization)
    grant_type = parameters.get("grant_type", "")
    missing = {"grant_type", *NEEDS.get(grant_type, ())} - set(parameters)
    if missing:
        raise OAuthError("invalid_request", f"{missing.pop()} is required")
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
    return failure(answer) if isinstance(answer, OAuthError) else JSONResponse(answer, headers=NO_STORE)
