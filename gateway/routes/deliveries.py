"""Edge: ``/api/deliveries``: what was sent, what became of each attempt, and dead letters sent again."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import query
from gateway.outputs import resending
from gateway.people import apikeys
from gateway.people.sessions import Role
from gateway.routes import describing
from gateway.routes.json_api import Caller, Refusal, allowed, as_json, bounds_of, caller_of, own_page, refused, told
from writeback.ledger import listing
from writeback.states import STATES

READERS: tuple[apikeys.Scope, ...] = ("deliveries.manage", "outputs.read")
STAFF: tuple[Role, ...] = ("engineer", "informatics")


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses. A delivery is told without a patient datum."""
    api = APIRouter(prefix="/api", tags=["deliveries"])

    @api.get("/deliveries", **describing.LIST_DELIVERIES)
    async def listed(request: Request) -> Response:
        return await told(_list(gateway, request))

    @api.get("/deliveries/{id}", **describing.SHOW_DELIVERY)
    async def show(request: Request) -> Response:
        return await told(_show(gateway, request))

    @api.post("/deliveries/{id}/resend", **describing.RESEND_DELIVERY)
    async def resend(request: Request) -> Response:
        return await told(_resend(gateway, request))

    return api


def may_read(
    caller: Caller, found: Mapping[str, Any], *scopes: apikeys.Scope, roles: Sequence[Role] = STAFF
) -> bool:  # fmt: skip
    """Whether a key, or a person with one of the roles, is bound to nothing else."""
    return any(allowed(caller, scope, ehr=found["ehr"], model=found["model"], roles=roles) for scope in scopes)


async def _list(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, *READERS, roles=STAFF)
    asked = query.read_filters(request.query_params.multi_items(), query.DELIVERIES, STATES)
    if isinstance(asked, list):
        raise Refusal(422, *asked)
    ehrs, models = bounds_of(caller, STAFF)
    wanted = query.narrowed(asked.wanted, ehrs=ehrs, models=models)
    found = await gateway.run(
        lambda c, now: listing.page_deliveries(c, now, wanted=wanted, limit=asked.limit, before=asked.before)
    )
    following = asked.next("/api/deliveries", found.next)
    headers = {"link": f'<{following}>; rel="next"'} if following else {}
    return as_json({"deliveries": found.rows, "next": following}, headers=headers)


async def _show(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, *READERS, roles=STAFF)
    id = request.path_params["id"]
    found = await gateway.run(lambda c, now: listing.find_delivery(c, now, id))
    if found is None or not may_read(caller, found, *READERS):
        raise refused(404, "no delivery has this id", "id")
    return as_json(found)


async def _resend(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, "deliveries.manage", roles=("engineer",))
    own_page(gateway, request, caller)
    made = await resending.resend_delivery(
        gateway, request.path_params["id"],
        allowed=lambda found: may_read(caller, found, "deliveries.manage", roles=("engineer",)),
    )  # fmt: skip
    if made.refusal is not None:
        raise refused(made.status, made.refusal, "id")
    return as_json(made.shown)
