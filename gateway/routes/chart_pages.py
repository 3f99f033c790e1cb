"""Edge: the pages that show patients: who is here, a readable chart, one kind of record page by page."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.errors import OAuthError
from gateway.face.accesses import caller_of
from gateway.launches import chart_reading
from gateway.pages import showing
from gateway.pages.trends import trends
from gateway.routes import picking, viewing
from gateway.routes.ehr_pages import told_as_page
from gateway.routes.viewing import Viewer
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr

FILTERS = {"category": "category", "code": "code", "by": "_security"}
"""The filters of a list, and the search parameter of each; ``by=model`` is the label of what models wrote."""
UNKNOWN = "there is no such patient here, or the record is not yours to see"


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/patients`` and below."""

    async def patients(request: Request) -> Response:
        viewer = await viewing.viewer_of(ehr, request)
        return viewing.to_sign_in(ehr, "patients") if viewer is None else await _patients(ehr, viewer, request)

    async def chart(request: Request) -> Response:
        id = request.path_params["id"]
        viewer = await viewing.viewer_of(ehr, request)
        if viewer is None:
            return viewing.to_sign_in(ehr, f"patients/{id}")
        return await _chart(ehr, viewer, await _patient(ehr, viewer, id, request))

    async def listing(request: Request) -> Response:
        id, type = request.path_params["id"], request.path_params["type"]
        viewer = await viewing.viewer_of(ehr, request)
        if viewer is None:
            return viewing.to_sign_in(ehr, f"patients/{id}/{type}")
        return await _listing(ehr, viewer, await _patient(ehr, viewer, id, request), type, request)

    return [
        Route("/patients", told_as_page(ehr, patients), methods=["GET"]),
        Route("/patients/{id}", told_as_page(ehr, chart), methods=["GET"]),
        Route("/patients/{id}/{type}", told_as_page(ehr, listing), methods=["GET"]),
    ]


async def _patient(ehr: SandboxEhr, viewer: Viewer, id: str, request: Request) -> Mapping[str, Any]:
    """The record of a patient whom this person may see; that it was looked at is kept. Raises OAuthError."""
    found = await below.read(ehr, f"Patient/{id}") if picking.is_id(id) and viewer.may_see(id) else None
    ehr.audit.looked("read", viewer.user, caller_of(request.scope), patient=id if found else None)
    if found is None:
        raise OAuthError("not_found", UNKNOWN, status=404)
    return found


async def _patients(ehr: SandboxEhr, viewer: Viewer, request: Request) -> Response:
    said = viewing.asked(request, "name", "page")
    name = said["name"][:64].strip()
    query = (("_id", viewer.only),) if viewer.only is not None else (("name", name),) if name else ()
    listed = await chart_reading.search(
        ehr,
        "Patient",
        (*query, ("_sort", "family")),
        count=chart_reading.PAGE,
        secret=viewer.secret,
        place=said["page"],
    )
    ehr.audit.looked("search", viewer.user, caller_of(request.scope))
    shown = [
        {"id": each["id"], "name": below.name_of(each), "born": each.get("birthDate") or "–",
         "sex": each.get("gender") or "–", "died": _died(each)}
        for each in listed.resources
    ]  # fmt: skip
    return viewing.show(ehr, viewer, "patients.html", name=name, patients=shown, listed=listed)


async def _chart(ehr: SandboxEhr, viewer: Viewer, patient: Mapping[str, Any]) -> Response:
    id, secret = str(patient["id"]), viewer.secret
    sections = []
    for section in showing.SECTIONS:
        listed = await chart_reading.records(ehr, section.type, id, count=chart_reading.BRIEF, secret=secret)
        if listed.resources or not listed.readable:
            sections.append((section, listed, [showing.row(each) for each in listed.resources]))
    written = await chart_reading.written(ehr, id, secret=secret)
    return viewing.show(
        ehr, viewer, "chart.html", patient=_header(patient), sections=sections,
        trends=[each for some in await chart_reading.plotted(ehr, id, secret=secret) for each in trends(some)],
        written=[{"row": showing.row(each["resource"]), **_origin(each["provenance"])} for each in written],
    )  # fmt: skip


async def _listing(
    ehr: SandboxEhr, viewer: Viewer, patient: Mapping[str, Any], type: str, request: Request
) -> Response:
    section = showing.BY_TYPE.get(type)
    if section is None:
        raise OAuthError("not_found", "there is no page of this kind of record", status=404)
    said = viewing.asked(request, "page", *FILTERS)
    said = {**said, "by": chart_reading.LABEL if said["by"] else ""}
    criteria = tuple((parameter, said[name]) for name, parameter in FILTERS.items() if said[name])
    listed = await chart_reading.records(
        ehr,
        type,
        str(patient["id"]),
        count=chart_reading.PAGE,
        secret=viewer.secret,
        place=said["page"],
        criteria=criteria,
    )
    kept = {name: request.query_params[name] for name in FILTERS if said[name]}
    return viewing.show(
        ehr, viewer, "chart_list.html", patient=_header(patient), section=section, listed=listed, kept=kept,
        rows=[showing.row(each) for each in listed.resources], trends=trends(listed.resources),
    )  # fmt: skip


def _header(patient: Mapping[str, Any]) -> dict[str, str]:
    identifiers = [str(each.get("value", "")) for each in showing.rows(patient.get("identifier"))]
    return {
        "id": str(patient["id"]), "name": below.name_of(patient), "born": str(patient.get("birthDate") or "not recorded"),
        "sex": str(patient.get("gender") or "not recorded"), "died": _died(patient),
        "identifiers": ", ".join(each for each in identifiers[:3] if each),
    }  # fmt: skip


def _died(patient: Mapping[str, Any]) -> str:
    return str(patient.get("deceasedDateTime") or ("yes" if patient.get("deceasedBoolean") else ""))[:10]


def _origin(provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    """Who made it, from how many records, in the words of its Provenance."""
    if provenance is None:
        return {"origin": None, "agents": [], "sources": 0, "recorded": ""}
    agents = [
        (showing.concept(each.get("type")) or "agent", _who(showing.table(each.get("who"))))
        for each in showing.rows(provenance.get("agent"))
    ]
    sources = [each for each in showing.rows(provenance.get("entity")) if each.get("role") == "source"]
    recorded = str(provenance.get("recorded", ""))[:16].replace("T", " ")
    return {"origin": f"Provenance/{provenance['id']}", "agents": agents, "sources": len(sources), "recorded": recorded}


def _who(who: Mapping[str, Any]) -> str:
    return str(who.get("display") or who.get("reference") or "unnamed")
