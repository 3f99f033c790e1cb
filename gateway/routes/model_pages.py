"""Edge: ``/models``: every model and version, where it runs, what is live; two versions side by side. For staff; no scripts."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.model_folders import installed_models, model_versions
from gateway.pages import HEADERS, comparison, render
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import staff
from gateway.routes.pages import message

LONGEST = 200


def routes(gateway: Gateway) -> list[Route]:
    """``/models`` and ``/models/{id}/compare``."""

    async def listed(request: Request) -> Response:
        return await _list(gateway, request)

    async def compare(request: Request) -> Response:
        return await _compare(gateway, request)

    return [Route("/models", listed), Route("/models/{id}/compare", compare)]


async def _list(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    found = await installed_models.describe(gateway)
    return HTMLResponse(render("models.html", session=session, **found), headers=HEADERS)


async def _compare(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    id = request.path_params["id"]
    versions = sorted(version for known, version in gateway.models if known == id)
    if len(versions) < 2:
        text = "Two versions of a model are compared, and of this one there are not two here."
        return message("Not here", text, status=404, session=session)
    chosen = {name: request.query_params.get(name, "")[:LONGEST] for name in ("one", "other", "site", "since")}
    sites = sorted(each.id for each in gateway.declared)
    found: dict[str, Any] | None = None
    problem = ""
    if chosen["one"]:
        try:
            found = await _compared(gateway, id, chosen)
        except ValueError as wrong:
            problem = str(wrong)
    page = render(
        "compare.html", session=session, id=id, versions=versions, sites=sites, chosen=chosen, found=found, problem=problem,
        sheets=comparison.sheets(found) if found and found["pairs"] else [], days=model_versions.DAYS,
    )  # fmt: skip
    return HTMLResponse(page, status_code=422 if problem else 200, headers=HEADERS)


async def _compared(gateway: Gateway, id: str, chosen: dict[str, str]) -> dict[str, Any]:
    """Raises ValueError for what cannot be compared."""
    asked = {**chosen, "one": f"{id}@{chosen['one']}", "other": f"{id}@{chosen['other']}"}
    sites = [each.site for each in gateway.declared]
    read = model_versions.read_asked(asked, models=gateway.models, sites=sites, now=gateway.clock())
    return await model_versions.compared(gateway.run, read)
