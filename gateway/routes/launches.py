"""Edge: the gateway as a SMART app: launch, callback, and the client's public keys (house.md §8, first way).

Whatever goes wrong is a plain page that says what happened and what to do. It repeats nothing that was received.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from html import escape
from math import ceil
from secrets import token_bytes, token_urlsafe
from time import monotonic
from typing import Protocol, TypeVar
from uuid import uuid4

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.client import tokens
from auth.client.ehr import RegisteredEhr
from auth.client.errors import ClientError, EhrFault, EhrUnavailable, GrantEnded, LaunchError, TooMany
from auth.client.flow import Means, request_tokens
from auth.client.identity import NoIdentity
from auth.client.launch import ENTROPY, LIFETIME, LONGEST_LAUNCH, PendingLaunch, begin, complete, once
from auth.client.registry import find_ehr, find_issuer
from auth.client.store import save_launch, save_pending, take_pending
from auth.client.tokens import LaunchContext, Tokens
from gateway.ehrs.counted import counting
from gateway.ehrs.fetch import Reach
from gateway.keyring import Keyring
from gateway.launches import jobs
from gateway.launches.identifying import identify
from gateway.launches.launch_limits import LaunchLimits
from gateway.people import sessions

T = TypeVar("T")
logger = logging.getLogger("chartgate.launches")
Handler = Callable[[Request], Awaitable[Response]]

HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}
_UNKNOWN = (
    "This gateway is not registered with the EHR that launched it.",
    "Ask whoever runs this gateway to register it: chartgate ehrs add.",
)


class LaunchGateway(Protocol):
    """What these routes need of the gateway. ``base_url`` is the app face, ``http://localhost:8700``; ``on_launch`` is
    told the id of a launch that is saved, with its job."""

    @property
    def keyring(self) -> Keyring: ...
    @property
    def reach(self) -> Reach: ...
    @property
    def base_url(self) -> str: ...
    def clock(self) -> float: ...
    async def run(self, work: Callable[[Connection, float], T], /) -> T: ...
    async def on_launch(self, launch_id: str) -> None: ...


def means_of(gateway: LaunchGateway) -> Means:
    """What getting tokens takes, for ``LaunchTokens`` and ``BackendTokens``."""
    return Means(
        run=gateway.run, secrets=lambda: gateway.keyring, clock=gateway.clock,
        configuration=gateway.reach.configuration, send=counting(gateway.run, gateway.reach.send),
    )  # fmt: skip


def routes(gateway: LaunchGateway, limits: LaunchLimits | None = None) -> list[Route]:
    """``/app/launch``, ``/app/callback/{ehr}``, ``/app/jwks.json``. Without ``limits`` every launch is begun: a sandbox is
    launched as fast as its tests can."""

    async def launch(request: Request) -> Response:
        admit(limits, request)
        return await _launch(gateway, request, limits)

    async def callback(request: Request) -> Response:
        return await _callback(gateway, request)

    async def jwks(request: Request) -> Response:
        return JSONResponse(gateway.keyring.signing.jwks(gateway.clock()), headers={"cache-control": "max-age=300"})

    return [
        Route("/app/launch", told(launch), methods=["GET"]),
        Route("/app/callback/{ehr}", told(callback), methods=["GET"]),
        Route("/app/jwks.json", jwks, methods=["GET"]),
    ]


def launch_cookie(state: str) -> str:
    """The name of the cookie that binds one launch to its browser: one for each state, so that launches in parallel
    tabs do not meet. ``__Host-`` keeps other hosts and paths from setting it; browsers take it on http://localhost."""
    return f"__Host-chartgate-launch-{sha256(state.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def admit(limits: LaunchLimits | None, request: Request) -> None:
    """Counts one more that is begun from the request's address. Raises TooMany."""
    if limits is not None:
        peer = request.client.host if request.client else ""
        limits.admit_address(peer, request.headers.getlist("x-forwarded-for"), monotonic())


def error_page(failure: ClientError) -> Response:
    """What happened and what to do, for the person who launched."""
    happened = failure.happened if isinstance(failure, LaunchError) else str(failure)
    advice = failure.advice if isinstance(failure, LaunchError) else "Launch the app again from the EHR."
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Launch stopped</title></head><body>'
        f"<main><h1>The launch stopped</h1><p>{escape(happened)}</p><p>{escape(advice)}</p></main></body></html>"
    )
    headers = HEADERS
    if isinstance(failure, EhrUnavailable | TooMany):
        headers = {**HEADERS, "retry-after": str(ceil(failure.retry_after or 5))}
    return HTMLResponse(page, status_code=failure.status, headers=headers)


def told(handler: Handler) -> Handler:
    """The handler with its failures as pages. HEAD is refused: these addresses use things up, and a link preview that
    asks for the head would."""

    async def handled(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(status_code=405, headers={"allow": "GET"})
        try:
            return await handler(request)
        except ClientError as failure:
            return error_page(failure)

    return handled


async def _launch(gateway: LaunchGateway, request: Request, limits: LaunchLimits | None) -> Response:
    """EHR launch with ``iss`` and ``launch``; standalone with ``ehr`` or ``iss`` alone."""
    parameters = once(request.query_params.multi_items())
    launch = parameters.get("launch")
    if launch is not None and not 0 < len(launch) <= LONGEST_LAUNCH:
        raise LaunchError("The EHR's launch parameter is empty or too long to be one.")
    ehr = await _chosen(gateway, parameters)
    if limits is not None:
        limits.admit_issuer(ehr.name, monotonic())
    configuration = await gateway.reach.configuration(ehr)
    redirect_uri = f"{gateway.base_url}{ehr.redirect_path}"
    try:
        url, begun = begin(configuration, ehr, launch=launch, redirect_uri=redirect_uri, entropy=token_bytes(ENTROPY))
    except EhrFault:
        gateway.reach.forget(ehr)
        raise
    browser, cipher = token_urlsafe(32), gateway.keyring.cipher
    await gateway.run(lambda c, now: save_pending(c, now, begun=begun, browser=browser, cipher=cipher))
    response = RedirectResponse(url, status_code=303, headers=HEADERS)
    name = launch_cookie(begun.state)
    response.headers.append("set-cookie", sessions.cookie_header(name, browser, max_age=int(LIFETIME)))
    return response


async def _chosen(gateway: LaunchGateway, parameters: dict[str, str]) -> RegisteredEhr:
    """The registered EHR that the address names. Raises LaunchError before anything is fetched."""
    iss, name, cipher = parameters.get("iss"), parameters.get("ehr"), gateway.keyring.cipher
    if (iss is None) == (name is None) or (iss is None and "launch" in parameters):
        raise LaunchError("The address names no EHR, or more than one.", "Launch with iss and launch, or with ehr.")
    if iss is not None:
        ehr = await gateway.run(lambda c, now: find_issuer(c, now, issuer=iss, cipher=cipher))
    else:
        ehr = await gateway.run(lambda c, now: find_ehr(c, now, name=name or "", cipher=cipher))
    if ehr is None:
        raise LaunchError(*_UNKNOWN, code="unknown_issuer")
    return ehr


async def _callback(gateway: LaunchGateway, request: Request) -> Response:
    parameters = once(request.query_params.multi_items())
    state, name, cipher = parameters.get("state", ""), request.path_params["ehr"], gateway.keyring.cipher
    ehr = await gateway.run(lambda c, now: find_ehr(c, now, name=name, cipher=cipher))
    if ehr is None:
        raise LaunchError(*_UNKNOWN, code="unknown_issuer")
    cookie = launch_cookie(state)
    browser = request.cookies.get(cookie, "")
    begun = await gateway.run(
        lambda c, now: take_pending(c, now, state=state, ehr=name, browser=browser, cipher=cipher)
    )
    made = await _finish(gateway, ehr, begun, list(request.query_params.multi_items()))
    shown = [value for _, value in sessions.shown_cookies(request.scope["headers"])]
    ended = await gateway.run(lambda c, now: _keep(c, now, gateway.keyring, made, shown))
    await gateway.on_launch(made.id)
    response = RedirectResponse(f"/app?launch={made.id}", status_code=303, headers=HEADERS)
    lifetime, own = int(sessions.LIFETIME), sessions.session_cookie(made.id)
    response.headers.append("set-cookie", sessions.cookie_header(own, made.secret, max_age=lifetime))
    for gone in (cookie, *map(sessions.session_cookie, ended)):
        response.headers.append("set-cookie", sessions.cookie_header(gone, "", max_age=0))
    return response


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """A launch that came back well; ``secret`` opens its session."""

    id: str
    secret: str = field(repr=False)
    ehr: str
    tokens: Tokens
    context: LaunchContext
    fhir_user: str | None


async def _finish(
    gateway: LaunchGateway, ehr: RegisteredEhr, begun: PendingLaunch, parameters: list[tuple[str, str]]
) -> _Made:  # fmt: skip
    """Exchanges the code for what came: tokens, context, and who signed in."""
    exchange = complete(begun, parameters)
    try:
        reply = await request_tokens(means_of(gateway), ehr, exchange)
        granted, context, id_token = tokens.parse(reply, asked=begun.asked, now=gateway.clock())
    except GrantEnded as failure:
        raise LaunchError("The EHR did not accept its own authorization code.") from failure
    found = await identify(gateway.reach, ehr, begun, id_token, access=granted.access, now=gateway.clock())
    nobody = found.reason if isinstance(found, NoIdentity) else None
    if nobody is not None:
        logger.warning("a launch from %s has no identity: %s", ehr.name, nobody)
    return _Made(
        id=uuid4().hex, secret=token_urlsafe(32), ehr=ehr.name, tokens=granted, context=replace(context, nobody=nobody),
        fhir_user=None if isinstance(found, NoIdentity) else found.fhir_user,
    )  # fmt: skip


def _keep(connection: Connection, now: float, keyring: Keyring, made: _Made, shown: list[str]) -> list[str]:
    """Launch, session and job in one transaction: whatever happens between two steps, there is all of it or nothing.
    Returns the launches of this browser whose sessions it ended."""
    save_launch(
        connection, now, id=made.id, ehr=made.ehr, tokens=made.tokens, context=made.context, fhir_user=made.fhir_user,
        cipher=keyring.cipher,
    )  # fmt: skip
    jobs.add_job(connection, now, made.id)
    session = sessions.of_launch(
        now=now, launch_id=made.id, ehr=made.ehr, patient=made.context.patient, fhir_user=made.fhir_user
    )
    ended = sessions.supersede(connection, now, cookies=shown, new=session)
    sessions.save_session(connection, now, session=session, secret=made.secret)
    return ended
