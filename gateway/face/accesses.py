"""What an interaction and its answer are in the audit log: one row for each patient whose data was reached (BALP
PatientQuery), for each entry of a batch or transaction, or one row where it is nobody's."""

import re
from collections.abc import Mapping
from typing import Any

from auth.server.grants import Grant
from r4.interaction import Answer, Interaction
from sandbox.audit import Caller, Event, names_of, patients_of

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""An X-Request-Id that is kept; another text could be anything."""


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Peer and X-Request-Id of an ASGI request."""
    peer = scope.get("client")
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return Caller(peer[0] if peer else None, value.decode())
    return Caller(peer[0] if peer else None)


def accesses(
    interaction: Interaction, grant: Grant | None, answer: Answer, caller: Caller, *, at: float, base: str
) -> list[Event]:  # fmt: skip
    """The rows; ``at`` is Unix seconds, ``base`` the FHIR base."""
    if interaction.entries and answer.status < 400 and answer.resource is not None:
        return [
            event
            for entry, said in zip(interaction.entries, answer.resource.get("entry", ()), strict=False)
            for event in accesses(entry, grant, _of_entry(said), caller, at=at, base=base)
        ]
    refused = answer.status >= 400
    client, user, id = (grant.client_id, grant.context.user, grant.id) if grant is not None else (None, None, None)
    found = _refused_patient(interaction) if refused else _patients(interaction, grant, answer, base)
    reason = _reason(answer) if refused else None
    name, version = _named(interaction, answer)
    query = names_of(interaction.type, interaction.query) if interaction.action == "search" else None
    return [
        Event(
            interaction.action, at, answer.status, reason, client, user, patient, id, interaction.type, name, version,
            query, caller.request, caller.network,
        )
        for patient in found
    ]  # fmt: skip


def _named(interaction: Interaction, answer: Answer) -> tuple[str | None, str | None]:
    """Id and version of the resource that was read or made."""
    id, version = interaction.id, interaction.version
    if version is None and (tag := answer.headers.get("etag")) is not None:
        version = tag[3:-1]
    if id is None and (location := answer.headers.get("location")) is not None:
        id = location.partition(f"/{interaction.type}/")[2].partition("/")[0] or None
    return id, version


def _patients(interaction: Interaction, grant: Grant | None, answer: Answer, base: str) -> tuple[str | None, ...]:
    """Whose data was answered or stored; where the resources do not say, the one patient that the token is for."""
    resource = answer.resource
    if resource is None or resource.get("resourceType") == "OperationOutcome":
        resource = interaction.body or {}
    found = patients_of(resource, base=base)
    if found:
        return found
    if interaction.type == "Patient" and interaction.id is not None:
        return (interaction.id,)
    return (grant.patient if grant is not None and grant.level == "patient" else None,)


def _refused_patient(interaction: Interaction) -> tuple[str | None]:
    """A refusal says whose data was asked for only where the address does."""
    return (interaction.id if interaction.type == "Patient" else None,)


def _reason(answer: Answer) -> str | None:
    """The type of the first issue, a code of R4."""
    for issue in (answer.resource or {}).get("issue", ()):
        return str(issue["code"])
    return None


def _of_entry(entry: Mapping[str, Any]) -> Answer:
    """The answer that an entry of a response Bundle tells of."""
    said = entry.get("response", {})
    headers = {name: said[name] for name in ("etag", "location") if name in said}
    return Answer(
        status=int(said.get("status", "200")[:3]),
        resource=entry.get("resource") or said.get("outcome"),
        headers=headers,
    )
