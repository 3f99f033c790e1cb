"""Edge: ``/alerts``: the inbox of both teams, one alert's story, and what can be done about it. For staff; no scripts."""

import time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from gateway.alerting.showing import shown_action, shown_alert, shown_change, shown_event, shown_silence
from gateway.app import Gateway
from gateway.bodies.bodies import is_printable
from gateway.pages import HEADERS, render
from gateway.people import sessions
from gateway.people.sessions import Session
from gateway.routes.alerts import concerns, named
from gateway.routes.delivery_pages import bounds, reaches, staff
from gateway.routes.forms import read_form
from gateway.routes.pages import message
from monitoring.alerting import acting, handling, raising
from monitoring.errors import UnknownAlert
from vocabulary.alert import Alert
from vocabulary.instant import format_instant

SPANS = {"1": "an hour", "8": "eight hours", "24": "a day", "168": "a week"}
"""For how long a silence is offered, by hours."""
MONTH = 30.0
"""Days ahead that planned changes are told."""
ORDER = ("critical", "warning", "info")


def routes(gateway: Gateway) -> list[Route]:
    """``/alerts``, ``/alerts/{id}`` and its forms."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    async def do(request: Request) -> Response:
        return await _do(gateway, request)

    return [
        Route("/alerts", listed),
        Route("/alerts/{id}", show),
        Route("/alerts/{id}/{what:str}", do, methods=["POST"]),
    ]


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    chosen = request.query_params.get("show", "standing")
    ehrs = bounds(session)
    alerts, silences, taken = await gateway.run(
        lambda c, now: (
            handling.find_alerts(c, now, standing=chosen != "all", ehrs=ehrs), raising.find_silences(c, now),
            acting.find_actions(c, now),
        )
    )  # fmt: skip
    owner = request.query_params.get("owner", "")
    wanted = [each for each in alerts if owner in ("", *each.owners)]
    rows = sorted(wanted, key=lambda each: (each.quiet, ORDER.index(each.severity), -each.since))
    page = render(
        "alerts.html", session=session, alerts=[shown_alert(each) for each in rows], chosen=chosen, owner=owner,
        silences=[shown_silence(each) for each in silences if concerns(session, "monitors.read", each)],
        actions=[shown_action(each) for each in taken if concerns(session, "monitors.read", each)],
        calendar=_calendar(gateway, ehrs),
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


def _calendar(gateway: Gateway, ehrs: frozenset[str]) -> list[dict[str, str]]:
    """Planned changes that are under way or begin within a month, by name, with the EHRs that they touch: a release that nobody
    here reads the codes of is not among them."""
    found: dict[str, dict[str, str]] = {}
    now = gateway.clock()
    for ehr in ehrs or gateway.senders.names():
        read = gateway.alerts.marking.systems(ehr)
        for change in sorted(gateway.alerts.calendar.around(ehr, now, days=MONTH), key=lambda each: each.at):
            if not change.systems or change.systems & read:
                row = found.setdefault(change.name, {"name": change.name, "at": format_instant(change.at),
                                                     "until": format_instant(change.until), "ehrs": ""})  # fmt: skip
                row["ehrs"] = f"{row['ehrs']}, {ehr}".removeprefix(", ")
    return sorted(found.values(), key=lambda row: row["at"])


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    id = request.path_params["id"]
    try:
        alert, events, changes = await gateway.run(partial(handling.find_story, id=id))
        _seen(session, alert)
    except UnknownAlert:
        return message("Not here", "There is no such alert.", status=404, session=session)
    page = render(
        "alert.html",
        session=session,
        alert=shown_alert(alert),
        events=[shown_event(each) for each in events],
        changes=[shown_change(each) for each in changes],
        spans=SPANS,
    )
    return HTMLResponse(page, headers=HEADERS)


async def _do(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        return message("Refused", "This request came from another site.", status=403, session=session)
    id, what = request.path_params["id"], request.path_params["what"]
    try:
        form = await read_form(request)
        await gateway.run(lambda c, now: _done(c, now, id, what, form, session, gateway))
    except UnknownAlert:
        return message("Not here", "There is no such alert.", status=404, session=session)
    except (handling.SilenceRefused, OAuthError, KeyError) as failure:
        text = "There is no such button." if isinstance(failure, KeyError) else f"{failure}."
        return message("Not done", text[:1].upper() + text[1:], status=422, session=session)
    gateway.alerts.wake()
    return RedirectResponse(f"/alerts/{id}", status_code=303, headers=HEADERS)


def _seen(session: Session, alert: Alert) -> None:
    """Raises UnknownAlert for one of an EHR that the staff does not see: to it, there is none."""
    if not reaches(session, alert.ehr):
        raise UnknownAlert("no alert has that id")


def _done(connection: Any, now: float, id: str, what: str, form: Any, session: Session, gateway: Gateway) -> None:
    alert, by = handling.find_alert(connection, now, id), named(session)
    _seen(session, alert)
    note = str(form.get("note", ""))[:500]
    if not is_printable(note):
        raise OAuthError("invalid_request", "a note holds no control characters")
    if what == "silence":
        hours = int(form["hours"]) if form.get("hours") in SPANS else 0
        matching = {"monitor": alert.monitor, "model": alert.model, "ehr": alert.ehr, "source": alert.source}
        handling.silence(
            connection, now, matching=matching, until=time.time() + hours * 3600 if hours else 0.0, by=by, why=note,
            new_id=gateway.new_id,
        )  # fmt: skip
    else:
        {"acknowledge": handling.acknowledge, "resolve": handling.resolve}[what](
            connection, now, id=id, by=by, why=note
        )
