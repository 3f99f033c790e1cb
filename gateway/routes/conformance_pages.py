"""Edge: ``/conformance``: what each EHR was last seen to do and what did not pass, with the whole report behind. For staff."""

import asyncio
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway import kept_reports
from gateway.app import Gateway
from gateway.pages import HEADERS, render
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, reaches, staff
from gateway.routes.pages import message
from gateway.sites import evidence
from vocabulary.instant import format_instant

WHOLE = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox",
}
"""For a report as it was written: it brings its own style, and is not let do anything else."""


def routes(gateway: Gateway) -> list[Route]:
    """``/conformance`` and ``/conformance/{id}``."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def show(request: Request) -> Response:
        return await _show(gateway, request)

    return [Route("/conformance", listed), Route("/conformance/{id:int}", show)]


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    sites = {ehr: each.id for each in gateway.declared for ehr in each.site.ehrs}
    found, noted = await gateway.run(
        lambda c, now: (kept_reports.latest(c, now), {ehr: _noted(c, now, site) for ehr, site in sites.items()})
    )
    names = [name for name in sorted(gateway.senders.names()) if reaches(session, name)]
    rows = [_row(gateway, name, found, noted.get(name)) for name in names]
    others = [found[target] for target in sorted(set(found) - {row["base"] for row in rows}) if not bounds(session)]
    page = render("conformance.html", session=session, rows=rows, others=others, results=kept_reports.RESULTS)
    return HTMLResponse(page, headers=HEADERS)


def _noted(connection: Connection, now: float, site: str) -> dict[str, Any] | None:
    """The counts that are the evidence of a site's gate."""
    seen = evidence.find_evidence(connection, now, site=site, model="").get("conformance")
    return None if seen is None else {"at": format_instant(seen.at), "by": seen.by, **seen.facts}


def _row(
    gateway: Gateway, name: str, found: dict[str, dict[str, Any]], noted: dict[str, Any] | None
) -> dict[str, Any]:  # fmt: skip
    """An EHR with its newest report; with the site's evidence alone where no report was kept of this very server."""
    base = gateway.senders.base(name).rstrip("/")
    report = found.get(base)
    here = noted if report is None and noted is not None and noted.get("target") == base else None
    return {"ehr": name, "base": base, "report": report, "noted": here}


def _theirs(gateway: Gateway, session: Session, target: str) -> bool:
    """Whether a report is about an EHR that the staff sees; one about another server is for who is bound to none."""
    ehrs = bounds(session)
    here = (name for name in gateway.senders.names() if gateway.senders.base(name).rstrip("/") == target)
    return not ehrs or any(name in ehrs for name in here)


async def _show(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    id = request.path_params["id"]
    kept = await gateway.run(lambda c, now: kept_reports.find_page(c, now, id)) if id < 2**31 else None
    if kept is None or not _theirs(gateway, session, kept[0]):
        return message("Not here", "No such report is kept whole.", status=404, session=session)
    try:
        page = await asyncio.to_thread(kept_reports.unpacked, kept[1])
    except ValueError:
        text = "What is kept of this report cannot be read. Run it again."
        return message("Not readable", text, status=500, session=session)
    return HTMLResponse(page, headers=WHOLE)
