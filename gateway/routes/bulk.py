"""Edge: Bulk Data Access 2.0.0 over HTTP: kick-off, status, cancelling, and the files, all with a bearer of the client."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex

from auth import scopes
from auth.access.decide import fhir_scopes, level, operating
from auth.server.grants import Grant, find_grant
from gateway.exports import export_jobs, export_runs
from gateway.exports.export_runs import BOOT
from gateway.exports.exporting import Run, allowed
from gateway.face import serving
from gateway.face.guarding import CHALLENGE
from gateway.sandbox_ehrs.ehr import SandboxEhr
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
_POLLED: dict[str, tuple[float, int]] = {}

ABSENT = refusal(404, "not-found", "There is no such export, or it has expired or was cancelled.")
FORBIDDEN = refusal(403, "forbidden", "The token does not permit this export.", headers=CHALLENGE)
ASYNC = refusal(400, "invalid", "An export is asynchronous: send Prefer: respond-async.", element="Prefer")
BUSY = refusal(429, "throttled", "Too many exports are under way. Wait for one to end.", headers={"retry-after": "5"})
HASTY = refusal(429, "throttled", "The status was asked for too often.", headers={"retry-after": "1"})
FAILED = refusal(500, "exception", "The export did not end, perhaps because the server was started anew. Ask again.")


async def kick_off(
    ehr: SandboxEhr, i: Interaction, token: str, said: Mapping[str, str], url: str, caller: Caller
) -> Answer | None:
    """202 with the status address, or why not; None for a token that opens nothing. Raises InteractionError."""
    grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
    answer = serving.UNKNOWN if grant is None else await _begun(ehr, i, grant, said, url)
    told = ehr.audit.access(i, grant, answer, caller)
    return None if grant is None else told


async def _begun(ehr: SandboxEhr, i: Interaction, grant: Grant, said: Mapping[str, str], url: str) -> Answer:
    if not _system(grant):
        return FORBIDDEN
    if (i.type, i.id is None) not in ((None, True), ("Patient", True), ("Group", False)):
        return refusal(404, "not-supported", "An export is of the system, of Patient, or of a Group.")
    prefer = {word.strip() for word in said.get("prefer", "").replace(";", ",").split(",")}
    if "respond-async" not in prefer:
        return ASYNC
    export = parse(i, lenient="handling=lenient" in prefer)
    types = allowed(grant, export)
    if not types or not all(operating(grant, "$export", type) for type in export.types or ()):
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
    id, words = token_hex(16), scopes.format(fhir_scopes(grant))
    begun = await ehr.database.run(
        lambda c, now: export_jobs.begin(
            c, now, id=id, client=grant.client_id, scopes=words, boot=BOOT, request=url, since=export.since is not None
        )
    )
    if not begun:
        return BUSY
    export_runs.start(Run(ehr, grant, export, types, id))
    return Answer(status=202, headers={"content-location": f"{ehr.fhir}/{PLACE}{id}"})


async def serve(ehr: SandboxEhr, method: str, path: str, token: str, caller: Caller) -> Answer | None:
    """Status, cancelling or a file, recorded but for the status; None for a token that opens nothing."""
    grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
    asked, answer = STATUS, serving.UNKNOWN
    if grant is not None:
        asked, answer = await _answered(ehr, method, path, grant)
    if asked is not STATUS or method == "DELETE" or answer.status in (401, 403, 404):
        answer = ehr.audit.access(asked, grant, answer, caller)
    return None if grant is None else answer


async def _answered(ehr: SandboxEhr, method: str, path: str, grant: Grant) -> tuple[Interaction, Answer]:
    """What this is in the audit log, and the answer."""
    match = _PLACE.fullmatch(path)
    if not _system(grant):
        return STATUS, FORBIDDEN
    if match is None:
        return STATUS, ABSENT
    id, alive = match[1], export_runs.alive(match[1])
    job = await ehr.database.run(lambda c, now: export_jobs.find(c, now, id=id, client=grant.client_id))
    if job is None:
        return STATUS, ABSENT
    if match[2] is not None:
        return await _file(ehr, job, int(match[2]), grant) if method == "GET" else (STATUS, _unserved("GET"))
    if method == "DELETE":
        await ehr.database.run(lambda c, now: export_jobs.remove(c, now, id))
        return STATUS, Answer(status=202)
    return STATUS, _status(ehr, job, alive=alive) if method == "GET" else _unserved("DELETE, GET")


def _unserved(methods: str) -> Answer:
    """Another method than those that are served here."""
    return refusal(405, "not-supported", "This method is not served here.", headers={"allow": methods})


STATUS = Interaction(action="operation", operation="$export")
"""What a request about an export is in the audit log."""


def _system(grant: Grant) -> bool:
    return any(level(scope, grant) == "system" for scope in fhir_scopes(grant))


def _status(ehr: SandboxEhr, job: export_jobs.Job, *, alive: bool) -> Answer:
    if _polled(job.id, time.monotonic()) > POLLS:
        return HASTY
    if job.state == "running" and alive:
        return Answer(status=202, headers={"x-progress": job.progress, "retry-after": "1"})
    if job.state != "done":
        return FAILED
    output, deleted = _files(ehr, job, "output"), _files(ehr, job, "deleted")
    body = manifest(
        at=format_instant(job.at), request=job.request, output=output, deleted=deleted if job.since else None
    )
    headers = {"content-type": "application/json", "expires": http_date(job.expires)}
    return Answer(status=200, resource=body, encoded=codec.format(body), headers=headers)


def _files(ehr: SandboxEhr, job: export_jobs.Job, kind: str) -> list[tuple[str, str, int]]:
    """Type, address and count of lines of each file of the kind."""
    return [
        (part.type if kind == "output" else "Bundle", f"{ehr.fhir}/{PLACE}{job.id}/{part.number}.ndjson", part.lines)
        for part in job.parts
        if part.kind == kind
    ]


def _polled(id: str, now: float) -> int:
    """How often this export was asked after within this second."""
    since, count = _POLLED.get(id, (now, 0))
    _POLLED[id] = (since, count + 1) if now - since < 1.0 else (now, 1)
    if len(_POLLED) > 1000:
        _POLLED.pop(next(iter(_POLLED)))
    return _POLLED[id][1]


async def _file(ehr: SandboxEhr, job: export_jobs.Job, number: int, grant: Grant) -> tuple[Interaction, Answer]:
    part = next((part for part in job.parts if part.number == number), None)
    if part is None or job.state != "done":
        return STATUS, ABSENT
    asked = Interaction(action="search", type=part.type)
    if not _reads_all(grant, job, part.type):
        return asked, FORBIDDEN
    body = await ehr.database.run(lambda c, now: export_jobs.body(c, now, job=job.id, number=number))
    if body is None:
        return asked, ABSENT
    return asked, Answer(status=200, encoded=body, headers={"content-type": "application/fhir+ndjson"})


def _reads_all(grant: Grant, job: export_jobs.Job, type: str) -> bool:
    """Whether the token reaches all that the one that asked did: a narrower one of the same client gets no more by this."""
    asked = operating(replace(grant, scopes=scopes.parse(job.scopes)), "$export", type)
    have = operating(grant, "$export", type)
    wanted = [replace(scope, type=type, actions=frozenset("rs")) for scope in asked]
    return bool(have) and all(any(scopes.covers(each, scope) for each in have) for scope in wanted)
