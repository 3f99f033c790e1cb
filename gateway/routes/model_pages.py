"""Edge: ``/models``: every model and version, where it runs, what is live; two versions side by side. For staff; no scripts."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.model_folders import installed_models, model_versions
from gateway.pages import HEADERS, comparison, render
from gateway.people.sessions import Session
from gateway.routes.delivery_pages import bounds, staff
from gateway.routes.pages import message
from gateway.routes.site_pages import seen

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
    found = await installed_models.describe(gateway, bounds(session))
    return HTMLResponse(render("models.html", session=session, **found), headers=HEADERS)


async def _compare(gateway: Gateway, request: Request) -> Response:
    session = await staff(gateway, request)
    if not isinstance(session, Session):
        return session
    id = request.path_params["id"]
    ehrs = bounds(session)
    models = installed_models.visible(gateway, ehrs)
    versions = sorted(version for known, version in models if known == id)
    if len(versions) < 2:
        text = "Two versions of a model are compared, and of this one there are not two here."
        return message("Not here", text, status=404, session=session)
    chosen = {name: request.query_params.get(name, "")[:LONGEST] for name in ("one", "other", "site", "since")}
    sites = [each.site for each in seen(gateway, session)]
    found: dict[str, Any] | None = None
    problem = ""
    if chosen["one"]:
        try:
            asked = {**chosen, "one": f"{id}@{chosen['one']}", "other": f"{id}@{chosen['other']}"}
            read = model_versions.read_asked(asked, models=models, sites=sites, now=gateway.clock(), ehrs=ehrs)
            found = await model_versions.compared(gateway.run, read)
        except ValueError as wrong:
            problem = str(wrong)
    page = render(
        "compare.html", session=session, id=id, versions=versions, sites=sorted(each.site.id for each in sites),
        chosen=chosen, found=found, problem=problem,
        sheets=comparison.sheets(found) if found and found["pairs"] else [], days=model_versions.DAYS,
    )  # fmt: skip
    return HTMLResponse(page, status_code=422 if problem else 200, headers=HEADERS)
