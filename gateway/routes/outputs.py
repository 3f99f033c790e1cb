"""Edge: ``/api/outputs``: outputs come in by key, are shown by key or session, and are decided by people (product.md §6)."""

import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import Gateway
from gateway.bodies import bodies, query
from gateway.outputs import corrections, intake, resending
from gateway.people import apikeys, sessions
from gateway.routes import describing
from gateway.routes.deliveries import may_read
from gateway.routes.json_api import (
    FHIR,
    Caller,
    Refusal,
    as_json,
    bearer,
    caller_of,
    key_of,
    own_page,
    read_body,
    read_json,
    refused,
    told,
)
from r4 import codec
from r4.outcome import Issue, outcome
from writeback.ledger import listing, outputs
from writeback.states import OUTPUT_STATES

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses. Errors are OperationOutcomes."""
    api = APIRouter(prefix="/api", tags=["outputs"])

    @api.post("/outputs", status_code=202, **describing.SUBMIT)
    async def submit(request: Request) -> Response:
        return await told(_submit(gateway, request))

    @api.get("/outputs", **describing.LIST_OUTPUTS)
    async def listed(request: Request) -> Response:
        return await told(_list(gateway, request))

    @api.post("/outputs/search", **describing.SEARCH_OUTPUTS)
    async def search(request: Request) -> Response:
        return await told(_search(gateway, request))

    @api.get("/outputs/{id}", **describing.SHOW_OUTPUT)
    async def show(request: Request) -> Response:
        return await told(_show(gateway, request))

    @api.post("/outputs/{id}/correct", **describing.CORRECT)
    async def correct(request: Request) -> Response:
        return await told(_correct(gateway, request))

    @api.post("/outputs/{id}/resend", **describing.RESEND_OUTPUT)
    async def resend(request: Request) -> Response:
        return await told(_resend(gateway, request))

    return api


SUBMISSIONS = "/api/outputs"


def submission(gateway: Gateway) -> ASGIApp:
    """``POST /api/outputs`` for the front of the table: the one address that thousands of requests a second go to
    takes no detour. ``router`` has it too, for the OpenAPI document."""

    async def submit(scope: Scope, receive: Receive, send: Send) -> None:
        response = await told(_submit(gateway, Request(scope, receive)))
        await response(scope, receive, send)

    return submit


async def _submit(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key as bearer", "Authorization")
    names = request.headers.getlist("idempotency-key")
    if len(names) > 1 or (names and _IDEMPOTENCY_KEY.fullmatch(names[0]) is None):
        raise refused(422, "must be one word of at most 255 printable characters", "Idempotency-Key")
    document = await read_json(request)
    output = bodies.read_output(document)
    if isinstance(output, list):
        known = await gateway.run(lambda connection, now: apikeys.find_key(connection, now, presented))
        if known is None or "outputs.write" not in known.scopes:
            raise refused(401 if known is None else 403, "is not a key that may submit outputs", "Authorization")
        raise Refusal(422, *output)
    taken = await intake.take(gateway, output, presented=presented, idempotency_key=names[0] if names else None)
    if isinstance(taken, intake.Turned):
        raise Refusal(taken.status, taken.issue, wait=taken.wait)
    status = 422 if taken.shown["state"] == "refused" else 202 if taken.new else 200
    headers = {"location": f"/api/outputs/{taken.shown['id']}"}
    if status == 422:
        refusal = taken.shown["refusal"] or {}
        text, element = refusal.get("text", "refused by the gate"), refusal.get("element", "")
        issue = Issue("business-rule", text, element, refusal.get("reason", ""))
        return Response(codec.format(outcome([issue])), 422, headers, media_type=FHIR)
    return as_json(taken.shown, status=status, headers=headers)


def may_see(caller: Caller, shown: dict[str, Any]) -> bool:
    """Whether the caller may see this output at all."""
    if isinstance(caller, apikeys.ApiKey):
        return apikeys.allows(caller, "outputs.read", ehr=shown["ehr"], model=shown["model"])
    bare = shown["patient"].removeprefix("Patient/")
    return sessions.sees(ehr=shown["ehr"], patient=bare)(caller) is not None


async def _show(gateway: Gateway, request: Request) -> Response:
    id, caller = request.path_params["id"], await caller_of(gateway, request, "outputs.read")
    shown = await gateway.run(lambda connection, now: outputs.show_output(connection, now, id))
    if shown is None or not may_see(caller, shown):
        raise refused(404, "no output has this id", "id")
    return as_json(shown)


async def _list(gateway: Gateway, request: Request) -> Response:
    """The outputs that the caller may see, the newest first. No patient is asked for here: an address is logged."""
    caller = await caller_of(gateway, request, "outputs.read")
    asked = query.read_filters(request.query_params.multi_items(), query.OUTPUTS, OUTPUT_STATES)
    if isinstance(asked, list):
        raise Refusal(422, *asked)
    found = await _page(gateway, caller, asked)
    following = asked.next("/api/outputs", found.next)
    headers = {"link": f'<{following}>; rel="next"'} if following else {}
    return as_json({"outputs": found.rows, "next": following}, headers=headers)


async def _search(gateway: Gateway, request: Request) -> Response:
    """The same by a body, where the patient may be named; ``next`` is the cursor of the following page."""
    caller = await caller_of(gateway, request, "outputs.read")
    own_page(gateway, request, caller)
    body = (await read_body(request, bodies.SearchBody)).model_dump(exclude_none=True)
    patient, state = body.pop("patient", None), body.pop("state", [])
    states = [state] if isinstance(state, str) else state
    pairs = [*((name, str(value)) for name, value in body.items()), *(("state", word) for word in states)]
    asked = query.read_filters(pairs, query.OUTPUTS, OUTPUT_STATES, patient)
    if isinstance(asked, list):
        raise Refusal(422, *asked)
    found = await _page(gateway, caller, asked)
    following = query.format_cursor(found.next) if found.next else None
    return as_json({"outputs": found.rows, "next": following})


async def _page(gateway: Gateway, caller: Caller, asked: query.Asked) -> listing.Page:
    """A page of what the caller may see: what a key or staff is bound to, the launch's own patient otherwise."""
    wanted = asked.wanted
    if isinstance(caller, apikeys.ApiKey):
        wanted = query.narrowed(wanted, ehrs=caller.ehrs, models=caller.models)
    elif sessions.STAFF & caller.roles:
        wanted = query.narrowed(wanted, ehrs=caller.ehrs)
    else:
        own = f"Patient/{caller.patient}"
        if caller.ehr is None or caller.patient is None or wanted.patient not in (None, own):
            return listing.Page(rows=[], next=None)
        wanted = query.narrowed(query.about(wanted, own), ehrs=frozenset({caller.ehr}))
    return await gateway.run(
        lambda c, now: listing.page_outputs(c, now, wanted=wanted, limit=asked.limit, before=asked.before)
    )


async def _correct(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key as bearer", "Authorization")
    key = await key_of(gateway, presented, "outputs.write")
    output = bodies.read_output(await read_json(request))
    if isinstance(output, list):
        raise Refusal(422, *output)
    made = await corrections.correct(gateway, key, id=request.path_params["id"], output=output)
    if made.refusal is not None:
        raise refused(made.status, made.refusal, made.element)
    return as_json(made.output, status=made.status)


async def _resend(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, "deliveries.manage", roles=("engineer",))
    own_page(gateway, request, caller)
    made = await resending.resend_output(
        gateway, request.path_params["id"],
        allowed=lambda found: may_read(caller, found, "deliveries.manage", roles=("engineer",)),
    )  # fmt: skip
    if made.refusal is not None:
        raise refused(made.status, made.refusal, "id")
    return as_json(made.shown)
