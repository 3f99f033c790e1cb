"""Edge: ``/samples``: sentences of models that people read and judge, one form each; no scripts.

Who judges must not be told what the checkers said: the page does not show it.
"""

from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from gateway.app import Gateway
from gateway.launches import framing
from gateway.monitors import sampling
from gateway.outputs import cards
from gateway.pages import render
from gateway.people import sessions
from gateway.people.sessions import Session
from gateway.routes.alerts import named
from gateway.routes.forms import read_form
from gateway.routes.pages import no_session, session_of, told
from monitoring.samples import Worth


def routes(gateway: Gateway) -> list[Route]:
    """``/samples`` and its forms."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def judge(request: Request) -> Response:
        return await _judge(gateway, request)

    return [Route("/samples", listed), Route("/samples/{id}", judge, methods=["POST"])]


async def _reader(gateway: Gateway, request: Request) -> Session | Response:
    """The session of somebody who may judge sentences, or the page that says why not."""
    session = await session_of(gateway, request)
    if session is None:
        return no_session()
    if sessions.require("informatics", "clinician")(session) is None:
        text = "Sentences are judged by clinicians and by clinical informatics."
        return await told(gateway, "Not for this session", text, status=403, session=session)
    return session


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await _reader(gateway, request)
    if isinstance(session, Response):
        return session
    due = await gateway.run(partial(sampling.find_due, session=session))
    shown = await cards.cards(gateway, [each.output for each in due])
    staff = sessions.require("informatics")(session) is not None
    waiting, worths = len(due), list[tuple[str, str, Worth]]()
    if staff:
        waiting, worths = await gateway.run(
            lambda c, now: (
                sampling.count_waiting(c, now, session=session), sampling.find_worths(c, now, session=session)
            )
        )  # fmt: skip
    page = render(
        "samples.html", session=session, due=list(zip(due, shown, strict=True)), verdicts=sampling.VERDICTS, staff=staff,
        waiting=waiting, launch=request.query_params.get("launch"),
        worths=worths, done="done" in request.query_params,
    )  # fmt: skip
    return HTMLResponse(page, headers=await framing.headers_of(gateway, session.ehr))


async def _judge(gateway: Gateway, request: Request) -> Response:
    session = await _reader(gateway, request)
    if isinstance(session, Response):
        return session
    if not sessions.same_origin(request.headers, base_url=gateway.base_url):
        return await told(gateway, "Refused", "This request came from another site.", status=403, session=session)
    try:
        form = await read_form(request)
    except OAuthError:
        form = {}
    verdict = str(form.get("verdict", ""))
    if verdict not in sampling.VERDICTS:
        return await told(gateway, "Not done", "Choose what the chart says of it.", status=422, session=session)
    id = request.path_params["id"]
    kept = await gateway.run(partial(sampling.judge, id=id, verdict=verdict, by=named(session)[:128], session=session))
    if kept is None:
        return await told(
            gateway, "Not here", "There is no such sentence, or it is another patient's.", status=404, session=session
        )
    if not kept:
        return await told(gateway, "Not done", "Somebody has judged it before.", status=409, session=session)
    launch = f"&launch={session.launch_id}" if session.launch_id and request.query_params.get("launch") else ""
    return RedirectResponse(
        f"/samples?done{launch}", status_code=303, headers=await framing.headers_of(gateway, session.ehr)
    )
