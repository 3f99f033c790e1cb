"""Edge: dynamic registration of SMART clients at a sandbox EHR (RFC 7591, RFC 7592)."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server.clients import Client, find_registration, read_registration, remove_client, save_client
from gateway.accesses import caller_of
from gateway.ehr import SandboxEhr
from gateway.routes.authorization import NO_STORE, operator, read_json, told


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/auth/register`` and ``/auth/register/{id}``."""

    async def register(request: Request) -> Response:
        return await _register(ehr, request)

    async def registration(request: Request) -> Response:
        return await _registration(ehr, request)

    return [
        Route("/auth/register", told(register), methods=["POST"]),
        Route("/auth/register/{id}", told(registration), methods=["GET", "DELETE"]),
    ]


async def _register(ehr: SandboxEhr, request: Request) -> Response:
    """RFC 7591, open on a sandbox."""
    operator(ehr, request)
    body = await read_json(request)
    client = read_registration(body, id=ehr.new_id())
    secret = ehr.new_secret() if client.method.startswith("client_secret") else None
    registration = ehr.new_secret()
    work = partial(save_client, client=client, secret=secret, registration=registration)
    await ehr.database.run(ehr.audit.event("register", work, caller_of(request.scope), client=client.id))
    answer = {
        **described(client),
        "registration_access_token": registration,
        "registration_client_uri": f"{ehr.base}/auth/register/{client.id}",
    }
    if secret is not None:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return JSONResponse(answer, status_code=201, headers=NO_STORE)


def described(client: Client) -> dict[str, Any]:
    """The registered metadata (RFC 7591 §3.2.1)."""
    members: dict[str, Any] = {
        "client_id": client.id, "client_name": client.name, "redirect_uris": list(client.redirect_uris),
        "initiate_login_uri": client.launch_url, "grant_types": list(client.grant_types), "response_types": ["code"],
        "scope": client.scope, "token_endpoint_auth_method": client.method, "jwks": client.jwks,
        "jwks_uri": client.jwks_uri,
    }  # fmt: skip
    return {name: value for name, value in members.items() if value is not None}


async def _registration(ehr: SandboxEhr, request: Request) -> Response:
    """RFC 7592: read or delete one's own registration."""
    id, said = request.path_params["id"], request.headers.getlist("authorization")
    token_said = said[0][7:].strip() if len(said) == 1 and said[0].lower().startswith("bearer ") else ""
    client = await ehr.database.run(lambda c, now: find_registration(c, now, id, token_said))
    if client is None:
        raise OAuthError("invalid_token", "the registration access token is wanted as bearer", status=401)
    if request.method == "DELETE":
        work = partial(remove_client, id=id)
        await ehr.database.run(ehr.audit.event("unregister", work, caller_of(request.scope), client=id))
        return Response(status_code=204, headers=NO_STORE)
    return JSONResponse(described(client), headers=NO_STORE)
