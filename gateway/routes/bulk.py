"""Edge: Bulk Data Access 2.0.0 over HTTP: kick-off, status, cancelling, and the files, all with a bearer of the client."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any

from auth.access.decide import fhir_scopes, level, operating
from auth.server.grants import Grant, find_grant
from gateway import export_jobs, serving
from gateway.ehr import SandboxEhr
from gateway.exporting import Run, allowed
from r4 import codec
from r4.interaction import Answer, Interaction
from r4.references import parse as parse_reference
from sandbox.answering import http_date, refusal
from sandbox.audit import Caller
from sandbox.bulk import Export, manifest, parse
from vocabulary.instant import format_instant

PLACE = "bulk/"
"""Below the FHIR base: ``bulk/{job}`` and ``bulk/{job}/{number}.ndjson``."""
_PLACE = re.compile(r"bulk/([0-9a-f]{32})(?:/([0-9]{1,6})\.ndjson)?")
POLLS = 20
"""Questions about one export within a second, at most."""
BOOT = token_hex(16)
_TASKS: set[asyncio.Task[None]] = set()
_POLLED: dict[str, tuple[float, int]] = {}

ABSENT = refusal(404, "not-found", "There is no such export, or it has expired or was cancelled.")
FORBIDDEN = refusal(403, "forbidden", "The token does not permit this export.")
ASYNC = refusal(400, "invalid", "An export is asynchronous: send Prefer: respond-async.", element="Prefer")
BUSY = refusal(429, "throttled", "Too many exports are under way. Wait for one to end.", headers={"retry-after": "5"})
HASTY = refusal(429, "throttled", "The status was asked for too often.", headers={"retry-after": "1"})
FAILED = refusal(500, "exception", "The export did not end, perhaps because the server was started anew. Ask again.")


async def kick_off(
    ehr: SandboxEhr, i: Interaction, token: str, said: Mapping[str, str], url: str, caller: Caller
) -> Answer | None:
    """202 with the status address, or why not; None for a token that opens nothing. Raises InteractionError."""
    grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
    if grant is None:
        return None
    return ehr.audit.access(i, grant, await _begun(ehr, i, grant, said, url), caller)


async def _begun(ehr: SandboxEhr, i: Interaction, grant: Grant, said: Mapping[str, str], url: str) -> Answer:
    if not any(level(scope, grant) == "system" for scope in fhir_scopes(grant)):
        return FORBIDDEN
    if (i.type, i.id is None) not in ((None, True), ("Patient", True), ("Group", False)):
        return refusal(404, "not-supported", "An export is of the system, of Patient, or of a Group.")
    prefer = {word.strip() for word in said.get("prefer", "").replace(";", ",").split(",")}
    if "respond-async" not in prefer:
        return ASYNC
    export = parse(i, lenient="handling=lenient" in prefer)
    types = allowed(grant, export)
    if not types or (export.types is not None and not set(export.types) <= set(types) and export.level == "system"):
        return FORBIDDEN
    if any(not operating(grant, "$export", type) for type in export.types or ()):
        return FORBIDDEN
    members = await _members(ehr, export, grant)
    if isinstance(members, Answer):
        return members
    return await _start(ehr, grant, replace(export, patients=members), types, url)


async def _members(ehr: SandboxEhr, export: Export, grant: Grant) -> tuple[str, ...] | Answer | None:
    """The patients of the export: of the group, and of those that were asked for."""
    if export.level != "group":
        return export.patients
    group = Interaction(action="read", type="Group", id=export.group)
    answer = await serving.granted(ehr, group, grant)
    if answer.status != 200 or answer.resource is None:
        return answer
    entities = [each.get("entity", {}) for each in answer.resource.get("member", ()) if not each.get("inactive")]
    found = [parse_reference(str(each.get("reference", "")), base=ehr.fhir) for each in entities]
    ids = tuple(dict.fromkeys(each.id for each in found if each is not None and each.type == "Patient"))
    if export.patients is not None and not set(export.patients) <= set(ids):
        return refusal(400, "value", "must be members of the group", element="patient")
    return ids if export.patients is None else export.patients


async def _start(ehr: SandboxEhr, grant: Grant, export: Export, types: tuple[str, ...], url: str) -> Answer:
    id = token_hex(16)
    begun = await ehr.database.run(
        lambda c, now: export_jobs.begin(c, now, id=id, client=grant.client_id, boot=BOOT, request=url)
    )
    if not begun:
        return BUSY
    task = asyncio.create_task(Run(ehr, grant, export, types, id).finish())
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
    return Answer(status=202, headers={"content-location": f"{ehr.fhir}/{PLACE}{id}"})


async def serve(ehr: SandboxEhr, method: str, path: str, token: str, caller: Caller) -> Answer | None:
    """Status, cancelling or a file; None for a token that opens nothing."""
    grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
    if grant is None:
        return None
    match = _PLACE.fullmatch(path)
    if match is None:
        return ABSENT
    id, number = match[1], match[2]
    job = await ehr.database.run(lambda c, now: export_jobs.find(c, now, id=id, client=grant.client_id, boot=BOOT))
    if job is None:
        return ABSENT
    if number is not None:
        return await _file(ehr, job, int(number), grant, caller) if method == "GET" else _UNSERVED
    if method == "DELETE":
        await ehr.database.run(lambda c, now: export_jobs.remove(c, now, id))
        return Answer(status=202)
    return _status(ehr, job) if method == "GET" else _UNSERVED


_UNSERVED = refusal(405, "not-supported", "This method is not served here.")


def _status(ehr: SandboxEhr, job: export_jobs.Job) -> Answer:
    if _polled(job.id, time.monotonic()) > POLLS:
        return HASTY
    if job.state == "running":
        return Answer(status=202, headers={"x-progress": job.progress, "retry-after": "1"})
    if job.state == "failed":
        return FAILED
    output = [(type, f"{ehr.fhir}/{PLACE}{job.id}/{number}.ndjson", count) for number, type, count in job.parts]
    body: dict[str, Any] = manifest(at=format_instant(job.at), request=job.request, output=output)
    headers = {"content-type": "application/json", "expires": http_date(job.expires)}
    return Answer(status=200, resource=body, encoded=codec.format(body), headers=headers)


def _polled(id: str, now: float) -> int:
    """How often this export was asked after within this second."""
    since, count = _POLLED.get(id, (now, 0))
    _POLLED[id] = (since, count + 1) if now - since < 1.0 else (now, 1)
    if len(_POLLED) > 1000:
        _POLLED.pop(next(iter(_POLLED)))
    return _POLLED[id][1]


async def _file(ehr: SandboxEhr, job: export_jobs.Job, number: int, grant: Grant, caller: Caller) -> Answer:
    found = await ehr.database.run(lambda c, now: export_jobs.body(c, now, job=job.id, number=number))
    if found is None or job.state != "done":
        return ABSENT
    type, body = found
    asked = Interaction(action="search", type=type)
    if not operating(grant, "$export", type):
        return ehr.audit.access(asked, grant, FORBIDDEN, caller)
    answer = Answer(status=200, encoded=body, headers={"content-type": "application/fhir+ndjson"})
    return ehr.audit.access(asked, grant, answer, caller)
