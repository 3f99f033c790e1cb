"""Edge: the page on which a signed-in person sees which apps may do what, and revokes it."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server.grants import find_by_id
from auth.server.manage import Allowed, list_allowed, take_back
from auth.server.sessions import Session, find_session, form_token, genuine
from gateway.face.accesses import caller_of
from gateway.routes import picking
from gateway.routes.ehr_pages import cookie_of, name_of, own_form, page, redirect, told_as_page
from gateway.sandbox_ehrs.ehr import SandboxEhr
from vocabulary.instant import format_instant

LASTS = {
    "offline": "until you revoke it, also after you sign out",
    "session": "while you are signed in, and up to an hour longer",
    "token": "up to an hour after the last token",
}


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/auth/manage``."""

    async def show(request: Request) -> Response:
        return await _show(ehr, request)

    async def revoke(request: Request) -> Response:
        return await _revoke(ehr, request)

    return [
        Route("/auth/manage", told_as_page(ehr, show), methods=["GET"]),
        Route("/auth/manage", told_as_page(ehr, revoke), methods=["POST"]),
    ]


async def _session(ehr: SandboxEhr, request: Request) -> tuple[str, Session | None]:
    secret = cookie_of(ehr, request) or ""
    return secret, await ehr.database.run(lambda connection, now: find_session(connection, now, secret))


async def _show(ehr: SandboxEhr, request: Request) -> Response:
    secret, session = await _session(ehr, request)
    if session is None or session.user is None:
        return redirect(f"{ehr.base}/auth/sign-in")
    user = session.user
    allowed = await ehr.database.run(lambda connection, now: list_allowed(connection, now, user))
    return page(
        ehr, "manage.html", person=await name_of(ehr, user), leave=form_token(secret, "sign-out"), key="",
        token=form_token(secret, "manage"), grants=[await _shown(ehr, each) for each in allowed],
        revoked="revoked" in request.query_params,
    )  # fmt: skip


async def _shown(ehr: SandboxEhr, allowed: Allowed) -> dict[str, Any]:
    return {
        "id": allowed.id, "app": allowed.app, "scopes": picking.worded(allowed.scopes),
        "patient": await name_of(ehr, f"Patient/{allowed.patient}") if allowed.patient else None,
        "since": _day(allowed.since), "last_token": _day(allowed.last_token) if allowed.last_token else None,
        "lasts": LASTS[allowed.lasts],
    }  # fmt: skip


def _day(seconds: float) -> str:
    """``2026-11-25 16:20 UTC``."""
    return f"{format_instant(seconds)[:16].replace('T', ' ')} UTC"


async def _revoke(ehr: SandboxEhr, request: Request) -> Response:
    form = await own_form(ehr, request)
    secret, session = await _session(ehr, request)
    if session is None or session.user is None:
        raise OAuthError("access_denied", "your session has ended: sign in again", status=403)
    if not genuine(form.get("token", ""), secret, "manage"):
        raise OAuthError(
            "access_denied", "this page was overtaken, or is not from this browser: load it again", status=403
        )
    user, id = session.user, form.get("grant", "")

    def work(connection: Connection, now: float) -> bool:
        grant = find_by_id(connection, now, id)
        if grant is None or not take_back(connection, now, id=id, user=user):
            return False
        ehr.audit.granted(connection, now, "revoke", grant, caller_of(request.scope))
        return True

    if not await ehr.database.run(work):
        raise OAuthError(
            "invalid_request", "there is no such grant of yours; perhaps it was revoked already", status=404
        )
    return redirect(f"{ehr.base}/auth/manage?revoked")
