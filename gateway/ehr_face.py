"""Edge: the EHR face: every sandbox EHR under ``/ehr/{name}``, each with its own authorization server and FHIR base."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.face.audit_watch import Watch
from gateway.routes import (
    authorization,
    chart_pages,
    fault_form,
    fault_switches,
    fhir,
    launcher,
    log_page,
    manage,
    methods,
    registration,
    sign_in,
)
from gateway.sandbox_ehrs.client_keys import ClientKeys
from gateway.sandbox_ehrs.cors import Cors
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4.outcome import Issue, outcome

WITHOUT_RECORDS = frozenset({
    "/fhir/metadata", "/fhir/.well-known/smart-configuration", "/.well-known/openid-configuration", "/auth/token",
    "/auth/jwks",
})  # fmt: skip
"""What can be answered before the patients are there: whoever asks an EHR what it is does not make it load them."""
QUERY_LIMIT = 64 * 1024
"""Bytes of a query: parsing more than any request needs would hold up everybody."""


def application(ehrs: Sequence[SandboxEhr]) -> ASGIApp:
    """The ASGI application of ``http://127.0.0.1:…/ehr``."""
    pages = Starlette(routes=_mounts(ehrs), exception_handlers={404: _absent, 405: _absent})
    pages.router.redirect_slashes = False
    bases: dict[str, ASGIApp] = {
        f"/ehr/{ehr.name}": Cors(fhir.FhirFace(ehr), database=ehr.database) for ehr in ehrs
    }  # fmt: skip

    waiting = {f"/ehr/{ehr.name}": ehr for ehr in ehrs if ehr.window.limit is not None or ehr.seeding is not None}

    async def face(scope: Scope, receive: Receive, send: Send) -> None:
        if len(scope["query_string"]) > QUERY_LIMIT:
            await _too_long(scope, receive, send)
            return
        issuer, here, below = scope["path"].partition("/fhir")
        if waiting and (refusal := await _admitted(waiting, scope["path"], issuer)) is not None:
            await refusal(scope, receive, send)
            return
        base = bases.get(issuer) if here and below[:1] in ("", "/") else None
        if base is None or below.startswith("/.well-known/"):
            await pages(scope, receive, send)
        else:
            await base({**scope, "root_path": issuer}, receive, send)

    return face


def _mounts(ehrs: Sequence[SandboxEhr]) -> list[Mount]:
    return [
        Mount(
            f"/ehr/{ehr.name}",
            Router(_routes(ehr), redirect_slashes=False),
            middleware=[Middleware(Cors, database=ehr.database), Middleware(Watch, ehr=ehr)],
        )
        for ehr in ehrs
    ]


async def _admitted(waiting: dict[str, SandboxEhr], path: str, issuer: str) -> Response | None:
    """The refusal of one request too many, of those to the FHIR base and for tokens. An EHR that is used for the first
    time gets its patients first."""
    name = "/".join(issuer.split("/", 3)[:3])
    ehr = waiting.get(name)
    if ehr is None:
        return None
    known = path.removeprefix(name) in WITHOUT_RECORDS
    if not known:
        await ehr.ready()
    if ehr.window.limit is None:
        if not known:
            waiting.pop(name, None)
        return None
    counted = path != issuer or path == f"{name}/auth/token"
    answer = ehr.window.refuse(ehr.clock()) if counted else None
    if answer is None:
        return None
    ehr.audit.refused(answer.status, "throttled")
    return JSONResponse(answer.resource, answer.status, dict(answer.headers), media_type="application/fhir+json")


def _routes(ehr: SandboxEhr) -> list[Route]:
    """The pages and endpoints of one EHR, FHIR apart. An address with a slash too many is none of them: a redirect would
    repeat what was sent, and send a credential twice (RFC 9700 §4.12)."""
    return [
        *authorization.routes(ehr, ClientKeys(clock=ehr.clock, loopback=ehr.allow_loopback_jwks)),
        *registration.routes(ehr),
        *sign_in.routes(ehr),
        *manage.routes(ehr),
        *launcher.routes(ehr),
        *chart_pages.routes(ehr),
        *log_page.routes(ehr),
        *fault_switches.routes(ehr),
        *fault_form.routes(ehr),
    ]


_too_long = JSONResponse(
    outcome([Issue("too-long", f"A query has at most {QUERY_LIMIT} bytes.")]), 414, media_type="application/fhir+json"
)


async def _absent(request: Request, failure: Any) -> Response:
    text = "This address is not served." if failure.status_code == 404 else "This method is not served here."
    body = outcome([Issue("not-found" if failure.status_code == 404 else "not-supported", text)])
    headers = methods.allow(request, request.app.routes, failure.status_code)
    return JSONResponse(body, failure.status_code, headers=dict(headers), media_type="application/fhir+json")
