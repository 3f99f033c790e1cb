"""Edge: ``/recalls``: which model versions are withdrawn, and what of them only a person at an EHR can take back. For staff."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.bodies import query
from gateway.outputs.recall_verbs import shown_item, shown_recall
from gateway.pages import HEADERS, render, wording
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, staff
from gateway.routes.pages import message
from writeback import recall
from writeback.ledger import listing
from writeback.ledger.listing import Filter

PAGE = 50
ITEMS = 100
STATES: Mapping[str, str] = {
    "stopped": "never sent", "retracted": "entered in error at the EHR", "gone": "deleted by the EHR",
    "waiting": "not dealt with yet", "retracting": "being taken back", "worklist": "for a person at the EHR",
}  # fmt: skip
ALL = "A recall concerns every EHR: these pages are for staff that is bound to none."


def routes(gateway: Gateway) -> list[Route]:
    """``/recalls`` and ``/recalls/{id}``."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    return [Route("/recalls", listed), Route("/recalls/{id}", show)]


async def _staff(gateway: Gateway, request: Request) -> Session | Response:
    session = await staff(gateway, request)
    if isinstance(session, Session) and bounds(session):
        return message("Not for you", ALL, status=403, session=session)
    return session


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await _staff(gateway, request)
    if isinstance(session, Response):
        return session
    asked = query.read_filters([("limit", str(PAGE)), *request.query_params.multi_items()], ("limit", "cursor"), ())
    if isinstance(asked, list):
        return _unknown(session)
    found, place = await gateway.run(
        lambda c, now: listing.page_recalls(c, now, wanted=Filter(), limit=PAGE, before=asked.before)
    )
    more = None if place is None else f"/recalls?cursor={query.format_cursor(place)}"
    page = render("recalls.html", session=session, recalls=[shown_recall(each) for each in found], more=more)
    return HTMLResponse(page, headers=HEADERS)


async def _show(gateway: Gateway, request: Request) -> Response:
    """What still stands of one recall, in the order in which it was found."""
    session = await _staff(gateway, request)
    if isinstance(session, Response):
        return session
    id, given = request.path_params["id"], request.query_params.get("cursor")
    try:
        after = query.row_of(query.parse_cursor(given)) if given else 0
    except ValueError:
        return _unknown(session)
    found = await gateway.run(lambda c, now: recall.find_recall(c, now, id))
    if found is None:
        return message("Not here", "There is no such recall.", status=404, session=session)
    left = await gateway.run(
        lambda c, now: recall.list_items(c, now, id, states=recall.STANDING, after=after, limit=ITEMS)
    )
    more = f"/recalls/{id}?cursor={query.format_cursor((0.0, str(left[-1].id)))}" if len(left) == ITEMS else None
    page = render(
        "recall.html", session=session, found=shown_recall(found),
        items=[{**shown_item(each), "why": wording.why(each.cause)} for each in left],
        states=STATES, more=more, unsearched=[ehr for ehr, word in sorted(found.ehrs.items()) if word == "cannot"],
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


def _unknown(session: Session) -> Response:
    text = "The address asks for something unknown."
    return message("Not understood", text, status=422, session=session, advice="Begin again at /recalls.")
