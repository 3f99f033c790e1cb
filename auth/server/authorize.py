"""Edge: the authorization endpoint (SMART App Launch 2.2 §step-4). Until the client and its exact redirect address are known, an
error may not redirect; from then on every answer carries ``state`` and the issuer (RFC 9207)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from sqlalchemy import Connection

from auth import pkce, scopes
from auth.errors import OAuthError
from auth.scopes import FhirScope, Scope
from auth.server import faults, grants, style
from auth.server.clients import Client, find_client
from auth.server.grants import Context
from auth.server.launches import Launch, take_launch, take_standalone
from auth.server.requests import save_request
from auth.server.sessions import begin_session
from auth.server.steps import Asked, offered

LONGEST = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """``issuer`` and ``fhir`` are the EHR's addresses; ``new_secret`` gives unguessable strings; ``faults`` are those that
    its operator has switched on for everybody."""

    issuer: str
    fhir: str
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Redirect:
    """Where the browser goes, with code or error."""

    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """The EHR's own page on which a person answers; its address holds the key of the kept request."""

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


def given(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that have a value: one without is treated as if it were left out (RFC 6749 §3.1, §3.2)."""
    return {name: value for name, value in parameters.items() if value}


def authorize(
    connection: Connection, now: float, *, parameters: dict[str, str], server: Server
) -> Redirect | SignIn:  # fmt: skip
    """The answer to an authorization request: straight to the app when an automatic launch was prepared for it, else to
    a person, whoever is signed in. Raises OAuthError for what may not redirect."""
    client, redirect_uri = _client(connection, now, parameters)
    named: tuple[str, ...] = ()
    try:
        _check(parameters, client, server)
        launch = _launch(connection, now, parameters, client)
        named = (*launch.faults, *server.faults)
        if (simulated := faults.error(named, "authorize")) is not None:
            raise simulated
        asked = _asked(parameters, client=client, redirect_uri=redirect_uri, launch=launch)
        if not launch.automatic and "none" in parameters.get("prompt", "").split():
            raise OAuthError("login_required", "prompt is none, but a person has to answer")
        if not launch.automatic:
            key = server.new_secret()
            save_request(connection, now, asked=asked, key=key)
            return SignIn(url=f"{server.issuer}/auth/sign-in?{urlencode({'request': key})}")
        query = {"code": _automatic(connection, now, asked, server)}
    except OAuthError as refused:
        query = {"error": refused.code, "error_description": refused.text}
    return _redirect(redirect_uri, query, state=parameters.get("state"), named=named, server=server)


def conclude(
    connection: Connection, now: float, *, asked: Asked, context: Context, granted: Sequence[Scope],
    session: str | None, server: Server,
) -> Redirect:  # fmt: skip
    """Back to the app with a code for what a person allowed. ``session`` is the person's own; nothing allowed is
    access_denied (RFC 6749 §4.1.2.1)."""
    if granted and session is not None:
        query = {"code": _code(connection, now, asked, context, granted, session=session, server=server)}
    else:
        query = {"error": "access_denied", "error_description": "the person did not allow this"}
    named = (*asked.faults, *server.faults)
    return _redirect(asked.redirect_uri, query, state=asked.state, named=named, server=server)


def _redirect(
    redirect_uri: str, query: dict[str, str], *, state: str | None, named: Sequence[str], server: Server
) -> Redirect:
    """Every answer carries the state that was sent and the issuer (RFC 9207)."""
    if state is not None:
        query["state"] = state
    query = faults.bend(named, {**query, "iss": server.issuer})
    return Redirect(url=f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(query)}")


def _client(connection: Connection, now: float, parameters: dict[str, str]) -> tuple[Client, str]:
    found = find_client(connection, now, parameters.get("client_id", ""))
    if found is None:
        raise OAuthError("invalid_request", "client_id names no registered client")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in found[0].redirect_uris:
        raise OAuthError("invalid_request", "redirect_uri must be exactly one that the client registered")
    return found[0], redirect_uri


def _automatic(connection: Connection, now: float, asked: Asked, server: Server) -> str:
    """A code for all that the launch's context allows, in a session that no browser holds."""
    granted = scopes.outermost(offered(asked, asked.context))
    if not granted:
        raise OAuthError("invalid_scope", "no scope that was asked for can be granted")
    session = begin_session(connection, now, secret=server.new_secret(), user=asked.context.user)
    return _code(connection, now, asked, asked.context, granted, session=session, server=server)


def _code(
    connection: Connection, now: float, asked: Asked, context: Context, granted: Sequence[Scope], *, session: str,
    server: Server,
) -> str:  # fmt: skip
    """A code for a new grant."""
    grant, code = server.new_id(), server.new_secret()
    styled = replace(context, smart_style_url=context.smart_style_url or style.url(server.issuer))
    grants.save_grant(
        connection, now, id=grant, client_id=asked.client_id, scopes=granted, context=styled, session=session,
        faults=asked.faults,
    )  # fmt: skip
    grants.save_code(
        connection, now, code=code, grant=grant, redirect_uri=asked.redirect_uri, challenge=asked.challenge,
        nonce=asked.nonce,
    )  # fmt: skip
    return code


UNTAKEN = {"request": "request_not_supported", "request_uri": "request_uri_not_supported"}
"""Parameters that would stand for others, which nobody may ignore (OpenID Connect Core §3.1.2.6)."""


def _check(parameters: dict[str, str], client: Client, server: Server) -> None:
    """What the request must say, in the order of RFC 9700 and SMART's own table."""
    for name, error in UNTAKEN.items():
        if name in parameters:
            raise OAuthError(error, f"{name} is not taken here: send each parameter itself")
    if parameters.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query")
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
    """What the launcher prepared for this very request; a standalone request needs nothing prepared."""
    secret = parameters.get("launch")
    if secret is None:
        prepared = take_standalone(connection, now, challenge=parameters["code_challenge"], client_id=client.id)
        return prepared or Launch(client_id=client.id, context=Context())
    launch = take_launch(connection, now, secret=secret, client_id=client.id)
    if launch is None:
        raise OAuthError("invalid_request", "launch is unknown, used, expired, or another client's")
    return launch


def _asked(parameters: dict[str, str], *, client: Client, redirect_uri: str, launch: Launch) -> Asked:
    """The request as far as the client is registered for it and the launch allows it."""
    wanted = (scope for scope in scopes.parse(parameters["scope"]) if not _is_backend(scope))
    allowed = scopes.narrow(wanted, scopes.parse(client.scope), apart=True)
    if launch.scopes is not None:
        allowed = scopes.narrow(allowed, scopes.parse(launch.scopes), apart=True)
    if not allowed:
        raise OAuthError("invalid_scope", "no scope that was asked for can be granted")
    return Asked(
        client_id=client.id, redirect_uri=redirect_uri, state=parameters["state"], nonce=parameters.get("nonce"),
        challenge=parameters["code_challenge"], scopes=allowed, context=launch.context, faults=launch.faults,
    )  # fmt: skip


def _is_backend(scope: Scope) -> bool:
    """``system/`` and ``introspect`` are for client_credentials only."""
    return scope.context == "system" if isinstance(scope, FhirScope) else scope.word == scopes.INTROSPECT
