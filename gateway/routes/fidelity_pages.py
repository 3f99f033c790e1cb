"""Edge: ``/fidelity``: how fit charts were, by feed, model, feature and day, and feeds by code. For staff; counts only."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fidelity.catalogue import BY_ID
from gateway.app import Gateway
from gateway.feeds import kept_profiles
from gateway.pages import HEADERS, profiles, render
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, reaches, staff
from gateway.routes.fidelity_api import counts, read_wanted
from gateway.routes.pages import message
from r4.outcome import Issue

MOST_CODES = 200
"""Codes in the table of a feed: the commonest."""


def routes(gateway: Gateway) -> list[Route]:
    """``/fidelity`` and ``/fidelity/codes``."""

    async def shown(request: Request) -> Response:
        return await _show(gateway, request)

    async def codes(request: Request) -> Response:
        return await _codes(gateway, request)

    return [Route("/fidelity", shown), Route("/fidelity/codes", codes)]


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    given = [(name, value) for name, value in request.query_params.multi_items() if value]
    wanted = read_wanted(given, gateway.clock())
    if isinstance(wanted, Issue):
        return message(
            "Not understood", f"The address asks for something unknown: {wanted.element}.", status=422, session=session
        )
    found = await counts(gateway, wanted._replace(ehrs=bounds(session)))
    page = render(
        "fidelity.html", session=session, found=found, wanted=wanted, checks=BY_ID, trend=profiles.fitness(found["trend"]),
        charts={(each["ehr"], each["model"], each["version"]): each["charts"] for each in found["models"]},
        ehrs=sorted({each["ehr"] for each in found["models"]} | ({wanted.ehr} if wanted.ehr else set())),
        models=sorted({each["model"] for each in found["models"]} | ({wanted.model} if wanted.model else set())),
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


async def _codes(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    kept = await gateway.run(kept_profiles.listed)
    feed = request.query_params.get("feed", "")
    days = kept.get(feed, [])
    day = request.query_params.get("day") or (days[0] if days else "")
    asked = (
        reaches(session, feed) and (feed + day).isprintable()
    )  # what is not is kept nowhere, and no database is asked for it
    document = await gateway.run(lambda c, now: kept_profiles.find(c, now, feed=feed, day=day)) if asked else None
    if document is None:
        return message("Not here", "No profile of that feed and day is kept.", status=404, session=session)
    earlier = next((each for each in days if each < day), None)
    before = await gateway.run(lambda c, now: kept_profiles.find(c, now, feed=feed, day=earlier)) if earlier else None
    page = render(
        "fidelity_codes.html", session=session, feed=feed, day=day, days=days, earlier=earlier, document=document,
        codes=compared(document, before)[:MOST_CODES], total=len(document["codes"]), plots=profiles.plots(document),
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


def compared(document: dict[str, Any], before: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The codes of a feed, those that came or went since the earlier profile first, then the commonest."""
    old = {(each["system"], each["code"]): each for each in (before or {}).get("codes", ())}
    new = {(each["system"], each["code"]): each for each in document["codes"]}
    rare = {tuple(each) for each in document["rare_codes"]}
    rows = [
        {
            **each,
            "before": old[code]["resources"] if code in old else None,
            "mark": "new" if before and code not in old else "",
        }
        for code, each in new.items()
    ]
    rows += [
        {
            **each,
            "resources": 0,
            "choices": {},
            "units": [],
            "before": each["resources"],
            "mark": "rare" if code in rare else "vanished",
        }
        for code, each in old.items()
        if code not in new
    ]
    return sorted(rows, key=lambda each: (not each["mark"], -each["resources"], -(each["before"] or 0), each["code"]))
