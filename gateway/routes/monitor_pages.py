"""Edge: ``/monitors``: the models at a glance, and every signal of one with its band, limits and marks. For staff; no scripts."""

import asyncio
import time
from typing import Any

from sqlalchemy import Connection, func, select
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.pages import HEADERS, render, signals
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, reaches, staff
from gateway.routes.pages import message
from monitoring import evaluations
from monitoring.alerting import handling, marks
from monitoring.catalogue import MONITORS
from vocabulary.alert import Alert
from vocabulary.signal import LEVELS, Signal
from writeback import tables

DAYS = 30
DAY = 86400.0
Place = tuple[str, str, str]


def routes(gateway: Gateway) -> list[Route]:
    """``/monitors`` and ``/monitors/{model}/{version}/{ehr}``."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    return [Route("/monitors", listed), Route("/monitors/{model}/{version}/{ehr}", show)]


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    packed = await gateway.run(evaluations.find_packed)
    ehrs = bounds(session)
    traffic, alerts = await gateway.run(
        lambda c, now: (_traffic(c, now, ehrs), handling.find_alerts(c, now, standing=True, ehrs=ehrs))
    )
    every = await asyncio.to_thread(lambda: [each for body in packed for each in evaluations.unpack_signals(body)])
    found = [each for each in every if not ehrs or each.ehr in ehrs]
    page = render(
        "monitors.html", session=session, thresholds=gateway.thresholds, day=signals.day,
        rows=_glance(found, traffic, alerts), areas=list(signals.AREAS.values()),
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


def _traffic(connection: Connection, now: float, ehrs: frozenset[str]) -> dict[Place, dict[str, int]]:
    """Outputs of the last day by state, for each model version at each EHR."""
    o = tables.outputs.c
    rows = connection.execute(
        select(o.model, o.version, o.ehr, o.state, func.count())
        .where(o.since >= now - DAY, *((o.ehr.in_(sorted(ehrs)),) if ehrs else ()))
        .group_by(o.model, o.version, o.ehr, o.state)
    )
    found: dict[Place, dict[str, int]] = {}
    for model, version, ehr, state, number in rows:
        found.setdefault((model, version, ehr), {})[state] = number
    return found


def _glance(
    found: list[Signal], traffic: dict[Place, dict[str, int]], alerts: list[Alert]
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each model version at each EHR, the gravest first."""
    by_place: dict[Place, list[Signal]] = {place: [] for place in traffic}
    for each in found:
        by_place.setdefault((each.model, each.version, each.ehr), []).append(each)
    rows = []
    for place, own in by_place.items():
        states = traffic.get(place, {})
        rows.append({
            "place": place, "worst": signals.worst(own), "outputs": sum(states.values()), "states": states,
            "areas": {
                name: signals.worst(each for each in own if signals.area(each.monitor) == name) if own else "learning"
                for name in signals.AREAS.values()
            },
            "alerts": sum((each.model, each.version, each.ehr) == place and not each.quiet for each in alerts),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-LEVELS.index(row["worst"]), row["place"]))


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    place: Place = (request.path_params["model"], request.path_params["version"], request.path_params["ehr"])
    since = time.time() - DAYS * DAY
    packed, history, markers = await gateway.run(
        lambda c, now: (
            evaluations.find_packed(c, now), evaluations.find_points(c, now, place=place, since=since),
            marks.find_markers(c, now, since=since, model=place[0], ehr=place[2]),
        )
    )  # fmt: skip

    def drawn() -> tuple[list[Signal], list[signals.Plot]]:
        every = [each for body in packed for each in evaluations.unpack_signals(body)]
        own = [each for each in every if (each.model, each.version, each.ehr) == place]
        return own, signals.plots(own, history, markers)

    own, plots = await asyncio.to_thread(drawn)
    if not reaches(session, place[2]) or (not own and place[:2] not in gateway.models):
        return message("Not here", "No such model is watched here.", status=404, session=session)
    page = render(
        "monitor.html", session=session, place=place, plots=plots, areas=signals.AREAS.values(), area=signals.area,
        others=[each for each in own if each.value is None], title_of=signals.title, day=signals.day,
        markers=markers, monitors=MONITORS,
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)
