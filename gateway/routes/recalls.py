"""Edge: ``/api/recalls``: a model version is withdrawn, and how far that is."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import bodies, query
from gateway.outputs.recall_verbs import NeverHere, begin, shown_item, shown_recall
from gateway.people import apikeys
from gateway.routes import describing
from gateway.routes.deliveries import STAFF
from gateway.routes.json_api import (
    Caller,
    Refusal,
    as_json,
    bearer,
    bounds_of,
    caller_of,
    key_of,
    read_body,
    refused,
    told,
)
from writeback import recall
from writeback.ledger import listing

ITEMS = 200


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses. A recall is begun with a key of the scope ``recall`` that is bound to no EHR."""
    api = APIRouter(prefix="/api", tags=["recalls"])

    @api.post("/recalls", status_code=202, **describing.START_RECALL)
    async def start(request: Request) -> Response:
        return await told(_start(gateway, request))

    @api.get("/recalls", **describing.LIST_RECALLS)
    async def listed(request: Request) -> Response:
        return await told(_list(gateway, request))

    @api.get("/recalls/{id}", **describing.SHOW_RECALL)
    async def show(request: Request) -> Response:
        return await told(_show(gateway, request))

    return api


async def _start(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key as bearer", "Authorization")
    key = await key_of(gateway, presented, "recall")
    body = await read_body(request, bodies.RecallBody)
    if key.ehrs or not apikeys.allows(key, "recall", model=body.model):
        raise refused(403, "a recall concerns every EHR: the key is bound to some, or to other models", "Authorization")
    id = gateway.new_id()
    try:
        begun, new = await gateway.run(
            lambda c, now: begin(
                c, now, id=id, model=body.model, version=body.version, reason=body.reason, by=f"key:{key.id}"
            )
        )
    except NeverHere as unknown:
        raise refused(404, str(unknown), unknown.element) from unknown
    gateway.recalls.wake()
    headers = {"location": f"/api/recalls/{begun.id}"}
    return as_json(shown_recall(begun), status=202 if new else 200, headers=headers)


def _may_see(caller: Caller, model: str) -> bool:
    return not isinstance(caller, apikeys.ApiKey) or apikeys.allows(caller, "recall", model=model)


async def _reader(gateway: Gateway, request: Request) -> Caller:
    """Who may see recalls: what one does at every EHR is not for a key, or a person, that is bound to some. Raises Refusal 401 or
    403."""
    caller = await caller_of(gateway, request, "recall", roles=STAFF)
    if bounds_of(caller, STAFF)[0]:
        raise refused(403, "a recall concerns every EHR: who asks is bound to some", "Authorization")
    return caller


async def _list(gateway: Gateway, request: Request) -> Response:
    caller = await _reader(gateway, request)
    asked = query.read_filters(request.query_params.multi_items(), query.RECALLS, recall.STATES)
    if isinstance(asked, list):
        raise Refusal(422, *asked)
    wanted = query.narrowed(asked.wanted, models=bounds_of(caller, STAFF)[1])
    found, place = await gateway.run(
        lambda c, now: listing.page_recalls(c, now, wanted=wanted, limit=asked.limit, before=asked.before)
    )
    following = asked.next("/api/recalls", place)
    headers = {"link": f'<{following}>; rel="next"'} if following else {}
    return as_json({"recalls": [shown_recall(each) for each in found], "next": following}, headers=headers)


async def _show(gateway: Gateway, request: Request) -> Response:
    """With what still stands, item by item; ``next`` leads on."""
    caller = await _reader(gateway, request)
    id = request.path_params["id"]
    after = _after(request)
    found = await gateway.run(lambda c, now: recall.find_recall(c, now, id))
    if found is None or not _may_see(caller, found.model):
        raise refused(404, "no recall has this id", "id")
    left = await gateway.run(
        lambda c, now: recall.list_items(c, now, id, states=recall.STANDING, after=after, limit=ITEMS)
    )
    more = f"/api/recalls/{id}?cursor={query.format_cursor((0.0, str(left[-1].id)))}" if len(left) == ITEMS else None
    shown = {**shown_recall(found), "items": [shown_item(item) for item in left], "next": more}
    return as_json(shown)


def _after(request: Request) -> int:
    """The item after which this page begins. Raises Refusal."""
    given = request.query_params.multi_items()
    if any(name != "cursor" for name, _ in given) or len(given) > 1:
        raise refused(422, "may be only cursor, once", "query")
    if not given:
        return 0
    try:
        return query.row_of(query.parse_cursor(given[0][1]))
    except ValueError:
        raise refused(422, query.FOREIGN_CURSOR, "cursor") from None
