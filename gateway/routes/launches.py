"""Edge: the gateway as a SMART app: launch, callback, and the client's public keys (house.md §8, first way).

Whatever goes wrong is a plain page that says what happened and what to do. It repeats nothing that was received.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape
from secrets import token_bytes, token_urlsafe
from typing import Protocol, TypeVar
from uuid import uuid4

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.client import identity, tokens
from auth.client.ehr import RegisteredEhr
from auth.client.errors import ClientError, EhrUnavailable, GrantEnded, LaunchError
from auth.client.flow import Means, request_tokens
from auth.client.launch import ENTROPY, LIFETIME, LONGEST_LAUNCH, PendingLaunch, begin, complete, once
from auth.client.registry import find_ehr, find_issuer
from auth.client.store import save_launch, save_pending, take_pending
from auth.client.tokens import LaunchContext, Tokens
from gateway import sessions
from gateway.fetch import Reach
from gateway.keyring import CLIENT_ALGORITHMS, Keyring

T = TypeVar("T")
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
    told the id of a launch that is saved."""

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
        run=gateway.run, cipher=gateway.keyring.cipher, keys=gateway.keyring.signing, clock=gateway.clock,
        configuration=gateway.reach.configuration, send=gateway.reach.send,
    )  # fmt: skip


def routes(gateway: LaunchGateway) -> list[Route]:
    """``/app/launch``, ``/app/callback/{ehr}``, ``/app/jwks.json``."""

    async def launch(request: Request) -> Response:
        return await _launch(gateway, request)

    async def callback(request: Request) -> Response:
        return await _callback(gateway, request)

    async def jwks(request: Request) -> Response:
        return JSONResponse(gateway.keyring.signing.jwks(*CLIENT_ALGORITHMS), headers={"cache-control": "max-age=300"})

    return [
        Route("/app/launch", told(launch), methods=["GET"]),
        Route("/app/callback/{ehr}", told(callback), methods=["GET"]),
        Route("/app/jwks.json", jwks, methods=["GET"]),
    ]


def launch_cookie(state: str) -> str:
    """The name of the cookie that binds one launch to its browser: one for each state, so that launches in parallel
    tabs do not meet. ``__Host-`` keeps other hosts and paths from setting it; browsers take it on http://localhost."""
    return f"__Host-chartgate-launch-{sha256(state.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def error_page(failure: ClientError) -> Response:
    """What happened and what to do, for the person who launched."""
    happened = failure.happened if isinstance(failure, LaunchError) else str(failure)
    advice = failure.advice if isinstance(failure, LaunchError) else "Launch the app again from the EHR."
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Launch stopped</title></head><body>'
        f"<main><h1>The launch stopped</h1><p>{escape(happened)}</p><p>{escape(advice)}</p></main></body></html>"
    )
    wait = failure.retry_after if isinstance(failure, EhrUnavailable) else None
    headers = HEADERS if failure.status != 503 else {**HEADERS, "retry-after": str(int(wait or 5))}
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


async def _launch(gateway: LaunchGateway, request: Request) -> Response:
    """EHR launch with ``iss`` and ``launch``; standalone with ``ehr`` or ``iss`` alone."""
    parameters = once(request.query_params.multi_items())
    launch = parameters.get("launch")
    if launch is not None and not 0 < len(launch) <= LONGEST_LAUNCH:
        raise LaunchError("The EHR's launch parameter is empty or too long to be one.")
    ehr = await _chosen(gateway, parameters)
    configuration = await gateway.reach.configuration(ehr)
    redirect_uri = f"{gateway.base_url}{ehr.redirect_path}"
    url, begun = begin(configuration, ehr, launch=launch, redirect_uri=redirect_uri, entropy=token_bytes(ENTROPY))
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
    launch_id, secret = await _finish(gateway, ehr, begun, list(request.query_params.multi_items()))
    await gateway.on_launch(launch_id)
    response = RedirectResponse(f"/app?launch={launch_id}", status_code=303, headers=HEADERS)
    lifetime, own = int(sessions.LIFETIME), sessions.session_cookie(launch_id)
    response.headers.append("set-cookie", sessions.cookie_header(own, secret, max_age=lifetime))
    response.headers.append("set-cookie", sessions.cookie_header(cookie, "", max_age=0))
    return response


async def _finish(
    gateway: LaunchGateway, ehr: RegisteredEhr, begun: PendingLaunch, parameters: list[tuple[str, str]]
) -> tuple[str, str]:
    """Exchanges the code and keeps what came: the launch's id and the secret of its new session."""
    exchange = complete(begun, parameters)
    try:
        reply = await request_tokens(means_of(gateway), ehr, exchange)
        granted, context, id_token = tokens.parse(reply, asked=begun.asked, now=gateway.clock())
    except GrantEnded as failure:
        raise LaunchError("The EHR did not accept its own authorization code.") from failure
    fhir_user = await _identify(gateway, ehr, begun, id_token, granted.access)
    launch_id, secret = uuid4().hex, token_urlsafe(32)
    await gateway.run(
        lambda c, now: _keep(c, now, gateway.keyring, ehr.name, launch_id, secret, granted, context, fhir_user)
    )
    return launch_id, secret


def _keep(
    connection: Connection, now: float, keyring: Keyring, ehr: str, launch_id: str, secret: str, granted: Tokens,
    context: LaunchContext, fhir_user: str | None,
) -> None:  # fmt: skip
    """Launch and session in one transaction: never a session whose launch is not there."""
    save_launch(
        connection, now, id=launch_id, ehr=ehr, tokens=granted, context=context, fhir_user=fhir_user,
        cipher=keyring.cipher,
    )  # fmt: skip
    session = sessions.of_launch(now=now, launch_id=launch_id, ehr=ehr, patient=context.patient, fhir_user=fhir_user)
    sessions.save_session(connection, now, session=session, secret=secret)


async def _identify(
    gateway: LaunchGateway, ehr: RegisteredEhr, begun: PendingLaunch, id_token: str | None, access: str
) -> str | None:
    """Who signed in, from an id_token that holds up; whatever is wrong with it means nobody, and stops no launch."""
    if id_token is None or begun.jwks_uri is None or begun.issuer is None:
        return None
    try:
        keys = await gateway.reach.key_set(ehr, begun.jwks_uri, key_id=identity.key_id(id_token))
    except LaunchError:
        return None
    found = identity.read(id_token, begun, ehr, access=access, keys=keys, now=gateway.clock())
    return None if isinstance(found, identity.NoIdentity) else found.fhir_user
