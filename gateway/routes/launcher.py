"""Edge: the launcher of a sandbox EHR: who is there to launch for, and launches prepared, as JSON and as a page."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from auth.errors import OAuthError
from auth.server import fhir_context, launches, steps, style
from auth.server.clients import Client, find_client, list_clients
from auth.server.grants import Context
from gateway.face.accesses import caller_of
from gateway.pages import STATIC
from gateway.routes import launcher_page, picking
from gateway.routes.ehr_pages import own_form, redirect, told_as_page
from gateway.routes.forms import FORM, operator, read_json, told
from gateway.sandbox_ehrs import below, faults
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.works import Work
from sandbox.audit import NOBODY, Caller


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
    fhirContext: list[Any] | None = Field(default=None, max_length=32)
    tenant: str | None = Field(default=None, min_length=1, max_length=128)
    smart_style_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://[\x21-\x7e]+$")
    scopes: str | None = Field(default=None, max_length=4096)
    automatic: bool = False
    faults: list[str] | None = Field(default=None, max_length=64)
    standalone: Literal[True] | None = None
    code_challenge: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{43}$")


def routes(ehr: SandboxEhr) -> list[Route]:
    """``/launch`` and the EHR's style."""

    async def show(request: Request) -> Response:
        operator(ehr, request)
        listed = await _listed(ehr)
        if "text/html" in request.headers.get("accept", ""):
            chosen = launcher_page.choices(request.query_params)
            return launcher_page.show(ehr, listed, chosen, leads_to=await _addresses(ehr))
        return JSONResponse(listed, headers={"cache-control": "no-store"})

    async def prepare(request: Request) -> Response:
        operator(ehr, request)
        caller = caller_of(request.scope)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
            return await told_as_page(ehr, lambda posted: _from_page(ehr, posted))(request)
        made = await _prepare(ehr, read_launch(await read_json(request)), caller)
        return JSONResponse(made, headers={"cache-control": "no-store"})

    async def sheet(request: Request) -> Response:
        return FileResponse(STATIC / "style.css", media_type="text/css", headers={"cache-control": "max-age=300"})

    async def styling(request: Request) -> Response:
        return JSONResponse(dict(style.STYLE), headers={"cache-control": "max-age=86400"})

    return [
        Route("/launch", told(show), methods=["GET"]),
        Route("/launch", told(prepare), methods=["POST"]),
        Route("/style.css", sheet),
        Route("/style.json", styling),
    ]


async def _from_page(ehr: SandboxEhr, request: Request) -> Response:
    """The page's form: on to the app, or the form again with what is wrong."""
    form = await own_form(ehr, request)
    chosen = launcher_page.choices(form)
    try:
        framed = launcher_page.in_frame(chosen)
        document = launcher_page.body(chosen, await _listed(ehr))
        if document is None:
            made = await _open(ehr, chosen.client_id)
        else:
            made = await _prepare(ehr, read_launch(document), caller_of(request.scope))
        if made["url"] is None:
            raise OAuthError("invalid_request", "the app registered no launch address (initiate_login_uri)")
    except OAuthError as refused:
        return launcher_page.show(
            ehr, await _listed(ehr), chosen, leads_to=await _addresses(ehr), problem=refused.text, status=refused.status
        )
    if framed:
        return launcher_page.embed(
            ehr, await _listed(ehr), chosen, made["url"], leads_to=await _addresses(ehr)
        )  # fmt: skip
    return redirect(made["url"])


async def _open(ehr: SandboxEhr, client_id: str) -> dict[str, str | None]:
    """A standalone launch for which nothing is prepared: the app is opened, and asks by itself."""
    client = await _client(ehr, client_id)
    return {"url": _url(client, {"iss": ehr.fhir})}


def read_launch(document: Any) -> LaunchBody:
    """Raises OAuthError naming the member."""
    try:
        body = LaunchBody.model_validate(document)
    except ValidationError as wrong:
        place = wrong.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        known = str(place[0]) if place and str(place[0]) in LaunchBody.model_fields else "a member that is not defined"
        raise OAuthError("invalid_request", f"the launch cannot be read: {known}") from wrong
    if (wrong_context := fhir_context.fault(body.fhirContext or [])) is not None:
        raise OAuthError("invalid_request", f"the launch cannot be read: {' '.join(wrong_context)}")
    if not faults.known(body.faults or ()):
        raise OAuthError("invalid_request", "the launch cannot be read: faults must be names that GET lists")
    return body


async def _client(ehr: SandboxEhr, client_id: str) -> Client:
    found = await ehr.database.run(lambda connection, now: find_client(connection, now, client_id))
    if found is None:
        raise OAuthError("invalid_request", "client_id is none that is registered here")
    return found[0]


async def _prepare(ehr: SandboxEhr, body: LaunchBody, caller: Caller = NOBODY) -> dict[str, str | None]:
    client = await _client(ehr, body.client_id)
    patient = await _exists(ehr, body)
    context = Context(
        patient=patient, encounter=body.encounter, user=body.user, intent=body.intent,
        need_patient_banner=body.need_patient_banner, fhir_context=tuple(body.fhirContext or ()), tenant=body.tenant,
        smart_style_url=body.smart_style_url,
    )  # fmt: skip
    ehr.faults.launched(body.faults or ())
    launch = launches.Launch(
        client_id=body.client_id, context=context, automatic=body.automatic, scopes=body.scopes,
        faults=tuple(body.faults or ()),
    )  # fmt: skip
    if body.standalone:
        return await _standalone(ehr, launch, body.code_challenge, client, caller)
    secret = ehr.new_secret()
    url = _url(client, {"iss": ehr.fhir, "launch": secret})
    await ehr.database.run(_kept(ehr, launch, caller, partial(launches.save_launch, launch=launch, secret=secret)))
    return {"launch": secret, "iss": ehr.fhir, "url": url}


async def _standalone(
    ehr: SandboxEhr, launch: launches.Launch, challenge: str | None, client: Client, caller: Caller
) -> dict[str, str | None]:
    if challenge is None:
        raise OAuthError("invalid_request", "code_challenge is needed for a standalone launch")
    await ehr.database.run(
        _kept(ehr, launch, caller, partial(launches.save_standalone, launch=launch, challenge=challenge))
    )
    return {"iss": ehr.fhir, "url": _url(client, {"iss": ehr.fhir})}


def _kept(ehr: SandboxEhr, launch: launches.Launch, caller: Caller, work: Work[None]) -> Work[None]:
    """The work, with the launch in the audit log."""
    context = launch.context
    return ehr.audit.event("launch", work, caller, client=launch.client_id, user=context.user, patient=context.patient)


def _url(client: Client, parameters: Mapping[str, str]) -> str | None:
    """The app's launch address; None when it registered none, and goes to the authorization endpoint by itself."""
    address = client.launch_url
    return None if address is None else f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


async def _exists(ehr: SandboxEhr, body: LaunchBody) -> str | None:
    """The patient in context, who is the encounter's when only that is named. Patient, encounter and user are the EHR's
    own, and a patient who is the user is launched for himself. Raises OAuthError naming the member."""
    patient = body.patient
    if patient is not None:
        await _record(ehr, "patient", f"Patient/{patient}")
    if body.encounter is not None:
        subject = picking.subject_of(await _record(ehr, "encounter", f"Encounter/{body.encounter}"))
        if subject is None or subject != (patient or subject):
            raise OAuthError("invalid_request", "encounter is not one of this patient")
        patient = subject
    if body.user is not None:
        await _record(ehr, "user", body.user)
        if steps.own_patient(body.user) not in (None, patient or steps.own_patient(body.user)):
            raise OAuthError("invalid_request", "user is a patient, and patient is another one")
    return patient


async def _record(ehr: SandboxEhr, member: str, reference: str) -> dict[str, Any]:
    found = await below.read(ehr, reference)
    if found is None:
        raise OAuthError("invalid_request", f"{member} is none that this EHR has")
    return found


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
        "faults": [name for name, _ in faults.available()],
    }


async def _addresses(ehr: SandboxEhr) -> list[str]:
    """Where a launch may lead: an automatic one goes on to the redirect address by itself."""
    clients = await ehr.database.run(list_clients)
    return [uri for each in clients for uri in (each.launch_url, *each.redirect_uris) if uri is not None]
