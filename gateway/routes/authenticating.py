"""Edge: which client sends a request, by its registered method."""

from sqlalchemy import Connection

from auth import assertions
from auth.assertions import Assertion
from auth.server import authentication, grants
from auth.server.authentication import Presented
from auth.server.clients import Client, find_client
from gateway.sandbox_ehrs.client_keys import ClientKeys
from gateway.sandbox_ehrs.ehr import SandboxEhr

CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""What says who sends a request, when no Authorization does."""


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


async def identified(ehr: SandboxEhr, parameters: dict[str, str], authorization: list[str]) -> dict[str, str]:
    """A refresh that names no client, with the client that its token was issued to: RFC 6749 §6 asks a public client for
    nothing but the token. A confidential client has still to authenticate."""
    if authorization or CREDENTIALS & set(parameters) or parameters.get("grant_type") != "refresh_token":
        return parameters
    token = parameters.get("refresh_token", "")
    found = await ehr.database.run(lambda connection, now: grants.find_refresh(connection, now, token))
    return parameters if found is None else {**parameters, "client_id": found[0].client_id}


def take(connection: Connection, now: float, client: Client, assertion: Assertion | None) -> None:
    """Uses the assertion's ``jti`` up, in the transaction of what it is presented for. Raises OAuthError when it was used
    before, or when the client was changed or removed since it was looked at."""
    found = find_client(connection, now, client.id)
    if found is None or found[0] != client:
        raise authentication.refused("the client is unknown")
    if assertion is not None and not grants.take_assertion(
        connection, now, client_id=client.id, jti=assertion.jti, expires=assertion.expires
    ):
        raise authentication.refused("client_assertion was used before: jti must be fresh")
