"""Edge: what the pages of a sandbox EHR share: the browser's cookie, forms that only their own pages post, and refusals
in plain words."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth.errors import OAuthError
from auth.server.sessions import LIFE
from gateway.pages import HEADERS, render, sentence
from gateway.people.sessions import cookie_values
from gateway.processes.hosts import same_site
from gateway.routes.forms import read_form
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr

_COOKIE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_AUTHORITY = re.compile(r"[A-Za-z0-9.\-:\[\]]+")
FIELDS = 512
"""In one form, at most: a scope each on the consent page."""

Endpoint = Callable[[Request], Awaitable[Response]]


def cookie_name(ehr: SandboxEhr) -> str:
    """One for each EHR; ``__Host-`` keeps it to this host, secure, and unset by any other."""
    return f"__Host-{ehr.name}-session"


def cookie_of(ehr: SandboxEhr, request: Request) -> str | None:
    """The secret that this browser holds, signed in or not."""
    found = cookie_values(request.scope["headers"], cookie_name(ehr))
    return next((value for value in found if _COOKIE.fullmatch(value)), None)


def give_cookie(response: Response, ehr: SandboxEhr, secret: str, *, life: float = LIFE) -> Response:
    """The response with the browser's new secret; a ``life`` of 0 takes it away."""
    attributes = f"Max-Age={int(life)}; Path=/; Secure; HttpOnly; SameSite=Lax"
    response.headers.append("set-cookie", f"{cookie_name(ehr)}={secret}; {attributes}")
    return response


def page(
    ehr: SandboxEhr, template: str, *, status: int = 200, leads_to: Iterable[str] = (), frames: Iterable[str] = (),
    **values: Any,
) -> HTMLResponse:  # fmt: skip
    """A page of this EHR. ``leads_to`` are addresses to which a form of it may redirect: browsers hold the redirect that
    answers a form to ``form-action``. ``frames`` are addresses that a frame of it may show."""
    allowed = " ".join(["form-action 'self'", *_origins(leads_to)])
    policy = HEADERS["Content-Security-Policy"].replace("form-action 'self'", allowed)
    if framed := _origins(frames):
        policy = " ".join([f"{policy}; frame-src 'self'", *framed])
    shared = {"person": None, "then": "", "staff": True, "guarded": ehr.operator_secret is not None}
    content = render(template, ehr=ehr.name, base=ehr.base, style=f"{ehr.base}/style.css", **{**shared, **values})
    return HTMLResponse(content, status, {**HEADERS, "Content-Security-Policy": policy})


def _origins(uris: Iterable[str]) -> list[str]:
    return sorted({origin for uri in uris if (origin := _origin(uri))})


def _origin(uri: str) -> str | None:
    """The source expression of an address; None when it cannot stand in a policy."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}" if _AUTHORITY.fullmatch(parts.netloc) else None
    return f"{parts.scheme}:" if parts.scheme else None


def message(ehr: SandboxEhr, title: str, text: str, *, advice: str = "", status: int = 200) -> Response:
    """A page that says what happened and what to do."""
    return page(ehr, "ehr_message.html", status=status, title=title, text=text, advice=advice)


def redirect(url: str) -> Response:
    """303 after a form: the browser goes on with GET."""
    return RedirectResponse(url, status_code=303, headers={**HEADERS, "Referrer-Policy": "no-referrer"})


def told_as_page(ehr: SandboxEhr, endpoint: Endpoint) -> Endpoint:
    """The endpoint with its refusals as pages."""

    async def handle(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as refused:
            advice = "Go back to the app and start again; if that does not help, tell its developer what stands above."
            return message(ehr, "This did not work", sentence(refused.text), advice=advice, status=refused.status)
        except ClientDisconnect:
            return Response(status_code=400)

    return handle


async def own_form(ehr: SandboxEhr, request: Request) -> dict[str, str]:
    """The form, if a page of this EHR posted it. Raises OAuthError."""
    if not same_site(request.scope["headers"], ehr.base.removesuffix(f"/ehr/{ehr.name}")):
        raise OAuthError("access_denied", "this form came from another site", status=403)
    return await read_form(request, fields=FIELDS)


async def name_of(ehr: SandboxEhr, reference: str | None) -> str:
    """The name of a person of the EHR, for a page; the reference where the record is gone."""
    found = await below.read(ehr, reference) if reference else None
    return below.name_of(found) if found else reference or "nobody in particular"
