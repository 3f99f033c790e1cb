"""Edge: the launcher of a sandbox EHR: who is there to launch for, and launches prepared, as JSON and as a page."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server import launches
from auth.server.clients import Client, find_client, list_clients
from auth.server.grants import Context
from gateway import below
from gateway.accesses import caller_of
from gateway.database import Work
from gateway.ehr import SandboxEhr
from gateway.pages import HEADERS, STATIC, render
from gateway.routes.authorization import operator, read_form, read_json, told
from sandbox.audit import NOBODY, Caller

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace("form-action 'self'; ", ""),
}
"""The form leads on to the app, which is another site: browsers hold a redirect to ``form-action`` as well."""


class LaunchBody(BaseModel):
    """``POST /ehr/{ehr}/launch`` (product.md §6)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    client_id: str = Field(max_length=128)
    patient: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,64}$")
    user: str | None = Field(
        default=None, pattern=r"^(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9.-]{1,64}$"
    )
    encounter: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,64}$")
    intent: str | None = Field(default=None, max_length=128)
    need_patient_banner: bool | None = None
    fhirContext: list[dict[str, Any]] | None = Field(default=None, max_length=32)
    scopes: str | None = Field(default=None, max_length=4096)
    automatic: bool = False
    faults: list[Any] | None = Field(default=None, max_length=0)
    standalone: Literal[True] | None = None
    code_challenge: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{43}$")


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/launch``."""

    async def show(request: Request) -> Response:
        operator(ehr, request)
        listed = await _listed(ehr)
        if "text/html" in request.headers.get("accept", ""):
            page = render(
                "launcher.html", ehr=ehr.name, action=f"{ehr.base}/launch", style=f"{ehr.base}/style.css", **listed
            )
            return HTMLResponse(page, headers=PAGE_HEADERS)
        return JSONResponse(listed, headers={"cache-control": "no-store"})

    async def prepare(request: Request) -> Response:
        operator(ehr, request)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        document = _of_form(await read_form(request)) if form else await read_json(request)
        made = await _prepare(ehr, read_launch(document), caller_of(request.scope))
        if form:
            return RedirectResponse(made["url"], status_code=303, headers=PAGE_HEADERS)
        return JSONResponse(made, headers={"cache-control": "no-store"})

    async def style(request: Request) -> Response:
        return FileResponse(STATIC / "style.css", media_type="text/css", headers={"cache-control": "max-age=300"})

    return [
        Route("/launch", told(show), methods=["GET"]),
        Route("/launch", told(prepare), methods=["POST"]),
        Route("/style.css", style),
    ]


def _of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """The page's form as the JSON body; what was left empty is left out. A choice of encounter brings its patient."""
    said: dict[str, Any] = {name: form[name] for name in ("client_id", "patient", "user") if form.get(name)}
    patient, _, encounter = said.get("patient", "").partition(" ")
    return {
        **said,
        **({"patient": patient} if patient else {}),
        **({"encounter": encounter} if encounter else {}),
        "automatic": True,
    }


def read_launch(document: Any) -> LaunchBody:
    """Raises OAuthError naming the member."""
    try:
        return LaunchBody.model_validate(document)
    except ValidationError as wrong:
        place = wrong.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        known = str(place[0]) if place and str(place[0]) in LaunchBody.model_fields else "a member that is not defined"
        raise OAuthError("invalid_request", f"the launch cannot be read: {known}") from wrong


async def _prepare(ehr: SandboxEhr, body: LaunchBody, caller: Caller = NOBODY) -> dict[str, str]:
    client = await ehr.database.run(lambda connection, now: find_client(connection, now, body.client_id))
    if client is None:
        raise OAuthError("invalid_request", "client_id is none that is registered here")
    await _exists(ehr, body)
    context = Context(
        patient=body.patient, encounter=body.encounter, user=body.user, intent=body.intent,
        need_patient_banner=body.need_patient_banner, fhir_context=tuple(body.fhirContext or ()),
    )  # fmt: skip
    launch = launches.Launch(client_id=body.client_id, context=context, automatic=body.automatic, scopes=body.scopes)
    if body.standalone:
        return await _standalone(ehr, launch, body.code_challenge, client[0], caller)
    if client[0].launch_url is None:
        raise OAuthError("invalid_request", "the client is registered without a launch address (initiate_login_uri)")
    secret = ehr.new_secret()
    await ehr.database.run(_kept(ehr, launch, caller, partial(launches.save_launch, launch=launch, secret=secret)))
    return {"launch": secret, "iss": ehr.fhir, "url": _url(client[0], {"iss": ehr.fhir, "launch": secret})}


async def _standalone(
    ehr: SandboxEhr, launch: launches.Launch, challenge: str | None, client: Client, caller: Caller
) -> dict[str, str]:
    if challenge is None:
        raise OAuthError("invalid_request", "code_challenge is needed for a standalone launch")
    await ehr.database.run(
        _kept(ehr, launch, caller, partial(launches.save_standalone, launch=launch, challenge=challenge))
    )
    return {"iss": ehr.fhir, "url": _url(client, {"iss": ehr.fhir})} if client.launch_url else {"iss": ehr.fhir}


def _kept(ehr: SandboxEhr, launch: launches.Launch, caller: Caller, work: Work[None]) -> Work[None]:
    """The work, with the launch in the audit log."""
    context = launch.context
    return ehr.audit.event("launch", work, caller, client=launch.client_id, user=context.user, patient=context.patient)


def _url(client: Client, parameters: Mapping[str, str]) -> str:
    address = client.launch_url or ""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


async def _exists(ehr: SandboxEhr, body: LaunchBody) -> None:
    """Patient, encounter and user are the EHR's own, and the encounter is the patient's."""
    names = {"patient": f"Patient/{body.patient}" if body.patient else None, "user": body.user,
             "encounter": f"Encounter/{body.encounter}" if body.encounter else None}  # fmt: skip
    for member, reference in names.items():
        if reference is None:
            continue
        found = await below.read(ehr, reference)
        if found is None:
            raise OAuthError("invalid_request", f"{member} is none that this EHR has")
        subject = (found.get("subject") or {}).get("reference") if member == "encounter" else None
        if member == "encounter" and body.patient is not None and subject != f"Patient/{body.patient}":
            raise OAuthError("invalid_request", "encounter is not one of this patient")


async def _listed(ehr: SandboxEhr) -> dict[str, Any]:
    clients = await ehr.database.run(list_clients)
    return {
        "patients": [{"id": each["id"], "name": below.name_of(each)} for each in await below.search(ehr, "Patient")],
        "users": [
            {"reference": f"Practitioner/{each['id']}", "name": below.name_of(each)}
            for each in await below.search(ehr, "Practitioner")
        ],
        "encounters": [
            {"id": each["id"], "patient": str(each["subject"]["reference"]).removeprefix("Patient/")}
            for each in await below.search(ehr, "Encounter", ("status", "in-progress"))
            if isinstance(each.get("subject"), dict)
        ],
        "clients": [
            {"client_id": each.id, "name": each.name, "launch_url": each.launch_url}
            for each in clients
            if each.launch_url is not None
        ],
    }
