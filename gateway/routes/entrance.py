"""Edge: in by the one-time link, out by logout."""

from collections.abc import Sequence
from functools import partial
from secrets import token_urlsafe
from typing import Protocol

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.client.errors import NotAllowed
from gateway.launches import revoking
from gateway.launches.revoking import Ended, Revocations
from gateway.people import links, sessions
from gateway.routes.launches import HEADERS, LaunchGateway, means_of, told


class LeavingGateway(LaunchGateway, Protocol):
    """``on_logout`` is told the launches whose tokens are gone."""

    def on_logout(self, launches: Sequence[str]) -> None: ...


def routes(gateway: LeavingGateway, *, link: bool = True) -> list[Route]:
    """``/enter?token=…``, where there is such a ``link``, and ``POST /app/logout``."""
    revocations = Revocations(means_of(gateway))

    async def enter(request: Request) -> Response:
        secret = token_urlsafe(32)
        token = request.query_params.get("token", "")
        if not await gateway.run(lambda c, now: exchange_link(c, now, token=token, secret=secret)):
            raise NotAllowed("This link was used already, or is older than ten minutes.", "Ask for a new one.")
        response = RedirectResponse("/", status_code=303, headers=HEADERS)
        lifetime = int(sessions.LIFETIME)
        response.headers.append("set-cookie", sessions.cookie_header(sessions.COOKIE, secret, max_age=lifetime))
        return response

    async def leave(request: Request) -> Response:
        if not sessions.same_origin(request.headers, base_url=gateway.base_url):
            raise NotAllowed("This request came from another site.", "Use the button on this site's own page.")
        shown = sessions.shown_cookies(request.scope["headers"])
        launches, ended = await gateway.run(partial(_end, cookies=[value for _, value in shown], gateway=gateway))
        gateway.on_logout(launches)
        await revocations.revoke(ended)
        response = RedirectResponse("/app/ended", status_code=303, headers=HEADERS)
        for name in {sessions.COOKIE, *(name for name, _ in shown)}:
            response.headers.append("set-cookie", sessions.cookie_header(name, "", max_age=0))
        return response

    entering = [Route("/enter", told(enter), methods=["GET"])] if link else []
    return [*entering, Route("/app/logout", told(leave), methods=["POST"])]


def _end(
    connection: Connection, now: float, *, cookies: Sequence[str], gateway: LeavingGateway
) -> tuple[list[str], list[Ended]]:
    """Sessions and tokens of these cookies, in one transaction: nobody is signed out who still holds tokens."""
    launches = sessions.end_shown(connection, now, cookies=cookies)
    return launches, revoking.end(connection, now, launches=launches, cipher=gateway.keyring.cipher)


def exchange_link(connection: Connection, now: float, *, token: str, secret: str) -> bool:
    """The link for a session, in one transaction. False when the link opens nothing."""
    ehrs = links.take_link(connection, now, token)
    if ehrs is None:
        return False
    sessions.save_session(connection, now, session=sessions.of_link(now=now, ehrs=ehrs), secret=secret)
    return True
