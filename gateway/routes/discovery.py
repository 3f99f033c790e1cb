"""Edge: what the authorization server of one sandbox EHR says of itself, for pages of any origin: its SMART configuration, its
keys, its brand."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth import discovery
from gateway.routes.forms import Endpoint
from gateway.sandbox_ehrs import brands
from gateway.sandbox_ehrs.ehr import SandboxEhr


def routes(ehr: SandboxEhr) -> list[Route]:
    """Documents below the issuer."""
    configuration, openid = discovery.document(ehr.base), discovery.openid_document(ehr.base)
    return [
        Route("/fhir/.well-known/smart-configuration", _document(lambda: configuration)),
        Route("/.well-known/openid-configuration", _document(lambda: openid)),
        Route("/auth/jwks", _document(lambda: ehr.keys.published(ehr.clock()))),
        Route("/brands", brands.endpoint(ehr)),
    ]


def _document(made: Callable[[], dict[str, Any]]) -> Endpoint:
    """A public JSON document, whatever the Accept header says."""

    async def handle(request: Request) -> Response:
        return JSONResponse(made(), headers={"cache-control": "max-age=60"})

    return handle
