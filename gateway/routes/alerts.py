"""Edge: ``/api/alerts``, ``/api/silences``, ``/api/actions``: what the monitors say, and what people do about it."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.alerting.showing import shown_action, shown_alert, shown_change, shown_event, shown_silence
from gateway.app import Gateway
from gateway.bodies import bodies
from gateway.people import apikeys, sessions
from gateway.routes import describing
from gateway.routes.json_api import Caller, allowed, as_json, bounds_of, caller_of, own_page, read_body, refused, told
from monitoring.alerting import acting, handling, raising
from monitoring.alerting.acting import Taken
from monitoring.alerting.rules import Silence
from monitoring.errors import UnknownAlert
from vocabulary.alert import Alert
from vocabulary.instant import parse_instant

STAFF: tuple[sessions.Role, ...] = ("engineer", "informatics")
BOUND = "who asks is bound to other EHRs or models"


def router(gateway: Gateway) -> APIRouter:
    """The JSON addresses: reading needs ``monitors.read``, everything else ``alerts.manage``, or a person of the staff."""
    api = APIRouter(prefix="/api", tags=["alerts"])
    for path, method, described, act in (
        ("/alerts", "GET", describing.LIST_ALERTS, _alerts),
        ("/alerts/{id}", "GET", describing.SHOW_ALERT, _alert),
        ("/alerts/{id}/acknowledge", "POST", describing.ACKNOWLEDGE, _acknowledge),
        ("/alerts/{id}/resolve", "POST", describing.RESOLVE, _resolve),
        ("/silences", "GET", describing.LIST_SILENCES, _silences),
        ("/silences", "POST", describing.SILENCE, _silence),
        ("/actions", "GET", describing.LIST_ACTIONS, _actions),
        ("/actions", "POST", describing.ACT, _act),
        ("/actions/{id}/lift", "POST", describing.LIFT, _lift),
    ):
        api.add_api_route(path, _endpoint(gateway, act), methods=[method], **described)
    return api


def _endpoint(gateway: Gateway, act: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        return await told(act(gateway, request))

    endpoint.__name__ = str(act.__name__).strip("_")
    return endpoint


async def _reader(gateway: Gateway, request: Request) -> Caller:
    return await caller_of(gateway, request, "monitors.read", roles=STAFF)


async def _manager(gateway: Gateway, request: Request) -> Caller:
    caller = await caller_of(gateway, request, "alerts.manage", roles=STAFF)
    own_page(gateway, request, caller)
    return caller


def _sees(caller: Caller, scope: apikeys.Scope, ehr: str, model: str) -> bool:
    return allowed(caller, scope, ehr=ehr, model=model, roles=STAFF)


def concerns(caller: Caller, scope: apikeys.Scope, each: Silence | Taken) -> bool:
    """Whether a silence or a decision touches what the caller sees: its own, or those that are for every EHR or model."""
    return allowed(caller, scope, ehr=each.ehr or None, model=each.model or None, roles=STAFF)


def named(caller: Caller) -> str:
    """Who did it, for the trail: a key by its id, a person by the identity that the EHR or the sign-in provider vouched for, or
    by role. What the person is comes from the session that has the role: a launch beside it did nothing."""
    if isinstance(caller, apikeys.ApiKey):
        return f"key:{caller.id}"
    acting = sessions.require(*STAFF)(caller) or caller
    if acting.person is not None:
        return f"staff:{acting.person}"[:200]
    return acting.fhir_user or f"session:{'+'.join(sorted(acting.roles))}"


async def _alerts(gateway: Gateway, request: Request) -> Response:
    caller = await _reader(gateway, request)
    ehrs, _ = bounds_of(caller, STAFF)
    found = await gateway.run(partial(handling.find_alerts, ehrs=ehrs))
    seen = [shown_alert(each) for each in found if _sees(caller, "monitors.read", each.ehr, each.model)]
    return as_json({"alerts": seen})


async def _one(gateway: Gateway, request: Request, caller: Caller, scope: apikeys.Scope) -> Alert:
    """The alert of the address. Raises Refusal 404, also for one that is not for this caller."""
    id = request.path_params["id"]
    try:
        alert = await gateway.run(lambda c, now: handling.find_alert(c, now, id))
    except UnknownAlert:
        alert = None
    if alert is None or not _sees(caller, scope, alert.ehr, alert.model):
        raise refused(404, "there is no such alert", "id")
    return alert


async def _story(gateway: Gateway, id: str) -> Response:
    alert, events, changes = await gateway.run(partial(handling.find_story, id=id))
    return as_json({
        **shown_alert(alert), "events": [shown_event(each) for each in events],
        "changes": [shown_change(each) for each in changes],
    })  # fmt: skip


async def _alert(gateway: Gateway, request: Request) -> Response:
    alert = await _one(gateway, request, await _reader(gateway, request), "monitors.read")
    return await _story(gateway, alert.id)


async def _acknowledge(gateway: Gateway, request: Request) -> Response:
    return await _handle(gateway, request, handling.acknowledge)


async def _resolve(gateway: Gateway, request: Request) -> Response:
    return await _handle(gateway, request, handling.resolve)


async def _handle(gateway: Gateway, request: Request, how: Any) -> Response:
    caller = await _manager(gateway, request)
    alert = await _one(gateway, request, caller, "alerts.manage")
    body = await read_body(request, bodies.NoteBody)
    by, why = named(caller), body.note or ""
    await gateway.run(lambda c, now: how(c, now, id=alert.id, by=by, why=why))
    gateway.alerts.wake()
    return await _story(gateway, alert.id)


async def _silences(gateway: Gateway, request: Request) -> Response:
    caller = await _reader(gateway, request)
    found = await gateway.run(raising.find_silences)
    return as_json({"silences": [shown_silence(each) for each in found if concerns(caller, "monitors.read", each)]})


async def _silence(gateway: Gateway, request: Request) -> Response:
    caller = await _manager(gateway, request)
    body = await read_body(request, bodies.SilenceBody)
    matching = {name: getattr(body, name) or "" for name in ("monitor", "model", "ehr", "source")}
    if not _sees(caller, "alerts.manage", matching["ehr"], matching["model"]):
        raise refused(403, BOUND, "Authorization")
    by, until = named(caller), parse_instant(body.until)
    try:
        made = await gateway.run(
            lambda c, now: handling.silence(
                c, now, matching=matching, until=until, by=by, why=body.why, new_id=gateway.new_id
            )
        )
    except handling.SilenceRefused as failure:
        raise refused(422, str(failure), "until" if "ends" in str(failure) else "monitor") from failure
    return as_json(shown_silence(made), status=201)


async def _actions(gateway: Gateway, request: Request) -> Response:
    return await _taken(gateway, await _reader(gateway, request), "monitors.read")


async def _taken(gateway: Gateway, caller: Caller, scope: apikeys.Scope) -> Response:
    found = await gateway.run(acting.find_actions)
    return as_json({"actions": [shown_action(each) for each in found if concerns(caller, scope, each)]})


async def _act(gateway: Gateway, request: Request) -> Response:
    caller = await _manager(gateway, request)
    body = await read_body(request, bodies.ActionBody)
    if not _sees(caller, "alerts.manage", body.ehr or "", body.model):
        raise refused(403, BOUND, "Authorization")
    if not any(id == body.model for id, _ in gateway.models):
        raise refused(422, "is not installed here", "model")
    by, person = named(caller), not isinstance(caller, apikeys.ApiKey)
    try:
        made = await gateway.run(
            lambda c, now: acting.act(
                c, now, model=body.model, action=body.action, by=by, why=body.why, person=person,
                version=body.version or "", ehr=body.ehr or "", feature=body.feature or "",
            )
        )  # fmt: skip
    except acting.ActionRefused as failure:
        raise refused(403 if "person" in str(failure) else 422, str(failure), "action") from failure
    await gateway.alerts.look()
    return as_json(shown_action(made), status=201)


async def _lift(gateway: Gateway, request: Request) -> Response:
    caller = await _manager(gateway, request)
    given = request.path_params["id"]
    by, id = named(caller), int(given) if given.isdigit() and len(given) < 12 else 0
    found = {each.id: each for each in await gateway.run(acting.find_actions)}
    if id not in found or not _sees(caller, "alerts.manage", found[id].ehr, found[id].model):
        raise refused(404, "no such decision is in force", "id")
    if isinstance(caller, apikeys.ApiKey) and found[id].action in acting.HUMAN:
        raise refused(403, "is for a person who is signed in", "id")
    await gateway.run(lambda c, now: acting.lift(c, now, id=id, by=by))
    await gateway.alerts.look()
    return await _taken(gateway, caller, "alerts.manage")
