"""Edge: what the pages of the sign-in list: people, patients, encounters, and scopes in words."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from auth import scopes
from auth.scopes import Scope
from auth.server import words
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr

SHOWN = 50
"""Radio buttons on one page; a name finds the others."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PERSON = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}")


def is_id(text: str) -> bool:
    """Whether this can be a resource's id, and no step in a path."""
    return _ID.fullmatch(text) is not None and text not in (".", "..")


def is_person(reference: str) -> bool:
    """Whether this can be a user."""
    return _PERSON.fullmatch(reference) is not None and is_id(reference.partition("/")[2])


def host_of(uri: str) -> str:
    """Where the browser is sent, for people: the host, or the scheme of an app on this machine."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"an app on this device ({parts.scheme}:)"


async def people(ehr: SandboxEhr, may_sign_in: Callable[[str], bool], *, only: str | None, name: str) -> dict[str, Any]:
    """Who may sign in: ``staff`` and ``patients``; the launch's own user alone when it names one."""
    if only is not None:
        found = await below.read(ehr, only)
        return {"staff": [_person(only, found)] if found else [], "patients": []}
    return {
        listed: [
            _person(reference, each)
            for each in await _named(ehr, type, name)
            if may_sign_in(reference := f"{type}/{each['id']}")
        ]
        for listed, type in (("staff", "Practitioner"), ("patients", "Patient"))
    }


def _person(reference: str, resource: Mapping[str, Any]) -> dict[str, str]:
    return {"reference": reference, "name": below.name_of(resource)}


async def _named(ehr: SandboxEhr, type: str, name: str) -> list[dict[str, Any]]:
    found = await below.search(ehr, type, *((("name", name),) if name else ()))
    return sorted(found, key=lambda each: below.name_of(each).casefold())


async def patients(ehr: SandboxEhr, name: str) -> dict[str, Any]:
    """The patients of the picker, by name; ``more`` says that there are others."""
    found = await _named(ehr, "Patient", name)
    listed = [
        {
            "id": each["id"],
            "name": below.name_of(each),
            "born": str(each.get("birthDate", "")),
            "sex": str(each.get("gender", "")),
        }
        for each in found[:SHOWN]
    ]
    return {"patients": listed, "more": len(found) > SHOWN}


async def encounters(ehr: SandboxEhr, patient: str) -> dict[str, Any]:
    """The encounters of the patient, open ones first, the newest before older ones."""
    found = await below.search(ehr, "Encounter", ("patient", f"Patient/{patient}"))
    own = [each for each in found if subject_of(each) == patient]
    newest = sorted(own, key=_start, reverse=True)
    ordered = sorted(newest, key=lambda each: each.get("status") != "in-progress")
    listed = [
        {
            "id": each["id"],
            "status": str(each.get("status", "")),
            "kind": _kind(each),
            "start": _start(each)[:16].replace("T", " "),
        }
        for each in ordered[:SHOWN]
    ]
    return {"encounters": listed, "more": len(ordered) > SHOWN}


def subject_of(encounter: Mapping[str, Any]) -> str | None:
    """The bare id of the patient whose encounter it is."""
    subject = encounter.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return reference.removeprefix("Patient/") if isinstance(reference, str) else None


def _start(encounter: Mapping[str, Any]) -> str:
    period = encounter.get("period")
    return str(period.get("start", "")) if isinstance(period, dict) else ""


def _kind(encounter: Mapping[str, Any]) -> str:
    """What sort of encounter, in words if the record has some."""
    sorts = [*encounter.get("type", ()), {"coding": [encounter.get("class", {})]}]
    for sort in sorts:
        codings = sort.get("coding", ()) if isinstance(sort, dict) else ()
        said = [sort.get("text"), *(coding.get("display") or coding.get("code") for coding in codings)]
        if (shown := next((text for text in said if isinstance(text, str) and text), None)) is not None:
            return shown
    return "Encounter"


def worded(offered: Iterable[Scope]) -> list[dict[str, Any]]:
    """Scopes for the consent page and the list of grants; ``within`` says that another of them goes beyond it."""
    found = tuple(offered)
    outer = scopes.outermost(found)
    return [
        {
            "scope": scopes.format_one(scope), "says": words.describe(scope), "writes": words.writes(scope),
            "within": scope not in outer,
        }
        for scope in found
    ]  # fmt: skip
