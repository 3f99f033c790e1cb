"""Edge: ``/ehr/{ehr}/faults``: which faults there are and which are switched on (product.md §6). JSON only, and from no
other site: a form or a script of another origin cannot send such a request without asking first, and is not allowed."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from gateway.routes.forms import operator, read_json, told
from gateway.sandbox_ehrs import faults
from gateway.sandbox_ehrs.ehr import SandboxEhr

MOST = 64
"""Faults switched on at once."""


def routes(ehr: SandboxEhr) -> list[Route]:
    """``GET``, ``PUT`` and ``DELETE`` of the faults."""

    async def show(request: Request) -> Response:
        operator(ehr, request)
        return _told(ehr)

    async def switch(request: Request) -> Response:
        operator(ehr, request)
        ehr.faults.switch(_wanted(await read_json(request)))
        return _told(ehr)

    async def clear(request: Request) -> Response:
        operator(ehr, request)
        ehr.faults.switch(())
        return _told(ehr)

    methods = {"GET": show, "PUT": switch, "DELETE": clear}
    return [Route("/faults", told(each), methods=[method]) for method, each in methods.items()]


def _told(ehr: SandboxEhr) -> Response:
    listed = {
        "available": [name for name, _ in faults.available()],
        "active": list(ehr.faults.active),
        "described": dict(faults.available()),
        "struck": ehr.faults.struck(),
    }
    return JSONResponse(listed, headers={"cache-control": "no-store"})


def _wanted(document: Any) -> list[str]:
    """The names of the body. Raises OAuthError naming the member."""
    if not isinstance(document, dict) or document.keys() != {"active"}:
        raise OAuthError("invalid_request", "the body must be an object with the one member active")
    names = document["active"]
    if not isinstance(names, list) or len(names) > MOST or not all(isinstance(name, str) for name in names):
        raise OAuthError("invalid_request", f"active must be a list of at most {MOST} names")
    if not faults.known(names):
        raise OAuthError("invalid_request", "active must hold names that GET lists")
    return names
