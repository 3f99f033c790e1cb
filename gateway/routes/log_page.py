"""Edge: what apps just did at an EHR, and why it was refused: live from memory, and from the audit log page by page."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from auth.server.clients import list_clients
from gateway.pages import STATIC
from gateway.routes import viewing
from gateway.routes.ehr_pages import told_as_page
from gateway.routes.forms import told
from gateway.routes.viewing import Viewer
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.sandbox_ehrs.recent import Seen
from sandbox import audit_log
from sandbox.audit import Event
from vocabulary.instant import format_instant

SHOWN = 100
NO_STORE = {"cache-control": "no-store"}


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/log``, its rows as JSON, and its script."""

    async def show(request: Request) -> Response:
        viewer = await viewing.viewer_of(ehr, request)
        if viewer is None:
            return viewing.to_sign_in(ehr, "log")
        viewing.refuse_staff_only(viewer, "the log")
        return await _show(ehr, viewer, request)

    async def rows(request: Request) -> Response:
        viewer = await viewing.viewer_of(ehr, request)
        if viewer is None or not viewer.staff:
            return JSONResponse({"error": "login_required"}, 401, headers=NO_STORE)
        said = viewing.asked(request, "after", "client", "refused")
        shown = _live(ehr, said, await _names(ehr), after=_number(said["after"]))
        return JSONResponse({"rows": shown}, headers=NO_STORE)

    async def script(request: Request) -> Response:
        return FileResponse(STATIC / "log.js", media_type="text/javascript", headers={"cache-control": "max-age=300"})

    return [
        Route("/log", told_as_page(ehr, show), methods=["GET"]),
        Route("/log/rows", told(rows), methods=["GET"]),
        Route("/log.js", script, methods=["GET"]),
    ]


async def _show(ehr: SandboxEhr, viewer: Viewer, request: Request) -> Response:
    said = viewing.asked(request, "client", "refused", "before", "still")
    kept, names = "before" in request.query_params, await _names(ehr)
    older = None
    if kept:
        shown, older = await _kept(ehr, viewer, said, names, _number(said["before"]) or None)
    else:
        shown = _live(ehr, said, names)
    still = kept or "still" in request.query_params
    return viewing.show(
        ehr, viewer, "log.html", live=not still, rows=shown, kept=kept, still=still, older=older, said=said,
        clients=sorted(names.items(), key=lambda pair: pair[1].casefold()),
    )  # fmt: skip


def _live(
    ehr: SandboxEhr, said: Mapping[str, str], names: Mapping[str, str], *, after: int = 0
) -> list[dict[str, Any]]:  # fmt: skip
    """The newest rows of memory, those that the filter lets through."""
    seen = [each for each in ehr.audit.recent.after(after) if _wanted(each.event, said)]
    return [_row(each, names) for each in seen[:SHOWN]]


async def _kept(
    ehr: SandboxEhr, viewer: Viewer, said: Mapping[str, str], names: Mapping[str, str], before: int | None
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of the audit log, and the number to go on before; that it was read is kept."""

    def work(connection: Connection, now: float) -> tuple[list[audit_log.Kept], int | None]:
        return audit_log.page(connection, now, limit=SHOWN, before=before, client=said["client"] or None)

    ehr.audit.looked("audit", viewer.user)
    found, older = await ehr.database.run(work)
    events = (each for each in found if _wanted(each.event, {**said, "client": ""}))
    return [_row(Seen(each.number, each.event), names) for each in events], older


def _wanted(event: Event, said: Mapping[str, str]) -> bool:
    return said["client"] in ("", event.client) and (not said["refused"] or event.status >= 400)


async def _names(ehr: SandboxEhr) -> dict[str, str]:
    clients: Iterable[Any] = await ehr.database.run(list_clients)
    return {client.id: client.name or client.id for client in clients}


def _row(seen: Seen, names: Mapping[str, str]) -> dict[str, Any]:
    """One row as the page and the script show it: text only."""
    event = seen.event
    named = f"{event.type}/{event.id}" if event.type and event.id else event.type or ""
    query = f"?{event.query}" if event.query else ""
    refused = event.status >= 400
    decision = f"refused: {event.reason or 'no reason given'}" if refused else "allowed"
    return {
        "number": seen.number, "at": format_instant(event.at)[:19].replace("T", " "),
        "client": names.get(event.client or "", event.client or "–"), "what": event.what, "of": f"{named}{query}",
        "patient": event.patient or "", "status": event.status, "decision": decision, "refused": refused,
        "why": seen.why, "needs": seen.needs if refused else "", "granted": seen.granted if refused else "",
    }  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0
