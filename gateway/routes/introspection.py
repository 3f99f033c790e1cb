"""Edge: introspection (RFC 7662) and revocation (RFC 7009) of one sandbox EHR's tokens."""

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.errors import OAuthError
from auth.server import authentication, grants, introspection
from auth.server.authorize import given
from auth.server.grants import Issued
from auth.server.introspection import Asker
from gateway.face.accesses import caller_of
from gateway.routes.authenticating import authenticate, take
from gateway.routes.forms import NO_STORE, bearer, read_form, server_of
from gateway.sandbox_ehrs.client_keys import ClientKeys
from gateway.sandbox_ehrs.ehr import SandboxEhr


async def introspect(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    """A client asks about its own tokens, a bearer too; those with the scope ``introspect`` about any client's."""
    parameters = given(await read_form(request))
    asker = await _asker(ehr, keys, parameters, request)
    token = _token(parameters)

    def find(connection: Connection, now: float) -> Issued | None:
        return introspection.find(connection, now, token=token, asker=asker)

    found = await ehr.database.run(ehr.audit.asked(find, asker, caller_of(request.scope)))
    return JSONResponse(introspection.describe(found, server_of(ehr)), headers=NO_STORE)


async def _asker(ehr: SandboxEhr, keys: ClientKeys, parameters: dict[str, str], request: Request) -> Asker:
    """Who asks. Raises OAuthError."""
    if (token := bearer(request)) is not None:
        if {"client_secret", "client_assertion"} & set(parameters):
            raise OAuthError("invalid_request", "a bearer, or the client's credentials, but not both")
        asker = await ehr.database.run(lambda c, now: introspection.asking_bearer(c, now, token))
        if asker is None:
            raise OAuthError("invalid_token", "the bearer is not in force", status=401)
        return asker
    client, assertion = await authenticate(ehr, keys, parameters, request.headers.getlist("authorization"))
    if client.public:
        raise authentication.refused("a public client proves nothing: authenticate, or send a bearer")
    await ehr.database.run(lambda c, now: take(c, now, client, assertion))
    return introspection.asking_client(client)


async def revoke(ehr: SandboxEhr, keys: ClientKeys, request: Request) -> Response:
    """200 whatever the token was, except that there must be one; ``token_type_hint`` is not needed, so any is tolerated."""
    parameters = given(await read_form(request))
    client, assertion = await authenticate(ehr, keys, parameters, request.headers.getlist("authorization"))
    token = _token(parameters)

    def work(connection: Connection, now: float) -> None:
        take(connection, now, client, assertion)
        ehr.audit.ended(connection, now, token, client.id, caller_of(request.scope))
        grants.revoke_token(connection, now, token=token, client_id=client.id)

    await ehr.database.run(work)
    return Response(status_code=200, headers=NO_STORE)


def _token(parameters: dict[str, str]) -> str:
    token = parameters.get("token")
    if not token:
        raise OAuthError("invalid_request", "token is required")
    return token
