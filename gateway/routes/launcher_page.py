"""Edge: the launcher as a page: its choices stand in its address, and every one can be made without a script."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth.errors import OAuthError
from gateway.pages import sentence
from gateway.routes import fault_form
from gateway.routes.ehr_pages import page
from gateway.sandbox_ehrs import faults
from gateway.sandbox_ehrs.ehr import SandboxEhr

FIELDS = (
    "client_id", "kind", "patient", "encounter", "user", "intent", "need_patient_banner", "sign_in", "shown_in",
    "scopes", "code_challenge",
)  # fmt: skip
BANNER = {"": "not said", "true": "the app has to show one", "false": "the EHR shows one"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What is chosen on the form; empty where nothing is."""

    client_id: str = ""
    kind: str = ""
    patient: str = ""
    encounter: str = ""
    user: str = ""
    intent: str = ""
    need_patient_banner: str = ""
    sign_in: str = ""
    shown_in: str = ""
    scopes: str = ""
    code_challenge: str = ""
    faults: tuple[str, ...] = ()


def choices(said: Mapping[str, str]) -> Choices:
    """The choices of an address or of the posted form; a fault that is not known is left out."""
    chosen = {name: said.get(name, "")[:4096] for name in FIELDS}
    return Choices(**chosen, faults=tuple(name for name, _ in faults.available() if f"fault-{name}" in said))


def body(chosen: Choices, listed: Mapping[str, Any]) -> dict[str, Any] | None:
    """The choices as the JSON body; None when nothing has to be prepared: a standalone launch without a challenge. An
    encounter that is chosen without a patient brings its own."""
    standalone = chosen.kind == "standalone"
    if standalone and not chosen.code_challenge:
        return None
    owner = next((str(each["patient"]) for each in listed["encounters"] if each["id"] == chosen.encounter), "")
    said: dict[str, Any] = {
        "client_id": chosen.client_id, "patient": chosen.patient or owner, "encounter": chosen.encounter,
        "user": chosen.user, "intent": chosen.intent, "scopes": chosen.scopes, "faults": list(chosen.faults),
        "code_challenge": chosen.code_challenge if standalone else "", "standalone": standalone,
    }  # fmt: skip
    if chosen.need_patient_banner:
        said["need_patient_banner"] = chosen.need_patient_banner == "true"
    return {
        "automatic": chosen.sign_in == "automatic",
        **{name: value for name, value in said.items() if value or (value is False and name == "need_patient_banner")},
    }


def in_frame(chosen: Choices) -> bool:
    """Whether the app is to open inside the EHR's page. Raises OAuthError where the sign-in's own pages, which nobody may
    frame, would stand in the way."""
    if chosen.shown_in != "frame":
        return False
    if chosen.sign_in != "automatic":
        raise OAuthError(
            "invalid_request", "inside the EHR's page the sign-in must be automatic: its pages cannot be framed"
        )
    return True


def embed(
    ehr: SandboxEhr, listed: Mapping[str, Any], chosen: Choices, url: str, *, leads_to: Iterable[str]
) -> Response:
    """A page of the EHR with the patient at its head and the app, launched, in a frame."""
    names = {each["id"]: each["name"] for each in listed["patients"]}
    app = next((each["name"] for each in listed["clients"] if each["client_id"] == chosen.client_id), None)
    return page(
        ehr, "embed.html", frames=leads_to, url=url, app=app or chosen.client_id,
        patient=names.get(chosen.patient), banner=chosen.need_patient_banner != "true",
    )  # fmt: skip


def show(
    ehr: SandboxEhr, listed: Mapping[str, Any], chosen: Choices, *, leads_to: Iterable[str], problem: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    """The page. Its form leads on to apps, at the addresses ``leads_to`` that these have registered."""
    names = {each["id"]: each["name"] for each in listed["patients"]}
    encounters = [
        (each["id"], f"{names.get(each['patient'], 'somebody')}: {each['id']}") for each in listed["encounters"]
    ]
    people = [
        *((each["reference"], each["name"]) for each in listed["users"]),
        *((f"Patient/{id}", f"{name}, a patient for himself or herself") for id, name in names.items()),
    ]
    return page(
        ehr, "launcher.html", status=status, leads_to=leads_to,
        chosen=chosen, problem=sentence(problem) if problem else "", clients=listed["clients"],
        apps=[(each["client_id"], each["name"] or each["client_id"]) for each in listed["clients"]],
        patient_rows=[("", "none: it is picked at sign-in, if the app asks"), *names.items()],
        encounter_rows=[("", "none"), *encounters], user_rows=[("", "whoever signs in"), *people],
        banner_rows=list(BANNER.items()), fault_rows=faults.available(),
        switches=fault_form.switches(ehr),
    )  # fmt: skip
