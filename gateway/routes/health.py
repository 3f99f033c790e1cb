"""``/health/live``, ``/health/ready`` and ``/metrics``: on both sites, without patient data."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def app(*, ready: Callable[[], Awaitable[bool]], metrics: Callable[[], Awaitable[bytes]]) -> Starlette:
    """``ready`` touches what the process cannot work without; ``metrics`` gives Prometheus text."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def readiness(request: Request) -> Response:
        if await ready():
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "starting"}, status_code=503, headers={"retry-after": "1"})

    async def exposition(request: Request) -> Response:
        return Response(await metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(
        routes=[Route("/health/live", live), Route("/health/ready", readiness), Route("/metrics", exposition)]
    )
