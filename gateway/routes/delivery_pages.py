"""Edge: ``/deliveries``: what was sent, dead letters, and one delivery's story. For staff; no patient datum stands here."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.bodies import query
from gateway.outputs import resending
from gateway.pages import HEADERS, render
from gateway.people import sessions
from gateway.people.sessions import Session
from gateway.routes.pages import message, no_session, session_of
from writeback.ledger import listing
from writeback.states import STATES

PAGE = "50"
DEAD_LETTERS = "dead-letter"
STAFF: tuple[sessions.Role, ...] = ("engineer", "informatics")
STRATEGIES: Mapping[str, str] = {
    "put": "PUT to an id of ours: it can be repeated", "conditional": "conditional create, by our identifier",
    "post": "plain create: never repeated blindly", "edit": "an edit of what is there, by its version (If-Match)",
}  # fmt: skip
ROLES: Mapping[str, str] = {
    "card": "model card", "edit": "change of what is there", "trail": "of a change of what is there"
}  # fmt: skip
EVENTS: Mapping[str, str] = {
    "kept": "the EHR has it", "refused": "the EHR refused it", "postponed": "not processed: again later",
    "lost": "sent, but no answer came", "undecided": "looked for, without an answer", "lease_lost": "the worker ended",
    "orphaned": "what it refers to is not there", "resent": "sent again by a person",
    "reexamined": "to be looked for again, by a person", "overdue": "too old to be written",
    "late": "a worker spoke about it that was held up beyond its time", "copies": "the EHR has it more than once",
}  # fmt: skip


def routes(gateway: Gateway) -> list[Route]:
    """``/deliveries``, ``/deliveries/{id}`` and its form."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    async def resend(request: Request) -> Response:
        return await _resend(gateway, request)

    return [
        Route("/deliveries", listed),
        Route("/deliveries/{id}", show),
        Route("/deliveries/{id}/resend", resend, methods=["POST"]),
    ]


async def staff(gateway: Gateway, request: Request) -> Session | Response:
    """The session of somebody who may see these pages, or the page that says why not."""
    session = await session_of(gateway, request)
    if session is None:
        return no_session()
    if sessions.require(*STAFF)(session) is None:
        text = "Deliveries are for the people who run this installation."
        return message("Not for this launch", text, status=403, session=session)
    return session


def bounds(session: Session) -> frozenset[str]:
    """The EHRs that the staff of ``staff`` is bound to; empty means all."""
    return sessions.bounds(session, *STAFF)


def reaches(session: Session, ehr: str) -> bool:
    """Whether the staff of ``staff`` sees what is of this EHR."""
    return sessions.require(*STAFF, ehr=ehr)(session) is not None


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if isinstance(session, Response):
        return session
    given = [(name, value) for name, value in request.query_params.multi_items() if value]
    chosen = dict(given)
    pairs = [("limit", PAGE)]
    for name, value in given:
        dead = (name, value) == ("state", DEAD_LETTERS)
        pairs += [("state", state) for state in sorted(listing.DEAD_STATES)] if dead else [(name, value)]
    asked = query.read_filters(pairs, query.DELIVERIES, STATES)
    if isinstance(asked, list):
        text = f"The address asks for something unknown: {asked[0].element}."
        return message("Not understood", text, status=422, session=session, advice="Choose anew at /deliveries.")
    if asked.wanted.states == listing.DEAD_STATES:
        chosen["state"] = DEAD_LETTERS  # as the link to the next page spells it
    ehrs = bounds(session)
    wanted = query.narrowed(asked.wanted, ehrs=ehrs)
    found = await gateway.run(
        lambda c, now: listing.page_deliveries(c, now, wanted=wanted, limit=asked.limit, before=asked.before)
    )
    counted, known = await gateway.run(
        lambda c, now: (listing.count_deliveries(c, now, ehrs=ehrs), listing.known(c, now, ehrs=ehrs))
    )
    page = render(
        "deliveries.html", session=session, deliveries=found.rows, states=STATES, roles=ROLES, **known,
        chosen={name: chosen.get(name, "") for name in ("state", "ehr", "model")},
        counts=[(state, number, number >= listing.COUNTED) for state, number in sorted(counted.items())],
        more=_next(asked, found.next),
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


def _next(asked: query.Asked, place: tuple[float, str] | None) -> str | None:
    """The following page; its size is the page's own."""
    following = asked.next("/deliveries", place)
    return following and following.replace(f"limit={PAGE}&", "")


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if isinstance(session, Response):
        return session
    id = request.path_params["id"]
    found = await gateway.run(lambda c, now: listing.find_delivery(c, now, id))
    if found is None or not reaches(session, found["ehr"]):
        return message("Not here", "There is no such delivery.", status=404, session=session)
    dead = found["state"] in listing.DEAD_STATES
    page = render(
        "delivery.html", session=session, each=found, events=EVENTS, roles=ROLES, strategy=STRATEGIES[found["strategy"]],
        waits=found["state"] in ("ready", "in_doubt"), doubtful=_doubtful(found),
        may_resend=dead and sessions.require("engineer", ehr=found["ehr"])(session) is not None,
    )  # fmt: skip
    return HTMLResponse(page, headers=HEADERS)


UNKNOWN = (
    "answer_lost",
    "cannot_look",
    "lease_lost",
    "several_alike",
    "not_found_again",
    "accepted_unseen",
    "sent_in_vain",
)


def _doubtful(found: Mapping[str, Any]) -> bool:
    """Whether the last thing known of a dead one is that nobody knows."""
    return bool(found["state"] == "dead" and found["cause"] in UNKNOWN)


async def _resend(gateway: Gateway, request: Request) -> Response:
    """Sends a dead letter again by the form; the same rules as the JSON address, told as a page."""
    session = await staff(gateway, request)
    if isinstance(session, Response):
        return session
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        return message("Refused", "This request came from another site.", status=403, session=session)
    if sessions.require("engineer")(session) is None:
        return message("Refused", "Only an engineer sends a dead letter again.", status=403, session=session)
    id = request.path_params["id"]
    made = await resending.resend_delivery(
        gateway, id, allowed=lambda found: sessions.require("engineer", ehr=found["ehr"])(session) is not None
    )
    if made.refusal is not None:
        return message("Not done", made.refusal, status=made.status, session=session)
    return RedirectResponse(f"/deliveries/{id}", status_code=303, headers=HEADERS)
