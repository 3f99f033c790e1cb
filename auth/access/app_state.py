"""App state (SMART App Launch 2.2 app-state, experimental): which app may keep what, about whom.

A Basic is app state when its code is one of the app's own: the code's system lies at an origin that the app registered, or
the operator allowed the very code. Any other Basic is an ordinary resource. Limits: docs/reference/authorization-server.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth.scopes import FhirScope
from auth.server.clients import Client, origin_of
from auth.server.grants import Grant
from r4.outcome import Issue
from r4.references import parse

BYTES = 256 * 1024
"""A state as it is sent: "SHALL NOT exceed 256KB"."""
SUBJECTS = frozenset({"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"})
MEMBERS = frozenset({"resourceType", "id", "meta", "code", "subject", "extension"})
"""What is kept of a Basic, beside ``id`` and ``meta`` that the server gives. Anything else could not be kept whole."""
ADMINISTRATORS = ("Practitioner/", "PractitionerRole/")
"""Users whose apps may change state that is about nobody ("should be limited to administrative apps")."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """``code`` is ``system|code``; ``subject`` is ``Type/id``, or None for the app's configuration as a whole."""

    code: str
    subject: str | None
    coding: Mapping[str, str]
    extension: tuple[Mapping[str, str], ...]


def is_code(code: str) -> bool:
    """Whether this is written as ``system|code``."""
    system, _, value = code.partition("|")
    return bool(system and value) and code.isprintable() and "|" not in value and len(code) <= 1000


def knows(client: Client, code: str) -> bool:
    """Whether this app may keep state under the code."""
    if not is_code(code):
        return False
    system = code.partition("|")[0]
    addresses = (*client.redirect_uris, client.launch_url, client.jwks_uri)
    own = {origin_of(address) for address in addresses if address is not None}
    return code in client.state_codes or _origin(system) in own - {None}


def _origin(system: str) -> str | None:
    try:
        return origin_of(system)
    except ValueError:
        return None


def code_of(body: Mapping[str, Any]) -> str | None:
    """``system|code`` of a Basic with one coding, or None."""
    concept = body.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list) or len(codings) != 1 or not isinstance(codings[0], dict):
        return None
    system, code = codings[0].get("system"), codings[0].get("code")
    return f"{system}|{code}" if isinstance(system, str) and isinstance(code, str) else None


def permits(grant: Grant, letter: str, code: str, subject: str | None) -> bool:
    """Whether one scope of the grant reaches the state; ``letter`` is one of ``cruds``."""
    return any(
        isinstance(scope, FhirScope)
        and letter in scope.actions
        and scope.type in ("*", "Basic")
        and all(_matches(name, value, code, subject) for name, value in scope.query)
        and _within(scope, grant, letter, subject)
        for scope in grant.scopes
    )


def _within(scope: FhirScope, grant: Grant, letter: str, subject: str | None) -> bool:
    """The in-context patient, the user himself, or nobody; a ``system/`` scope reaches everybody's."""
    if scope.context == "system":
        return True
    patient = f"Patient/{grant.patient}" if grant.patient is not None else None
    if scope.context == "patient" or grant.user is None:
        return scope.context == "patient" and subject is not None and subject == patient
    if subject is None:
        return letter in "rs" or grant.user.startswith(ADMINISTRATORS)
    return subject in (grant.user, patient)


def _matches(name: str, value: str, code: str, subject: str | None) -> bool:
    """One pair of a granular scope; a parameter that state does not have matches nothing."""
    if name == "code":
        return value in (code, code.partition("|")[2])
    return name == "subject" and subject is not None and value in (subject, subject.partition("/")[2])


def read(body: Mapping[str, Any], *, base: str, new: bool) -> State | Issue:
    """A Basic as it is sent → State, or what is wrong with it. ``new`` is whether it is created."""
    wrong = next((name for name in body if name not in MEMBERS), None)
    if wrong is not None:
        return Issue("not-supported", "app state has code, subject and extension only", "Basic")
    meta = body.get("meta")
    if new and ("id" in body or (isinstance(meta, dict) and "versionId" in meta)):
        return Issue("value", "the server gives id and version", "Basic.id")
    code = code_of(body)
    coding = body["code"]["coding"][0] if code is not None else {}
    texts = {"system", "code", "display"}
    if code is None or set(body["code"]) != {"coding"} or not set(coding) <= texts or not _strings(coding):
        return Issue("value", "must be one coding of system and code, with or without display", "Basic.code")
    subject = _subject(body, base)
    if isinstance(subject, Issue):
        return subject
    extension = body.get("extension", [])
    for index, each in enumerate(extension if isinstance(extension, list) else [None]):
        if not isinstance(each, dict) or set(each) != {"url", "valueString"} or not _strings(each):
            return Issue("value", "must have url and valueString only", f"Basic.extension[{index}]")
    return State(code=code, subject=subject, coding=coding, extension=tuple(extension))


def _subject(body: Mapping[str, Any], base: str) -> str | Issue | None:
    """``Type/id`` of the one subject, which is named absolutely."""
    if "subject" not in body:
        return None
    said = body["subject"]
    reference = said.get("reference") if isinstance(said, dict) and set(said) == {"reference"} else None
    local = parse(reference, base=base)
    if local is None or local.version is not None or reference != f"{base}/{local.local}":
        return Issue("value", "must be an absolute reference to a resource of this server", "Basic.subject.reference")
    if local.type not in SUBJECTS:
        return Issue("value", f"must be one of {', '.join(sorted(SUBJECTS))}", "Basic.subject.reference")
    return local.local


def _strings(members: Mapping[str, Any]) -> bool:
    return all(isinstance(value, str) and value for value in members.values())
