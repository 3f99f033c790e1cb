"""Edge: the pages of the app face. None with patient data opens without a session that may see that patient."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.bodies import query
from gateway.launches import framing
from gateway.outputs import amendments, cards, decisions
from gateway.pages import HEADERS, STATIC, render
from gateway.people import sessions
from gateway.people.sessions import Session
from r4 import codec
from writeback.ledger import listing, outputs
from writeback.ledger.listing import Filter

PAGE = 200
LOOKS = 20
"""Windows of outputs that are looked through for those of a bound person."""


def routes(gateway: Gateway) -> list[Route]:
    """``/``, ``/outputs/{id}`` and the decision forms."""

    async def home(request: Request) -> Response:
        return await _home(gateway, request)

    async def output(request: Request) -> Response:
        return await _output(gateway, request)

    async def decide(request: Request) -> Response:
        return await _decide(gateway, request)

    async def amend(request: Request) -> Response:
        return await _amend(gateway, request)

    async def style(request: Request) -> Response:
        return FileResponse(STATIC / "style.css", media_type="text/css", headers={"cache-control": "max-age=300"})

    return [
        Route("/", home),
        Route("/outputs/{id}", output),
        Route("/app/outputs/{id}/amend", amend, methods=["POST"]),
        Route("/app/outputs/{id}/{decision:str}", decide, methods=["POST"]),
        Route("/static/style.css", style),
    ]


async def session_of(gateway: Gateway, request: Request) -> Session | None:
    """The sessions of the request's cookies: in front the one of the launch that the address names, or the newest."""
    cookies = [value for _, value in sessions.shown_cookies(request.scope["headers"])]
    launch = request.query_params.get("launch")
    return await gateway.run(partial(sessions.find_shown, cookies=cookies, launch=launch))


def message(
    title: str, text: str, *, status: int, advice: str = "", session: Session | None = None,
    headers: Mapping[str, str] = HEADERS,
) -> Response:  # fmt: skip
    """A page that says what happened and what to do."""
    page = render("message.html", title=title, text=text, next=advice, session=session)
    return HTMLResponse(page, status_code=status, headers=dict(headers))


async def told(gateway: Gateway, title: str, text: str, *, status: int, session: Session | None) -> Response:
    """The same, in the frame of the EHR that launched."""
    headers = await framing.headers_of(gateway, session.ehr if session else None)
    return message(title, text, status=status, session=session, headers=headers)


def no_session() -> Response:
    """401: the page needs a session, and how to get one."""
    return message(
        "Please sign in",
        "This page shows patient data, so it needs a session.",
        advice="Launch the gateway from the EHR, sign in at /sign-in where your organisation has that, or open the one-time "
        "link that `chartgate up` printed.",
        status=401,
    )


async def _home(gateway: Gateway, request: Request) -> Response:
    session = await session_of(gateway, request)
    if session is None:
        return RedirectResponse("/sign-in", status_code=303, headers=HEADERS) if gateway.signs_in else no_session()
    if not sessions.require("engineer", "informatics")(session):
        return RedirectResponse("/app", status_code=303, headers=HEADERS)
    try:
        before = query.parse_cursor(given) if (given := request.query_params.get("before")) else None
    except ValueError:
        text = "The address asks for something unknown."
        return message("Not understood", text, status=422, session=session, advice="Begin again at the home page.")
    found, older = await _newest(gateway, sessions.bounds(session, *sessions.STAFF), before)
    patients: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for shown in found:
        shown["losses"] = sorted({loss for each in shown["deliveries"] for loss in each["losses"]})
        patients.setdefault((shown["ehr"], shown["patient"]), []).append(shown)
    rows = [{"ehr": ehr, "reference": patient, "outputs": own} for (ehr, patient), own in patients.items()]
    more = query.format_cursor(older) if older else None
    page = render("home.html", session=session, patients=rows, more=more, further=before is not None)
    return HTMLResponse(page, headers=HEADERS)


async def _newest(
    gateway: Gateway, ehrs: frozenset[str], before: tuple[float, str] | None
) -> tuple[list[dict[str, Any]], tuple[float, str] | None]:  # fmt: skip
    """The newest outputs before that place, of these EHRs where staff is bound to some, and where older ones begin; each look
    is a short one."""
    wanted, found = Filter(ehrs=ehrs or None), list[dict[str, Any]]()
    for _ in range(LOOKS):
        page = await gateway.run(
            partial(listing.page_outputs, wanted=wanted, limit=PAGE - len(found), before=before)
        )  # fmt: skip
        found, before = [*found, *page.rows], page.next
        if before is None or len(found) >= PAGE:
            break
    return found, before


async def _output(gateway: Gateway, request: Request) -> Response:
    session = await session_of(gateway, request)
    if session is None:
        return no_session()
    id = request.path_params["id"]
    shown = await gateway.run(lambda connection, now: outputs.show_output(connection, now, id))
    bare = "" if shown is None else shown["patient"].removeprefix("Patient/")
    seen = None if shown is None else sessions.sees(ehr=shown["ehr"], patient=bare)(session)
    if shown is None or seen is None:
        text = "There is no such output, or it is another patient's."
        return await told(gateway, "Not here", text, status=404, session=session)
    page = render(
        "output.html",
        session=seen,
        output=(await cards.cards(gateway, [shown]))[0],
        staff=sessions.require(*sessions.STAFF, ehr=shown["ehr"])(seen) is not None,
        withheld=[
            {"type": each["resourceType"], "text": codec.format(each).decode()}
            for each in await gateway.run(lambda connection, now: outputs.find_withheld(connection, now, id))
        ],
        may_confirm=sessions.confirms(ehr=shown["ehr"], patient=bare)(session) is not None,
    )
    return HTMLResponse(page, headers=await framing.headers_of(gateway, seen.ehr))


async def _decide(gateway: Gateway, request: Request) -> Response:
    """Confirm or reject by the form; the same rules as the JSON address, told as a page."""
    session = await session_of(gateway, request)
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        return message("Refused", "This request came from another site.", status=403, session=session)
    form = await request.form(max_fields=4, max_files=0)
    reason = form.get("reason")
    answer = await decisions.decide(
        gateway,
        session,
        id=request.path_params["id"],
        decision=request.path_params["decision"],
        reason=reason if isinstance(reason, str) else "",
    )
    id, decision = request.path_params["id"], request.path_params["decision"]
    if answer.status == 409:
        answer = await decisions.repeated(gateway, session, id=id, decision=decision) or answer
    if answer.refusal is not None or answer.output is None:
        return await told(gateway, "Not done", answer.refusal or "", status=answer.status, session=session)
    done = "unwritable" if answer.output["state"] == "not_writable" else f"{decision}ed"
    return RedirectResponse(f"/app?launch={answer.launch_id}&done={done}#o{id}", status_code=303, headers=HEADERS)


async def _amend(gateway: Gateway, request: Request) -> Response:
    """The standing of what was written, by the form; the same rules as the JSON address, told as a page."""
    session = await session_of(gateway, request)
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        return message("Refused", "This request came from another site.", status=403, session=session)
    form = await request.form(max_fields=4, max_files=0)
    status, reason = form.get("status"), form.get("reason")
    if not isinstance(status, str) or status not in amendments.NOTES:
        return await told(gateway, "Not done", "Choose what is to become of it.", status=422, session=session)
    id, said = request.path_params["id"], reason if isinstance(reason, str) else ""
    answer = await amendments.amend(gateway, session, id=id, status=status, reason=said)  # type: ignore[arg-type]
    if answer.refusal is not None:
        return await told(gateway, "Not done", answer.refusal, status=answer.status, session=session)
    return RedirectResponse(f"/outputs/{id}", status_code=303, headers=HEADERS)
