"""Edge: the app face: the gateway as a SMART app, its JSON API with OpenAPI, its pages."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.client.oidc import Provider
from gateway.app import Gateway
from gateway.launches.launch_limits import LaunchLimits
from gateway.routes import (
    alert_pages,
    alerts,
    clinician,
    conformance_pages,
    deciding,
    deliveries,
    delivery_pages,
    describing,
    entrance,
    fidelity_api,
    fidelity_pages,
    labels,
    launches,
    methods,
    model_pages,
    monitor_pages,
    monitors,
    outputs,
    pages,
    recall_pages,
    recalls,
    sample_pages,
    site_pages,
    staff,
)
from gateway.storage.failures import DatabaseAway, DatabaseFailed, DatabaseFull
from r4.outcome import Issue, outcome


def application(
    gateway: Gateway, *, production: bool = False, provider: Provider | None = None, limits: LaunchLimits | None = None
) -> FastAPI:
    """The ASGI application of ``http://localhost:…``. In ``production`` nobody comes in by a link that was printed, and an
    address with another slash is another address. ``limits`` bound how fast launches and sign-ins are begun."""
    app = _Application(
        outputs.submission(gateway), title="Chartgate", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    for part in (outputs, deciding, deliveries, recalls, alerts, monitors, labels, fidelity_api):
        app.include_router(part.router(gateway))
    app.openapi = _described(app)  # type: ignore[method-assign]
    for routes in (
        launches.routes(gateway, limits), entrance.routes(gateway, link=not production), clinician.routes(gateway),
        pages.routes(gateway),
        delivery_pages.routes(gateway), recall_pages.routes(gateway), fidelity_pages.routes(gateway),
        site_pages.routes(gateway),
        alert_pages.routes(gateway),
        monitor_pages.routes(gateway),
        model_pages.routes(gateway),
        conformance_pages.routes(gateway),
        sample_pages.routes(gateway),
    ):  # fmt: skip
        app.router.routes.extend(routes)
    if provider is not None:
        app.router.routes.extend(staff.routes(gateway, provider, limits))
        gateway.signs_in = True
    app.router.redirect_slashes = not production
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(DatabaseFailed, _not_kept)
    return app


class _Application(FastAPI):
    """With the one address that thousands of requests a second go to before all that the framework does for a request;
    it has its own limits and its own words for every error. An address with a NUL is nobody's: PostgreSQL stores and
    compares none."""

    def __init__(self, submission: ASGIApp, **given: Any) -> None:
        super().__init__(**given)
        self._submission = submission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "\0" in scope["path"]:
            await (await _not_served(Request(scope), HTTPException(404)))(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == outputs.SUBMISSIONS and scope["method"] == "POST":
            await self._submission(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"].startswith("/api/"):
            await methods.head(super().__call__, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _described(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The OpenAPI document, made once."""
    make = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describing.complete(make())
        return app.openapi_schema

    return document


async def _not_kept(request: Request, failure: Any) -> Response:
    """A page whose database failed, for whoever reads or has just decided: what became of it. The JSON addresses say so in
    their own words."""
    status = 503 if isinstance(failure, DatabaseAway) else 507 if isinstance(failure, DatabaseFull) else 500
    away = "The database does not answer: look in a moment whether it was done, before you do it again."
    says = away if status == 503 else "Nothing could be stored, and nothing of this was kept."
    advice = "Whoever runs this installation sees what is wrong."
    page = pages.message("Not done", says, status=status, advice=advice)
    if status == 503:
        page.headers["retry-after"] = "5"
    return page


async def _not_served(request: Request, failure: Any) -> Response:
    """404 and 405 as the caller expects them: an OperationOutcome below ``/api``, a page elsewhere."""
    status: int = failure.status_code
    headers = methods.allow(request, request.app.routes, status) if "app" in request.scope else {}
    if request.url.path.startswith("/api"):
        issue = Issue("not-found" if status == 404 else "not-supported", "no such address, or not with this method")
        return JSONResponse(outcome([issue]), status, media_type="application/fhir+json", headers=dict(headers))
    says = "This address is not served." if status == 404 else "This address does not take what was asked of it."
    page = pages.message("Not here", says, status=status, advice="Start at the home page.")
    page.headers.update(headers)
    return page
