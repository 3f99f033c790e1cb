"""Edge: the token endpoint: authorization code, refresh and client credentials (SMART App Launch 2.2 §step-5, §step-7,
backend-services). The client is authenticated already."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from auth import pkce, scopes
from auth.errors import OAuthError
from auth.rotation import IdTokenKeys
from auth.scopes import FhirScope, Scope, WordScope
from auth.server import faults, grants, identity
from auth.server.authorize import Server
from auth.server.clients import Client
from auth.server.grants import ACCESS_LIFE, BACKEND_LIFE, Context, Grant
from auth.server.sessions import refreshable
from auth.server.steps import offline

Answer = dict[str, Any]


def exchange_code(
    connection: Connection, now: float, *, parameters: Mapping[str, str], client: Client, server: Server,
    keys: IdTokenKeys,
) -> Answer | OAuthError:  # fmt: skip
    """Tokens for a code. A refusal is returned, not raised, so that the revocation that a replay causes is kept."""
    code = grants.find_code(connection, now, parameters.get("code", ""))
    grant = None if code is None else grants.find_by_id(connection, now, code.grant)
    if code is None or grant is None or grant.client_id != client.id:
        return OAuthError("invalid_grant", "code is unknown, used, expired, or another client's")
    if parameters.get("redirect_uri") != code.redirect_uri:
        return OAuthError("invalid_grant", "redirect_uri must be the one of the authorization request")
    grant = replace(grant, faults=(*grant.faults, *server.faults))
    if (simulated := faults.error(grant.faults, "token")) is not None:
        return simulated
    verifier = parameters.get("code_verifier", "")
    if not pkce.verify(verifier, code.challenge) and faults.PKCE_UNCHECKED not in grant.faults:
        return OAuthError("invalid_grant", "code_verifier does not fit the code_challenge")
    if not grants.take_code(connection, now, parameters["code"]):
        return OAuthError("invalid_grant", "code is unknown, used, expired, or another client's")
    answer = _tokens(connection, now, grant=grant, scope=scopes.format(grant.scopes), server=server)
    if offline(grant.scopes):
        answer["refresh_token"] = server.new_secret()
        grants.save_refresh(connection, now, token=answer["refresh_token"], grant=grant.id)
    if WordScope(word="openid") in grant.scopes:
        answer["id_token"] = identity.token(
            grant, server=server, nonce=code.nonce, access=answer["access_token"], keys=keys, now=now
        )
    return answer


def refresh(
    connection: Connection, now: float, *, parameters: Mapping[str, str], client: Client, server: Server
) -> Answer | OAuthError:
    """New tokens for a refresh token. Those of public clients rotate; one that was rotated out revokes the grant."""
    token = parameters.get("refresh_token", "")
    found = grants.find_refresh(connection, now, token)
    if found is None or found[0].client_id != client.id:
        return OAuthError("invalid_grant", "refresh_token is unknown, expired, revoked, or another client's")
    grant, used = found
    if used:
        grants.revoke_grant(connection, now, grant.id)
        return OAuthError("invalid_grant", "refresh_token was replaced by a newer one: the grant is ended")
    grant = replace(grant, faults=(*grant.faults, *server.faults))
    if (simulated := faults.error(grant.faults, "refresh")) is not None:
        return simulated
    if not refreshable(connection, now, session=grant.session, scopes=grant.scopes):
        return OAuthError("invalid_grant", "the session in which this was granted has ended")
    scope = _refreshed_scope(parameters.get("scope"), grant, client)
    if isinstance(scope, OAuthError):
        return scope
    answer = _tokens(connection, now, grant=grant, scope=scope, server=server)
    if client.public:
        if not grants.take_refresh(connection, now, token):
            return OAuthError("invalid_grant", "refresh_token was replaced by a newer one")
        answer["refresh_token"] = server.new_secret()
        grants.save_refresh(connection, now, token=answer["refresh_token"], grant=grant.id)
    return answer


def _refreshed_scope(asked: str | None, grant: Grant, client: Client) -> str | OAuthError:
    """All that was granted, or the part of it that is asked for; asking for more leaves the token usable. What the client
    is no longer registered for is not given again."""
    wanted = grant.scopes if asked is None else scopes.parse(asked)
    if asked is not None and (not wanted or not all(map(scopes.parse_one, scopes.words(asked)))):
        return OAuthError("invalid_scope", "scope holds one that is not understood")
    if not all(any(scopes.covers(have, want) for have in grant.scopes) for want in wanted):
        return OAuthError("invalid_scope", "scope must not be more than was granted")
    given = scopes.narrow(wanted, scopes.parse(client.scope))
    return scopes.format(given) if given else OAuthError("invalid_scope", "the client is registered for none of this")


def client_credentials(
    connection: Connection, now: float, *, parameters: Mapping[str, str], client: Client, server: Server
) -> Answer | OAuthError:
    """A token for a backend service: ``system/`` scopes within its registration, five minutes, no refresh token."""
    if not parameters.get("scope"):
        return OAuthError("invalid_scope", "scope is required")
    asked = [scope for scope in scopes.parse(parameters["scope"]) if _is_backend(scope)]
    granted = scopes.narrow(asked, scopes.parse(client.scope))
    if not granted:
        return OAuthError("invalid_scope", "scope must hold system/ scopes that the client is registered for")
    if (simulated := faults.error(server.faults, "token")) is not None:
        return simulated
    id = server.new_id()
    grants.save_grant(connection, now, id=id, client_id=client.id, scopes=granted, context=Context())
    access, scope = server.new_secret(), scopes.format(granted)
    grants.save_access(
        connection,
        now,
        token=access,
        grant=id,
        scopes=scope,
        life=BACKEND_LIFE if faults.ACCESS_EXPIRED not in server.faults else -1.0,
    )
    return {"access_token": access, "token_type": "Bearer", "expires_in": int(BACKEND_LIFE), "scope": scope}


def _is_backend(scope: Scope) -> bool:
    """``system/`` scopes, and the word for introspecting any client's token."""
    return scope.context == "system" if isinstance(scope, FhirScope) else scope.word == scopes.INTROSPECT


def _tokens(connection: Connection, now: float, *, grant: Grant, scope: str, server: Server) -> Answer:
    """An access token with the launch context beside it (SMART App Launch 2.2 scopes §launch-context)."""
    access = server.new_secret()
    life = -1.0 if faults.ACCESS_EXPIRED in grant.faults else ACCESS_LIFE
    grants.save_access(connection, now, token=access, grant=grant.id, scopes=scope, life=life)
    answer: Answer = {
        "access_token": access, "token_type": "Bearer", "expires_in": int(ACCESS_LIFE), "scope": scope,
    }  # fmt: skip
    return answer | context_members(grant.context)


def context_members(context: Context) -> Answer:
    """The launch context parameters that are set."""
    members = {
        "patient": context.patient,
        "encounter": context.encounter,
        "intent": context.intent,
        "need_patient_banner": context.need_patient_banner,
        "fhirContext": list(context.fhir_context) or None,
        "smart_style_url": context.smart_style_url,
        "tenant": context.tenant,
    }
    return {name: value for name, value in members.items() if value is not None}
