"""Edge: ``/health/live``, ``/health/ready`` and ``/metrics`` as ``serve`` has them: which EHR, which certificate and every number
are for whoever has a key."""

from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import health
from gateway.app import Gateway
from gateway.people import apikeys
from gateway.routes.json_api import bearer, key_of, refused, told


def app(gateway: Gateway, watch: health.Watch) -> Starlette:
    """The operations of a gateway in production."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        return await told(_ready(gateway, watch, request))

    async def metrics(request: Request) -> Response:
        return await told(_metrics(gateway, request))

    return Starlette(
        routes=[Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]
    )  # fmt: skip


async def _ready(gateway: Gateway, watch: health.Watch, request: Request) -> Response:
    checks = await watch.checks()
    shown: dict[str, Any] = health.summary(checks)
    presented = bearer(request)
    if presented is not None:
        key = await key_of(gateway, presented, "monitors.read", "metrics.read")
        shown["details"] = [asdict(check) for check in checks if _concerns(key, check)]
    unready = shown["status"] == "unready"
    headers = {"cache-control": "no-store", **({"retry-after": "1"} if unready else {})}
    return JSONResponse(shown, status_code=503 if unready else 200, headers=headers)


def _concerns(key: apikeys.ApiKey, check: health.Check) -> bool:
    """A key that is bound to EHRs is told of no other EHR."""
    return check.name != "ehrs" or not key.ehrs or check.about in key.ehrs


async def _metrics(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key with metrics.read as bearer", "Authorization")
    key = await key_of(gateway, presented, "metrics.read")
    return Response(await gateway.metrics(apikeys.bounds(key)), media_type="text/plain; version=0.0.4; charset=utf-8")
