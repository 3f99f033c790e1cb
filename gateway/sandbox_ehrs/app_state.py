"""Edge: app state at the FHIR base of a sandbox EHR (SMART App Launch 2.2 app-state): the Basics that are an app's own.

It stands before the face: what is no app state is left to it. State is kept by this EHR whatever FHIR server is behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from auth.access import app_state as rules
from auth.server.clients import Client, find_client
from auth.server.grants import Grant, find_grant
from gateway.face.guarding import ABSENT, FORBIDDEN
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import parse
from sandbox import app_state
from sandbox.answering import etag, http_date, refusal
from sandbox.app_state import Kept
from sandbox.audit import NOBODY, Caller
from vocabulary.instant import format_instant

CHANGED = refusal(412, "conflict", "The state is not the version, or not the code and subject, that was expected.")
UNCONDITIONAL = refusal(428, "required", "must be given for app state", element="If-Match")
TOO_LONG = refusal(413, "too-long", f"App state has at most {rules.BYTES} bytes.")
FULL = refusal(422, "too-costly", "The app has no room for more state: delete some first.")
OTHERWISE = refusal(405, "not-supported", "App state is read, searched, created, updated and deleted only.")
PARAMETERS = frozenset({"code", "subject", "subject:missing"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Who asks for what. ``size`` is that of the body, in bytes."""

    ehr: SandboxEhr
    grant: Grant
    client: Client
    interaction: Interaction
    size: int


async def serve(
    ehr: SandboxEhr, interaction: Interaction, token: str, *, size: int, caller: Caller = NOBODY
) -> Answer | None:
    """The answer, recorded; None when this is not about app state."""

    def work(connection: Connection, now: float) -> tuple[Grant, Answer] | None:
        grant = find_grant(connection, now, token)
        found = find_client(connection, now, grant.client_id) if grant is not None else None
        if grant is None or found is None:
            return None
        asked = Asked(ehr=ehr, grant=grant, client=found[0], interaction=interaction, size=size)
        answer = _answer(connection, now, asked)
        return None if answer is None else (grant, answer)

    served = await ehr.database.run(work)
    return None if served is None else ehr.audit.access(interaction, *served, caller)


def _answer(connection: Connection, now: float, asked: Asked) -> Answer | None:
    interaction = asked.interaction
    if interaction.id is not None:
        kept = app_state.find_state(connection, now, interaction.id)
        return None if kept is None else _one(connection, now, asked, kept)
    if interaction.action == "create":
        code = rules.code_of(interaction.body or {})
        return _create(connection, now, asked) if code is not None and rules.knows(asked.client, code) else None
    codes = [value for name, value in interaction.query if name == "code"]
    if interaction.action == "search" and len(codes) == 1 and rules.knows(asked.client, codes[0]):
        return _search(connection, now, asked, codes[0])
    return None


def _create(connection: Connection, now: float, asked: Asked) -> Answer:
    state = _read(asked, new=True)
    if isinstance(state, Answer):
        return state
    if not rules.permits(asked.grant, "c", state.code, state.subject):
        return FORBIDDEN
    if app_state.full(connection, now, client=asked.client.id, code=state.code, subject=state.subject):
        return FULL
    kept = app_state.save_state(
        connection, now, id=asked.ehr.new_id(), client=asked.client.id, code=state.code, subject=state.subject,
        coding=state.coding, extension=state.extension,
    )  # fmt: skip
    return _told(asked.ehr, kept, status=201)


def _read(asked: Asked, *, new: bool) -> rules.State | Answer:
    if asked.size > rules.BYTES:
        return TOO_LONG
    if asked.interaction.if_none_exist is not None:
        return refusal(400, "not-supported", "App state is not created conditionally.", element="If-None-Exist")
    state = rules.read(asked.interaction.body or {}, base=asked.ehr.fhir, new=new)
    return Answer(status=422, resource=outcome([state])) if isinstance(state, Issue) else state


def _search(connection: Connection, now: float, asked: Asked, code: str) -> Answer:
    query = dict(asked.interaction.query)
    if len(query) != len(asked.interaction.query) or not set(query) <= PARAMETERS or len(query) > 2:
        return refusal(400, "not-supported", "App state is searched by code, and subject or subject:missing.")
    if query.get("subject:missing", "true") != "true":
        return refusal(400, "value", "must be true", element="subject:missing")
    local = parse(query.get("subject"), base=asked.ehr.fhir)
    if "subject" in query and local is None:
        return refusal(400, "value", "must be a reference to a resource of this server", element="subject")
    subject = local.local if local is not None else None
    every = not {"subject", "subject:missing"} & set(query)
    if not every and not rules.permits(asked.grant, "s", code, subject):
        return FORBIDDEN
    found = app_state.search_states(connection, now, code=code, subject=subject, any=every)
    seen = [kept for kept in found if rules.permits(asked.grant, "s", kept.code, kept.subject)]
    return Answer(status=200, resource=_bundle(asked.ehr, seen))


def _one(connection: Connection, now: float, asked: Asked, kept: Kept) -> Answer:
    """Read, update or delete of a state; to whom it is not theirs to see, it is not there."""
    letter, act = ONE.get(asked.interaction.action, ("", None))
    mine = rules.knows(asked.client, kept.code)
    if not mine or not any(rules.permits(asked.grant, each, kept.code, kept.subject) for each in letter or "ruds"):
        return ABSENT
    return OTHERWISE if act is None else act(connection, now, asked, kept)


def _show(connection: Connection, now: float, asked: Asked, kept: Kept) -> Answer:
    return refusal(410, "deleted", "The state was deleted.") if kept.deleted else _told(asked.ehr, kept)


def _update(connection: Connection, now: float, asked: Asked, kept: Kept) -> Answer:
    if (wrong := _precondition(asked, kept)) is not None:
        return wrong
    state = _read(asked, new=False)
    if isinstance(state, Answer):
        return state
    if (asked.interaction.body or {}).get("id") != kept.id:
        return refusal(400, "value", "must be the id in the address", element="Basic.id")
    if (state.code, state.subject) != (kept.code, kept.subject):
        return CHANGED
    changed = app_state.change_state(connection, now, kept=kept, coding=state.coding, extension=state.extension)
    return CHANGED if changed is None else _told(asked.ehr, changed)


def _delete(connection: Connection, now: float, asked: Asked, kept: Kept) -> Answer:
    if (wrong := _precondition(asked, kept)) is not None:
        return wrong
    return Answer(status=204) if app_state.delete_state(connection, now, kept=kept) else CHANGED


def _precondition(asked: Asked, kept: Kept) -> Answer | None:
    """``If-Match`` must be there and name the version that stands; what was deleted has none."""
    if asked.interaction.if_match is None:
        return UNCONDITIONAL
    return CHANGED if kept.deleted or asked.interaction.if_match != str(kept.version) else None


Act = Callable[[Connection, float, Asked, Kept], Answer]
ONE: Mapping[str, tuple[str, Act]] = {"read": ("r", _show), "update": ("u", _update), "delete": ("d", _delete)}


def _resource(ehr: SandboxEhr, kept: Kept) -> dict[str, Any]:
    subject = {"subject": {"reference": f"{ehr.fhir}/{kept.subject}"}} if kept.subject is not None else {}
    extension = {"extension": [dict(each) for each in kept.extension]} if kept.extension else {}
    return {
        "resourceType": "Basic",
        "id": kept.id,
        "meta": {"versionId": str(kept.version), "lastUpdated": format_instant(kept.updated)},
        **extension,
        "code": {"coding": [dict(kept.coding)]},
        **subject,
    }


def _told(ehr: SandboxEhr, kept: Kept, *, status: int = 200) -> Answer:
    headers = {"etag": etag(kept.version), "last-modified": http_date(kept.updated)}
    if status == 201:
        headers["location"] = f"{ehr.fhir}/Basic/{kept.id}"
    return Answer(status=status, resource=_resource(ehr, kept), headers=headers)


def _bundle(ehr: SandboxEhr, found: list[Kept]) -> dict[str, Any]:
    entries = [
        {"fullUrl": f"{ehr.fhir}/Basic/{kept.id}", "resource": _resource(ehr, kept), "search": {"mode": "match"}}
        for kept in found
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        **({"entry": entries} if entries else {}),
    }
