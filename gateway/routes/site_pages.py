"""Edge: ``/sites``: what is live at each customer, what is red and what to do about it, every change. For staff."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.pages import HEADERS, render
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, staff
from gateway.routes.pages import message
from gateway.schedules import verbs as schedule_verbs
from gateway.sites import history, readiness
from gateway.sites.differing import differences
from gateway.sites.folder import Declared
from vocabulary.instant import format_instant

TICKS = 5
"""Last ticks of a schedule that are shown, and missed ones."""


def routes(gateway: Gateway) -> list[Route]:
    """``/sites`` and ``/sites/{id}``."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    return [Route("/sites", listed), Route("/sites/{id}", show)]


def seen(gateway: Gateway, session: Session) -> list[Declared]:
    """The sites whose EHRs the staff sees, every one of them: what a site's page says is said of all."""
    ehrs = bounds(session)
    return [each for each in gateway.declared if not ehrs or (each.site.ehrs and ehrs.issuperset(each.site.ehrs))]


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    found = [await _examined(gateway, declared) for declared in seen(gateway, session)]
    return HTMLResponse(render("sites.html", session=session, sites=found), headers=HEADERS)


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    sites = {declared.id: declared for declared in seen(gateway, session)}
    declared = sites.get(request.path_params["id"])
    if declared is None:
        return message("Not here", "No site of that name is declared.", status=404, session=session)
    other = sites.get(request.query_params.get("with", ""))
    compared = differences(declared.site, other.site) if other is not None else []
    page = render(
        "site.html", session=session, found=await _examined(gateway, declared), changes=await _changes(gateway, declared),
        schedules=await _schedules(gateway, declared),
        others=sorted(set(sites) - {declared.id}), compared=other.id if other else None, differences=compared,
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


async def _examined(gateway: Gateway, declared: Declared) -> dict[str, Any]:
    places = readiness.placed(declared)
    known = await gateway.run(lambda c, now: readiness.known(c, now, site=declared.id, places=places))
    return readiness.examine(declared, gateway.models, known, gateway.clock())


async def _schedules(gateway: Gateway, declared: Declared) -> list[dict[str, Any]]:
    """Each schedule with its next ticks, its last ones, and those that did not end well."""

    def work(connection: Connection, now: float) -> list[dict[str, Any]]:
        found = schedule_verbs.list_schedules(connection, now, {"site": declared.id})
        for each in found:
            asked = {"schedule": each["schedule"], "limit": TICKS}
            each["ticks"] = schedule_verbs.list_ticks(connection, now, asked)
            each["missed"] = schedule_verbs.list_ticks(connection, now, {**asked, "missed": True})
        return found

    return await gateway.run(work)


async def _changes(gateway: Gateway, declared: Declared) -> list[dict[str, Any]]:
    """Each version with the members that it changed."""
    found = await gateway.run(lambda c, now: history.find_versions(c, now, declared.id))
    return [
        {
            "at": format_instant(each.at), "by": each.by, "why": each.why,
            "what": [line.path for line in differences(before.declared, each.declared)] if before else [],
        }
        for each, before in zip(found, [*found[1:], None], strict=True)
    ]  # fmt: skip
