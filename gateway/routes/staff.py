"""Edge: staff sign in at the organisation's OpenID provider: authorization code with PKCE, roles by a claim.

``/sign-in`` sends the browser there, ``/sign-in/callback`` takes who comes back. A sign-in gives pages, never a decision about an
output: that takes a launch with a validated ``fhirUser`` (product.md §6).
"""

import logging
from secrets import token_bytes, token_urlsafe
from typing import cast

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.client import oidc
from auth.client.errors import EhrFault, EhrUnavailable, NotAllowed
from auth.client.flow import request_tokens
from auth.client.identity import NoIdentity, key_id
from auth.client.launch import ENTROPY, LIFETIME, PendingLaunch, complete, once
from auth.client.oidc import Provider
from auth.client.store import save_pending, take_pending
from gateway.app import Gateway
from gateway.launches.launch_limits import LaunchLimits
from gateway.people import sessions
from gateway.people.sessions import Role
from gateway.routes.launches import HEADERS, admit, launch_cookie, means_of, told

CALLBACK = "/sign-in/callback"
logger = logging.getLogger("chartgate.sign-in")


def routes(gateway: Gateway, provider: Provider, limits: LaunchLimits | None = None) -> list[Route]:
    """``/sign-in`` and its callback; ``limits`` as for launches."""

    async def begin(request: Request) -> Response:
        admit(limits, request)
        return await _begin(gateway, provider)

    async def callback(request: Request) -> Response:
        return await _callback(gateway, provider, request)

    return [Route("/sign-in", told(begin), methods=["GET"]), Route(CALLBACK, told(callback), methods=["GET"])]


async def _begin(gateway: Gateway, provider: Provider) -> Response:
    try:
        answer = await gateway.reach.provider(provider.client)
    except EhrFault as failure:
        raise EhrUnavailable("The sign-in provider does not answer as it should.") from failure
    found = oidc.parse_configuration(answer.body, provider)
    redirect_uri = f"{gateway.base_url}{CALLBACK}"
    url, begun = oidc.begin(found, provider, redirect_uri=redirect_uri, entropy=token_bytes(ENTROPY))
    browser, cipher = token_urlsafe(32), gateway.keyring.cipher
    await gateway.run(lambda c, now: save_pending(c, now, begun=begun, browser=browser, cipher=cipher))
    response = RedirectResponse(url, status_code=303, headers=HEADERS)
    cookie = sessions.cookie_header(launch_cookie(begun.state), browser, max_age=int(LIFETIME))
    response.headers.append("set-cookie", cookie)
    return response


async def _callback(gateway: Gateway, provider: Provider, request: Request) -> Response:
    pairs = list(request.query_params.multi_items())
    state, cipher = once(pairs).get("state", ""), gateway.keyring.cipher
    cookie = launch_cookie(state)
    browser = request.cookies.get(cookie, "")
    begun = await gateway.run(
        lambda c, now: take_pending(c, now, state=state, ehr=oidc.NAME, browser=browser, cipher=cipher)
    )
    person = await _person(gateway, provider, begun, pairs)
    if not person.roles:
        raise NotAllowed("You are signed in, but have no role here.", "Ask whoever runs this gateway for one.")
    if person.ehrs is not None and not person.ehrs:  # never a session without bounds
        raise NotAllowed("You are signed in, but no EHR here is yours.", "Ask whoever runs this gateway for one.")
    secret = token_urlsafe(32)
    former = [value for name, value in sessions.shown_cookies(request.scope["headers"]) if name == sessions.COOKIE]
    await gateway.run(lambda c, now: _keep(c, now, person=person, secret=secret, former=former))
    response = RedirectResponse("/", status_code=303, headers=HEADERS)
    made = sessions.cookie_header(sessions.COOKIE, secret, max_age=int(sessions.LIFETIME))
    for line in (made, sessions.cookie_header(cookie, "", max_age=0)):
        response.headers.append("set-cookie", line)
    return response


async def _person(
    gateway: Gateway, provider: Provider, begun: PendingLaunch, pairs: list[tuple[str, str]]
) -> oidc.Person:  # fmt: skip
    """Who came back. Raises LaunchError, NotAllowed for an id_token that does not hold up."""
    reply = await request_tokens(means_of(gateway), provider.client, complete(begun, pairs))
    access, id_token = oidc.parse_tokens(reply)
    keys = await gateway.reach.key_set(provider.client, str(begun.jwks_uri), key_id=key_id(id_token))
    found = oidc.person(id_token, begun, provider, access=access, keys=keys, now=gateway.clock())
    if isinstance(found, NoIdentity):
        logger.warning("a sign-in did not hold up: %s", found.reason)
        raise NotAllowed(f"Who signed in could not be proven ({found.reason}).", "Sign in again.")
    return found


def _keep(connection: Connection, now: float, *, person: oidc.Person, secret: str, former: list[str]) -> None:
    """Another session, and the end of the one before in this browser."""
    sessions.end_shown(connection, now, cookies=former)
    roles = cast(frozenset[Role], person.roles)
    session = sessions.of_staff(now=now, person=person.subject, roles=roles, ehrs=person.ehrs or frozenset())
    sessions.save_session(connection, now, session=session, secret=secret)
