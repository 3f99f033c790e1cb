"""Edge: who looks at the pages of an EHR that show patients' data, and whose: none opens without a session."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.errors import OAuthError
from auth.server.sessions import find_session, form_token
from auth.server.steps import own_patient
from gateway.routes.ehr_pages import cookie_of, name_of, page, redirect
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr

AFTER = re.compile(r"patients(/[A-Za-z0-9\-.]{1,64}(/[A-Z][A-Za-z]{1,40})?)?|log|launch|auth/manage")
"""Where a sign-in may lead to, below the EHR's address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """A signed-in person. ``only`` is the one patient whose record this person sees; None sees all."""

    secret: str
    user: str
    name: str
    only: str | None

    @property
    def staff(self) -> bool:
        """Whether this is a clinician."""
        return self.only is None

    def may_see(self, patient: str) -> bool:
        """Whether the record is this person's to see."""
        return self.only in (None, patient)


async def viewer_of(ehr: SandboxEhr, request: Request) -> Viewer | None:
    """Who is signed in, or None."""
    secret = cookie_of(ehr, request) or ""
    session = await ehr.database.run(lambda connection, now: find_session(connection, now, secret))
    if session is None or session.user is None:
        return None
    only = await _only(ehr, session.user)
    return Viewer(secret=secret, user=session.user, name=await name_of(ehr, session.user), only=only)


async def _only(ehr: SandboxEhr, user: str) -> str | None:
    if user.startswith("RelatedPerson/"):
        record = await below.read(ehr, user) or {}
        return str(record.get("patient", {}).get("reference", "")).removeprefix("Patient/")
    return own_patient(user)


def to_sign_in(ehr: SandboxEhr, then: str) -> Response:
    """On to the sign-in, and back to this page."""
    return redirect(f"{ehr.base}/auth/sign-in?{urlencode({'then': then})}")


def after_sign_in(ehr: SandboxEhr, then: str) -> str:
    """Where a person goes who signed in without an app; ``then`` comes from a form and is no more than a page of ours."""
    return f"{ehr.base}/{then if AFTER.fullmatch(then) else 'auth/manage'}"


def show(ehr: SandboxEhr, viewer: Viewer, template: str, *, live: bool = False, **values: Any) -> Response:
    """A page for this person; ``live`` lets its own script run and ask its own address."""
    response = page(
        ehr, template, person=viewer.name, leave=form_token(viewer.secret, "sign-out"), key="", staff=viewer.staff,
        **values,
    )  # fmt: skip
    if live:
        policy = response.headers["content-security-policy"]
        response.headers["content-security-policy"] = f"{policy}; script-src 'self'; connect-src 'self'"
    return response


def refuse_staff_only(viewer: Viewer, what: str) -> None:
    """Raises OAuthError for who is no clinician."""
    if not viewer.staff:
        raise OAuthError("access_denied", f"{what} is for clinicians: sign in as one", status=403)


def asked(request: Request, *names: str) -> Mapping[str, str]:
    """These parameters of the address, each at most so long as any good one."""
    return {name: request.query_params.get(name, "")[:2048] for name in names}
