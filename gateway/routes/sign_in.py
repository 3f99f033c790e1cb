"""Edge: what a person does for an authorization request: sign in, pick a patient, pick an encounter, allow or deny.

Every form is bound to the browser's cookie, the request's key and all that the page showed: one that was overtaken in
another tab, replayed, or made elsewhere is refused. What is posted must be something that the EHR has and the request
may have.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import scopes
from auth.errors import OAuthError
from auth.scopes import Scope
from auth.server import requests, sessions, steps
from auth.server.authorize import Redirect, conclude
from auth.server.clients import Client, find_client, hashed
from auth.server.requests import Kept
from auth.server.sessions import Session, form_token, genuine
from auth.server.steps import Asked, Step
from gateway.face.accesses import caller_of
from gateway.routes import picking, viewing
from gateway.routes.ehr_pages import (
    cookie_of,
    give_cookie,
    message,
    name_of,
    own_form,
    page,
    redirect,
    told_as_page,
)
from gateway.routes.forms import server_of
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from sandbox.audit import NOBODY, Caller

OVERTAKEN = "this page was overtaken in another tab or window, or is not from this browser"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One look at a kept request by one browser. Without a request somebody signs in to see what was allowed."""

    secret: str
    session: Session | None
    kept: Kept | None = None
    client: Client | None = None
    caller: Caller = NOBODY

    @property
    def asked(self) -> Asked:
        assert self.kept is not None
        return self.kept.asked

    @property
    def user(self) -> str | None:
        """Who is signed in."""
        return self.session.user if self.session else None

    @property
    def step(self) -> Step:
        return steps.next_step(self.asked, self.user) if self.kept else "sign-in"

    @property
    def shown(self) -> tuple[str, str, str]:
        """What a form of this visit is bound to."""
        return (self.kept.key, self.step, self.kept.body) if self.kept else ("", "sign-in", "")

    def may_sign_in(self, user: str) -> bool:
        return self.kept is None or steps.may_sign_in(self.asked, user)


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/auth/sign-in`` and ``/auth/sign-out``."""

    async def show(request: Request) -> Response:
        return await _show(ehr, request)

    async def answer(request: Request) -> Response:
        return await _answer(ehr, request)

    async def leave(request: Request) -> Response:
        return await _leave(ehr, request)

    return [
        Route("/auth/sign-in", told_as_page(ehr, show), methods=["GET"]),
        Route("/auth/sign-in", told_as_page(ehr, answer), methods=["POST"]),
        Route("/auth/sign-out", told_as_page(ehr, leave), methods=["POST"]),
    ]


async def _show(ehr: SandboxEhr, request: Request) -> Response:
    key, held = request.query_params.get("request", ""), cookie_of(ehr, request)
    secret = held or ehr.new_secret()
    visit = await ehr.database.run(lambda connection, now: _visit(connection, now, key, secret, bind=True))
    said = viewing.asked(request, "name", "then")
    response = await _page(ehr, visit, name=said["name"][:64], then=said["then"])
    return response if held else give_cookie(response, ehr, secret)


def _visit(connection: Connection, now: float, key: str, secret: str, *, bind: bool) -> Visit:
    """Raises OAuthError unless the request waits, and for this browser."""
    session = sessions.find_session(connection, now, secret)
    if not key:
        return Visit(secret=secret, session=session)
    kept = requests.find_request(connection, now, key)
    client = find_client(connection, now, kept.asked.client_id) if kept else None
    if kept is None or client is None:
        raise OAuthError("invalid_request", "this request was answered already, or is older than ten minutes")
    if bind:
        mine = requests.bind_request(connection, now, key=key, browser=hashed(secret))
    else:
        mine = kept.browser == hashed(secret)
    if not mine:
        raise OAuthError("access_denied", "this request was opened in another browser", status=403)
    return Visit(secret=secret, session=session, kept=kept, client=client[0])


async def _page(ehr: SandboxEhr, visit: Visit, *, name: str, then: str = "") -> Response:
    """The page of the step that is next."""
    values: dict[str, Any] = {
        "then": then,
        "key": visit.shown[0], "token": form_token(visit.secret, *visit.shown), "name": name,
        "app": visit.client.name or visit.client.id if visit.client else None,
        "host": picking.host_of(visit.asked.redirect_uri) if visit.kept else None,
        "leads_to": [visit.asked.redirect_uri] if visit.kept else (),
        "leave": form_token(visit.secret, "sign-out"), "person": await name_of(ehr, visit.user) if visit.user else None,
    }  # fmt: skip
    if visit.step == "sign-in":
        people = await picking.people(ehr, visit.may_sign_in, only=_named(visit), name=name)
        guarded = ehr.operator_secret is not None
        return page(ehr, "sign_in.html", **values, **people, guarded=guarded, chosen=_named(visit) is not None)
    context = steps.context_of(visit.asked, visit.user or "")
    if visit.step == "patient":
        return page(ehr, "pick_patient.html", **values, **await picking.patients(ehr, name))
    patient = await name_of(ehr, f"Patient/{context.patient}") if context.patient else None
    if visit.step == "encounter":
        shown = await picking.encounters(ehr, context.patient or "")
        return page(ehr, "pick_encounter.html", **values, **shown, patient=patient)
    offered = steps.offered(visit.asked, context)
    return page(ehr, "consent.html", **values, patient=patient, context=context, scopes=picking.worded(offered))


def _named(visit: Visit) -> str | None:
    """Whom the launch names as its user."""
    return visit.asked.context.user if visit.kept else None


async def _answer(ehr: SandboxEhr, request: Request) -> Response:
    form = await own_form(ehr, request)
    key, secret = form.get("request", ""), cookie_of(ehr, request)
    if secret is None:
        raise OAuthError("access_denied", "the browser did not send this EHR's cookie: allow cookies", status=403)
    visit = await ehr.database.run(lambda connection, now: _visit(connection, now, key, secret, bind=False))
    if not genuine(form.get("token", ""), secret, *visit.shown):
        return _overtaken(ehr)
    visit = replace(visit, caller=caller_of(request.scope))
    if form.get("decision") == "deny" and visit.kept:
        return await _conclude(ehr, visit, ())
    return await ANSWERS[visit.step](ehr, visit, form)


def _overtaken(ehr: SandboxEhr) -> Response:
    return message(
        ehr, "This page is out of date", f"{OVERTAKEN.capitalize()}. Nothing was changed.", status=403,
        advice="Go on in the tab that you used last, or go back to the app and start again.",
    )  # fmt: skip


async def _signed_in(ehr: SandboxEhr, visit: Visit, form: Mapping[str, str]) -> Response:
    """A session of the chosen person's, under a cookie that nobody knew before."""
    user = form.get("user", "")
    if not picking.is_person(user) or not visit.may_sign_in(user) or await below.read(ehr, user) is None:
        raise OAuthError("access_denied", "user must be one of those that the page listed", status=403)
    if ehr.operator_secret is not None and not compare_digest(
        form.get("operator", "").encode("utf-8", "surrogatepass"), ehr.operator_secret.encode()
    ):
        raise OAuthError("access_denied", "the operator's secret is wrong", status=403)
    secret = ehr.new_secret()

    def work(connection: Connection, now: float) -> None:
        sessions.end_session(connection, now, visit.secret)
        new = sessions.begin_session(connection, now, secret=secret, user=user)
        requests.rebind_requests(connection, now, old=hashed(visit.secret), new=new)

    await ehr.database.run(ehr.audit.event("sign-in", work, visit.caller, user=user))
    return give_cookie(redirect(_next(ehr, visit, form.get("then", ""))), ehr, secret)


def _next(ehr: SandboxEhr, visit: Visit, then: str = "") -> str:
    if visit.kept is None:
        return viewing.after_sign_in(ehr, then)
    return f"{ehr.base}/auth/sign-in?{urlencode({'request': visit.kept.key})}"


async def _picked_patient(ehr: SandboxEhr, visit: Visit, form: Mapping[str, str]) -> Response:
    id = form.get("patient", "")
    if not picking.is_id(id) or await below.read(ehr, f"Patient/{id}") is None:
        raise OAuthError("access_denied", "patient must be one of those that the page listed", status=403)
    return await _keep(ehr, visit, replace(visit.asked, context=replace(visit.asked.context, patient=id)))


async def _picked_encounter(ehr: SandboxEhr, visit: Visit, form: Mapping[str, str]) -> Response:
    """An encounter of the patient's; "none" leaves ``launch/encounter`` ungranted."""
    id, asked = form.get("encounter", ""), visit.asked
    if id == "none":
        return await _keep(ehr, visit, replace(asked, done=(*asked.done, "encounter")))
    found = await below.read(ehr, f"Encounter/{id}") if picking.is_id(id) else None
    patient = steps.context_of(asked, visit.user or "").patient
    if found is None or picking.subject_of(found) != patient:
        raise OAuthError("access_denied", "encounter must be one of those that the page listed", status=403)
    return await _keep(ehr, visit, replace(asked, context=replace(asked.context, encounter=id)))


async def _keep(ehr: SandboxEhr, visit: Visit, asked: Asked) -> Response:
    kept = visit.kept
    assert kept is not None
    changed = await ehr.database.run(lambda c, now: requests.change_request(c, now, kept=kept, asked=asked))
    return redirect(_next(ehr, visit)) if changed else _overtaken(ehr)


async def _decided(ehr: SandboxEhr, visit: Visit, form: Mapping[str, str]) -> Response:
    """What is ticked is granted, and nothing else."""
    if form.get("decision") != "allow":
        raise OAuthError("invalid_request", "decision must be allow or deny")
    offered = steps.offered(visit.asked, steps.context_of(visit.asked, visit.user or ""))
    names = {f"scope-{place}": scope for place, scope in enumerate(offered)}
    ticked = {name: value for name, value in form.items() if name.startswith("scope-")}
    if any(name not in names or value != scopes.format_one(names[name]) for name, value in ticked.items()):
        raise OAuthError("invalid_scope", "a scope was ticked that the page did not list", status=403)
    granted = scopes.outermost(scope for name, scope in names.items() if name in ticked)
    return await _conclude(ehr, visit, granted)


async def _conclude(ehr: SandboxEhr, visit: Visit, granted: tuple[Scope, ...]) -> Response:
    """Answers the app, once."""
    kept, server = visit.kept, server_of(ehr)
    assert kept is not None

    def work(connection: Connection, now: float) -> Redirect | None:
        session = sessions.find_session(connection, now, visit.secret)
        if (granted and session is None) or not requests.take_request(connection, now, kept):
            return None
        return conclude(
            connection, now, asked=kept.asked, context=steps.context_of(kept.asked, visit.user or ""), granted=granted,
            session=session.id if session else None, server=server,
        )  # fmt: skip

    answer = await ehr.database.run(ehr.audit.code(work, visit.caller))
    return redirect(answer.url) if answer else _overtaken(ehr)


async def _leave(ehr: SandboxEhr, request: Request) -> Response:
    """Signs out; a request that waits is put to whoever signs in next."""
    form, secret = await own_form(ehr, request), cookie_of(ehr, request) or ""
    if not genuine(form.get("token", ""), secret, "sign-out"):
        return _overtaken(ehr)
    new, key = ehr.new_secret(), form.get("request", "")

    def work(connection: Connection, now: float) -> bool:
        session = sessions.find_session(connection, now, secret)
        if session is not None:
            ehr.audit.record(connection, now, "sign-out", caller_of(request.scope), user=session.user)
        sessions.end_session(connection, now, secret)
        requests.rebind_requests(connection, now, old=hashed(secret), new=hashed(new))
        kept = requests.find_request(connection, now, key)
        return kept is not None and kept.browser == hashed(new)

    waits = await ehr.database.run(work)
    query = f"?{urlencode({'request': key})}" if waits else ""
    return give_cookie(redirect(f"{ehr.base}/auth/sign-in{query}"), ehr, new)


ANSWERS: Mapping[Step, Callable[[SandboxEhr, Visit, Mapping[str, str]], Awaitable[Response]]] = {
    "sign-in": _signed_in, "patient": _picked_patient, "encounter": _picked_encounter, "consent": _decided,
}  # fmt: skip
