"""Edge: the authorization endpoint (SMART App Launch 2.2 §step-4). Until the client and its exact redirect address are known, an
error may not redirect; from then on every answer carries ``state`` and the issuer (RFC 9207)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection

from auth import pkce, scopes
from auth.errors import OAuthError
from auth.scopes import FhirScope, Scope, WordScope
from auth.server import grants
from auth.server.clients import Client, find_client
from auth.server.grants import Context
from auth.server.launches import Launch, take_launch, take_standalone

LONGEST = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """``issuer`` and ``fhir`` are the EHR's addresses; ``new_secret`` gives unguessable strings."""

    issuer: str
    fhir: str
    new_id: Callable[[], str]
    new_secret: Callable[[], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Redirect:
    """Where the browser goes, with code or error."""

    url: str


def once(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name. Raises OAuthError when one is repeated (RFC 6749 §3.1) or without end."""
    pairs = list(parameters)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    if any(len(value) > LONGEST or "\x00" in value for value in found.values()):
        raise OAuthError("invalid_request", "a parameter is too long, or not text")
    return found


def authorize(connection: Connection, now: float, *, parameters: dict[str, str], server: Server) -> Redirect:
    """The answer to an authorization request. Raises OAuthError for what may not redirect."""
    client, redirect_uri = _client(connection, now, parameters)
    try:
        query = _granted(connection, now, parameters, client=client, redirect_uri=redirect_uri, server=server)
    except OAuthError as refused:
        query = {"error": refused.code, "error_description": refused.text}
    if (state := parameters.get("state")) is not None:
        query["state"] = state
    query["iss"] = server.issuer
    return Redirect(url=f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(query)}")


def _client(connection: Connection, now: float, parameters: dict[str, str]) -> tuple[Client, str]:
    found = find_client(connection, now, parameters.get("client_id", ""))
    if found is None:
        raise OAuthError("invalid_request", "client_id names no registered client")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in found[0].redirect_uris:
        raise OAuthError("invalid_request", "redirect_uri must be exactly one that the client registered")
    return found[0], redirect_uri


def _granted(
    connection: Connection, now: float, parameters: dict[str, str], *, client: Client, redirect_uri: str, server: Server
) -> dict[str, str]:
    """A code for what may be granted. Raises OAuthError, to be told by redirect."""
    _check(parameters, client, server)
    challenge = parameters["code_challenge"]
    launch = _launch(connection, now, parameters, client)
    granted = _scopes(parameters["scope"], client, launch)
    grant, code = server.new_id(), server.new_secret()
    grants.save_grant(connection, now, id=grant, client_id=client.id, scopes=granted, context=launch.context)
    grants.save_code(
        connection, now, code=code, grant=grant, redirect_uri=redirect_uri, challenge=challenge,
        nonce=parameters.get("nonce"),
    )  # fmt: skip
    return {"code": code}


def _check(parameters: dict[str, str], client: Client, server: Server) -> None:
    """What the request must say, in the order of RFC 9700 and SMART's own table."""
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if "authorization_code" not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client is not registered for authorization_code")
    if parameters.get("code_challenge_method") != "S256" or not pkce.wellformed(parameters.get("code_challenge", "")):
        raise OAuthError("invalid_request", "code_challenge with code_challenge_method S256 is required")
    audience = parameters.get("aud", parameters.get("resource"))
    if audience is None or audience.rstrip("/") != server.fhir:
        raise OAuthError("invalid_request", "aud must be the address of this FHIR server")
    if not parameters.get("state"):
        raise OAuthError("invalid_request", "state is required")
    if not parameters.get("scope"):
        raise OAuthError("invalid_scope", "scope is required")


def _launch(connection: Connection, now: float, parameters: dict[str, str], client: Client) -> Launch:
    """What the launcher prepared for this very request. Nobody signs in otherwise, for there is no page for it yet."""
    secret = parameters.get("launch")
    if secret is not None:
        launch = take_launch(connection, now, secret=secret, client_id=client.id)
        if launch is None:
            raise OAuthError("invalid_request", "launch is unknown, used, expired, or another client's")
    else:
        launch = take_standalone(connection, now, challenge=parameters["code_challenge"], client_id=client.id)
    if launch is None or not launch.automatic:
        raise OAuthError("access_denied", "nobody can sign in by hand here yet: prepare an automatic launch")
    return launch


def _scopes(asked: str, client: Client, launch: Launch) -> tuple[Scope, ...]:
    """What is granted of what was asked: as far as the client is registered for it and the launch allows it."""
    granted = scopes.narrow(
        (scope for scope in scopes.parse(asked) if not _is_system(scope)), scopes.parse(client.scope)
    )
    if launch.scopes is not None:
        granted = scopes.narrow(granted, scopes.parse(launch.scopes))
    granted = tuple(scope for scope in granted if _has_context(scope, launch.context))
    if not granted:
        raise OAuthError("invalid_scope", "no scope that was asked for can be granted")
    return granted


def _is_system(scope: Scope) -> bool:
    """``system/`` is for client_credentials only."""
    return isinstance(scope, FhirScope) and scope.context == "system"


def _has_context(scope: Scope, context: Context) -> bool:
    """A ``patient/`` scope is nothing without a patient, ``fhirUser`` nothing without a person."""
    if isinstance(scope, FhirScope):
        return context.patient is not None if scope.context == "patient" else context.user is not None
    needs = {"launch/patient": context.patient, "launch/encounter": context.encounter, "fhirUser": context.user}
    return needs.get(scope.word, "") is not None


def offline(granted: Iterable[Scope]) -> bool:
    """Whether a refresh token is due."""
    return any(isinstance(scope, WordScope) and scope.word in ("offline_access", "online_access") for scope in granted)
