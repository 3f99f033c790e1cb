"""Edge: dynamic registration of SMART clients at a sandbox EHR (RFC 7591, RFC 7592)."""

from dataclasses import replace
from functools import partial
from hmac import compare_digest
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server.clients import (
    Client,
    change_client,
    find_client,
    find_registration,
    hashed,
    remove_client,
    save_client,
)  # fmt: skip
from auth.server.registration import described, read_registration
from gateway.face.accesses import caller_of
from gateway.routes.forms import NO_STORE, bearer, operator, read_json, told
from gateway.sandbox_ehrs.ehr import SandboxEhr

FORBIDDEN = frozenset(
    {"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}
)
"""Members that an update must not send (RFC 7592 §2.2)."""


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/auth/register`` and ``/auth/register/{id}``."""

    async def register(request: Request) -> Response:
        return await _register(ehr, request)

    async def registration(request: Request) -> Response:
        return await _registration(ehr, request)

    return [
        Route("/auth/register", told(register), methods=["POST"]),
        Route("/auth/register/{id}", told(registration), methods=["GET", "PUT", "DELETE"]),
    ]


async def _register(ehr: SandboxEhr, request: Request) -> Response:
    """RFC 7591, open on a sandbox."""
    operator(ehr, request)
    body = await read_json(request)
    client = read_registration(body, id=ehr.new_id(), loopback=ehr.allow_loopback_jwks)
    secret = ehr.new_secret() if client.symmetric else None
    registration = ehr.new_secret()
    work = partial(save_client, client=client, secret=secret, registration=registration)
    await ehr.database.run(ehr.audit.event("register", work, caller_of(request.scope), client=client.id))
    answer = _answer(ehr, client, registration, secret) | {"client_id_issued_at": int(ehr.clock())}
    return JSONResponse(answer, status_code=201, headers=NO_STORE)


def _answer(ehr: SandboxEhr, client: Client, registration: str, secret: str | None) -> dict[str, Any]:
    """The client information response (RFC 7591 §3.2.1, RFC 7592 §3). A secret is told when it is made and never again:
    only its hash is kept."""
    return {
        **described(client),
        "registration_access_token": registration,
        "registration_client_uri": f"{ehr.base}/auth/register/{client.id}",
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret is not None else {}),
    }


async def _registration(ehr: SandboxEhr, request: Request) -> Response:
    """RFC 7592: read, replace or delete one's own registration."""
    id, said = request.path_params["id"], bearer(request) or ""
    client = await ehr.database.run(lambda c, now: find_registration(c, now, id, said))
    if client is None:
        raise OAuthError("invalid_token", "the registration access token is wanted as bearer", status=401)
    if request.method == "DELETE":
        work = partial(remove_client, id=id)
        await ehr.database.run(ehr.audit.event("unregister", work, caller_of(request.scope), client=id))
        return Response(status_code=204, headers=NO_STORE)
    if request.method == "PUT":
        return await _update(ehr, request, client, said)
    return JSONResponse(_answer(ehr, client, said, None), headers=NO_STORE)


async def _update(ehr: SandboxEhr, request: Request, client: Client, registration: str) -> Response:
    """Replaces the metadata; the client id, its registration token and a secret that it goes on using stay."""
    body = await read_json(request)
    if not isinstance(body, dict) or body.get("client_id") != client.id or FORBIDDEN & set(body):
        raise OAuthError(
            "invalid_client_metadata", "the body must have this client_id, and nothing that only the server gives"
        )
    await _check_secret(ehr, client, body.get("client_secret"))
    read = read_registration(body, id=client.id, loopback=ehr.allow_loopback_jwks)
    changed = replace(read, state_codes=client.state_codes)
    secret = ehr.new_secret() if changed.symmetric and not client.symmetric else None
    work = partial(change_client, client=changed, secret=secret)
    await ehr.database.run(ehr.audit.event("register", work, caller_of(request.scope), client=client.id))
    return JSONResponse(_answer(ehr, changed, registration, secret), headers=NO_STORE)


async def _check_secret(ehr: SandboxEhr, client: Client, said: Any) -> None:
    """An update may repeat the secret; it may not choose one (RFC 7592 §2.2). Raises OAuthError."""
    found = await ehr.database.run(lambda connection, now: find_client(connection, now, client.id))
    kept = found[1] if found is not None else None
    if said is not None and not (isinstance(said, str) and kept and compare_digest(hashed(said), kept)):
        raise OAuthError("invalid_client_metadata", "client_secret must be the one that was issued, or left out")
