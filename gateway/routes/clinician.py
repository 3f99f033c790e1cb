"""Edge: the clinician's page ``/app``: one launch, its patient, what the models say, and the decisions about it.

It opens inside the EHR's frame, works without scripts, and empties itself when nobody looks at it any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.client.ehr import RegisteredEhr
from auth.client.registry import find_ehr
from auth.client.store import Launch, find_launch
from gateway.app import Gateway
from gateway.ehrs.senders import EhrUnknown
from gateway.launches import banner, framing, jobs
from gateway.launches.jobs import Job
from gateway.outputs import cards
from gateway.pages import render
from gateway.people import sessions
from gateway.people.sessions import Session
from gateway.routes.pages import session_of
from gateway.vendors import sign_in_rules
from writeback import recall
from writeback.ledger import outputs

OUTPUTS = 50
"""Of those that wait for a decision, and of the others."""
WARNING = 120.0
"""Seconds before the end of an unused session at which the page hides the patient and asks whether to go on."""
LOOK_WAITING, LOOK_MOVING = 2, 3
"""Seconds between two looks of a page that waits for its models, and of one whose outputs are on their way."""
DONE: Mapping[str, str] = {
    "confirmed": "Confirmed. It is being written to the chart.",
    "rejected": "Rejected. Nothing of it is written to the chart.",
    "unwritable": "Confirmed, but this EHR takes it in no form from this launch: nothing of it is written to the chart.",
}
SEALED = "EHRs of this kind may encrypt what says who signed in; ask whoever runs it to send it signed only."


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What the page needs of the database, read in one transaction. ``found`` has what waits for a decision first, however
    old; the rest is the newest. ``others`` are the banners of the browser's other
    launches, by launch."""

    ehr: RegisteredEhr | None
    launch: Launch | None
    job: Job | None
    banner: Mapping[str, Any] | None
    found: Sequence[Mapping[str, Any]]
    others: Mapping[str, Mapping[str, Any] | None]
    expires: float


def routes(gateway: Gateway) -> list[Route]:
    """``/app`` and the pages around it."""

    def bound(endpoint: Any) -> Any:
        async def handle(request: Request) -> Response:
            found: Response = await endpoint(gateway, request)
            return found

        return handle

    return [
        Route("/app", bound(_page)),
        Route("/app/pause", bound(_pause)),
        Route("/app/ended", bound(_ended)),
        Route("/app/models/{id}/{version}", bound(_model)),
    ]


async def _session(gateway: Gateway, request: Request) -> Session | None:
    return sessions.launched()(await session_of(gateway, request))


async def _page(gateway: Gateway, request: Request) -> Response:
    session = await _session(gateway, request)
    if session is None or session.launch_id is None or session.ehr is None:
        return await _without(gateway, status=401)
    view = await gateway.run(partial(_view, session=session, cipher=gateway.keyring.cipher))
    shown = await cards.cards(gateway, view.found)
    waiting = view.job is not None and view.job.state == "waiting"
    patient, done = session.patient, request.query_params.get("done", "")
    may = patient is not None and sessions.confirms(ehr=session.ehr, patient=patient)(session) is not None
    asked = not waiting and any(each["state"] == "awaiting_confirmation" for each in shown) and may
    moving = any(each["state"] == "pending" for each in shown)
    page = render(
        "launch.html", session=session, staff=sessions.require("engineer", "informatics", ehr=session.ehr)(session) is not None,
        may_confirm=may, waiting=waiting, moving=moving, outputs=[] if waiting else shown,
        refresh=_refresh(gateway, session, view, done=done, waiting=waiting, moving=moving and not asked),
        done=DONE.get(done), done_well=done != "unwritable", problems=[] if view.job is None else list(view.job.problems),
        banner=view.banner, **_about(gateway, session, view),
    )  # fmt: skip
    return HTMLResponse(page, headers=framing.framed_by(view.ehr.frame_origins if view.ehr else ()))


def _view(connection: Connection, now: float, *, session: Session, cipher: Any) -> View:
    """Reads what the page shows. That somebody looks at it keeps its session alive."""
    launch_id, ehr = str(session.launch_id), str(session.ehr)
    launch = find_launch(connection, now, id=launch_id, cipher=cipher)
    about: dict[str, Any] = {"limit": OUTPUTS, "ehr": ehr, "patient": f"Patient/{session.patient}"}
    asked = outputs.list_outputs(connection, now, state="awaiting_confirmation", **about)
    newest = outputs.list_outputs(connection, now, **about)
    found = [*asked, *(each for each in newest if each["state"] != "awaiting_confirmation")]
    others = {
        str(each.launch_id): banner.find_banner(
            connection, now, launch=str(each.launch_id), ehr=str(each.ehr), cipher=cipher
        )
        for each in session.beside
        if each.launch_id is not None
    }
    return View(
        ehr=find_ehr(connection, now, name=ehr, cipher=cipher), launch=launch,
        job=jobs.find_job(connection, now, launch_id), found=found if session.patient else [],
        banner=banner.find_banner(connection, now, launch=launch_id, ehr=ehr, cipher=cipher), others=others,
        expires=sessions.keep_alive(connection, now, session=session, since=launch.since if launch else now),
    )  # fmt: skip


def _refresh(gateway: Gateway, session: Session, view: View, *, done: str, waiting: bool, moving: bool) -> str:
    """When the page looks again by itself: soon while something moves, otherwise when its session is about to end. Never
    soon while there is a form on it: what is being written there would be lost. The address is said, for that of a page
    looked at by its fragment is not fetched again."""
    if waiting or moving:
        said = {"launch": str(session.launch_id), **({"done": done} if done in DONE else {})}
        return f"{LOOK_WAITING if waiting else LOOK_MOVING};url=/app?{urlencode(said)}"
    left = max(int(view.expires - WARNING - gateway.clock()), 1)
    return f"{left};url=/app/pause?{urlencode({'launch': str(session.launch_id)})}"


def _about(gateway: Gateway, session: Session, view: View) -> dict[str, Any]:
    """Who launched, from where, with what."""
    launch = view.launch
    context = launch.context if launch else None
    sealed = view.ehr is not None and sign_in_rules(view.ehr.vendor).sealed_identity
    return {
        "ehr": session.ehr,
        "patient": f"Patient/{session.patient}" if session.patient else None,
        "fhir_user": session.fhir_user,
        "sealed": SEALED if sealed and session.fhir_user is None else "",
        "show_banner": context is None or context.need_patient_banner,
        "encounter": f"Encounter/{launch.encounter}" if launch and launch.encounter else None,
        "needs_encounter": _needs_encounter(gateway, str(session.ehr)),
        "missing": list(context.missing) if context else [],
        "launch_id": session.launch_id,
        "others": [{"launch": id, "name": (each or {}).get("name")} for id, each in view.others.items()],
        "minutes": int(sessions.IDLE // 60),
    }  # fmt: skip


def _needs_encounter(gateway: Gateway, ehr: str) -> list[str]:
    """The types that this EHR takes only with an encounter (fhir-writeback §3.2)."""
    try:
        return sorted(type for type, wanted in gateway.senders.rules(ehr).encounters.items() if wanted != "any")
    except EhrUnknown:
        return []


async def _pause(gateway: Gateway, request: Request) -> Response:
    """The patient is off the screen; whoever is there goes on with one key, and nobody there means the end."""
    session = await _session(gateway, request)
    if session is None:
        return RedirectResponse("/app/ended", status_code=303, headers=await framing.headers_of_nobody(gateway))
    left = max(int(session.expires - gateway.clock()) + 1, 1)
    page = render("pause.html", launch_id=session.launch_id, refresh=f"{left};url=/app/ended")
    return HTMLResponse(page, headers=await framing.headers_of(gateway, session.ehr))


async def _ended(gateway: Gateway, request: Request) -> Response:
    return await _without(gateway, status=200)


async def _without(gateway: Gateway, *, status: int) -> Response:
    """Nobody is signed in here: nothing of a patient, and how to come back."""
    page = render("ended.html", title="Please sign in" if status == 401 else "You are signed out")
    return HTMLResponse(page, status_code=status, headers=await framing.headers_of_nobody(gateway))


async def _model(gateway: Gateway, request: Request) -> Response:
    """The card of a model version, as it is written to the EHR too."""
    session = await session_of(gateway, request)
    if session is None:
        return await _without(gateway, status=401)
    places = sorted(session.bound_to) if session.ehr is None else [session.ehr]
    key = (request.path_params["id"], request.path_params["version"])
    found = (gateway.deployments.at(ehr).get(key) for ehr in places or [""])
    model = next((each for each in found if each is not None), None)
    headers = await framing.headers_of(gateway, session.ehr)
    if model is None:
        page = render("message.html", title="Not here", text="No such model version is installed here.", next="")
        return HTMLResponse(page, status_code=404, headers=headers)
    card = [(cards.words(name).capitalize(), str(said).strip()) for name, said in model.manifest.card.items()]
    recalled = (await gateway.run(lambda c, now: recall.withdrawn(c, now, {key}))).get(key)
    page = render("model.html", model=model.manifest, card=card, session=session, recalled=recalled)
    return HTMLResponse(page, headers=headers)
