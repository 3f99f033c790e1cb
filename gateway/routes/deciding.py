"""Edge: ``/api/outputs/{id}/confirm``, ``reject`` and ``amend``: what only a clinician does, in a session (product.md §6)."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import bodies
from gateway.outputs import amendments, decisions
from gateway.people import sessions
from gateway.routes import describing
from gateway.routes.json_api import as_json, bearer, read_body, refused, told
from gateway.routes.pages import session_of


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses. No key decides."""
    api = APIRouter(prefix="/api", tags=["outputs"])

    @api.post("/outputs/{id}/confirm", **describing.CONFIRM)
    async def confirm(request: Request) -> Response:
        return await told(_decide(gateway, request, "confirm"))

    @api.post("/outputs/{id}/reject", **describing.REJECT)
    async def reject(request: Request) -> Response:
        return await told(_decide(gateway, request, "reject"))

    @api.post("/outputs/{id}/amend", **describing.AMEND)
    async def amend(request: Request) -> Response:
        return await told(_amend(gateway, request))

    return api


async def _person(gateway: Gateway, request: Request) -> sessions.Session | None:
    """The session of a page of this site. Raises Refusal 403: no key decides."""
    session = await session_of(gateway, request)
    if bearer(request) is not None and session is None:
        raise refused(403, "no key decides: this is for people, in a session", "Authorization")
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        raise refused(403, "must be this site's own", "Origin")
    return session


async def _decide(gateway: Gateway, request: Request, decision: Literal["confirm", "reject"]) -> Response:
    session = await _person(gateway, request)
    body = await read_body(request, bodies.ReasonBody)
    made = await decisions.decide(gateway, session, id=request.path_params["id"], decision=decision, reason=body.reason)
    if made.refusal is not None:
        raise refused(made.status, made.refusal, made.element)
    return as_json(made.output)


async def _amend(gateway: Gateway, request: Request) -> Response:
    session = await _person(gateway, request)
    body = await read_body(request, bodies.AmendBody)
    made = await amendments.amend(
        gateway, session, id=request.path_params["id"], status=body.status, reason=body.reason
    )  # fmt: skip
    if made.refusal is not None:
        raise refused(made.status, made.refusal, made.element)
    return as_json(made.output, status=202)
