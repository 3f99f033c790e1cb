"""Edge: acts the faults that are switched on at a sandbox EHR, or named by a launch, around the face and on its answers.

The face, its guard and the store know nothing of this: what a fault asks of them is asked as a bearer would.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.types import Receive, Scope, Send

from auth.server.grants import find_grant
from gateway.face import serving
from gateway.processes import wire
from gateway.sandbox_ehrs.cors import MARK
from gateway.sandbox_ehrs.faults import DEAD
from r4.interaction import Answer, Interaction
from r4.moments import moment_range
from sandbox import faults
from sandbox.answering import etag, refusal
from sandbox.faults import Active

if TYPE_CHECKING:
    from gateway.sandbox_ehrs.ehr import SandboxEhr

Whole = Callable[[Answer], tuple[list[tuple[bytes, bytes]], bytes]]
"""An answer's headers and body as they would be sent."""
Ask = Callable[[Interaction], Awaitable[Answer | None]]
"""What answers an interaction when nothing goes wrong; None for a token that opens nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """An answer and the faults that are still to strike it on its way out."""

    answer: Answer | None
    wire: tuple[Active, ...] = ()


async def serve(ehr: "SandboxEhr", interaction: Interaction, token: str, ask: Ask) -> Struck:
    """The answer to a bearer's interaction with what is switched on for it; None for a token that opens nothing."""
    due = await _due(ehr, interaction, token)
    dead = next((each for each in due if each.fault.act == "token" and _dead(ehr, each, token)), None)
    if dead is not None:
        _tell(ehr, dead, 401, "The EHR was not asked.")
        return Struck(answer=None)
    wired = tuple(each for each in due if each.fault.act == "wire")
    now = ehr.clock()
    for each in due:
        if each.fault.act == "answer":
            given = faults.instead(each, now=now)
            _tell(ehr, each, given.status, "The EHR was not asked.")
            return Struck(answer=given, wire=wired)
    if any(each.fault.act == "request" for each in due):
        interaction = faults.without_conditions(interaction)
    answer = await ask(interaction)
    for each in due if answer is not None else ():
        assert answer is not None
        answer = await _changed(ehr, each, interaction, answer, token, now)
    return Struck(answer=answer, wire=wired)


def _tell(ehr: "SandboxEhr", each: Active, status: int, what: str) -> None:
    """A row of its own in the log: what was answered is not what the EHR did."""
    ehr.audit.refused(status, "transient", why=f"The fault {each.fault.name} answered. {what}")


async def _due(ehr: "SandboxEhr", interaction: Interaction, token: str) -> list[Active]:
    found = ehr.faults.due("", ehr.faults.active, interaction)
    if ehr.faults.launches:
        grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
        if grant is not None:
            found += ehr.faults.due(grant.id, grant.faults, interaction)
    return found


def _dead(ehr: "SandboxEhr", active: Active, token: str) -> bool:
    """Whether this token has been used as often as it may be."""
    return ehr.faults.count(sha256(token.encode()).hexdigest(), DEAD) > active.value


async def _changed(
    ehr: "SandboxEhr", each: Active, interaction: Interaction, answer: Answer, token: str, now: float
) -> Answer:  # fmt: skip
    if each.fault.act == "after" and answer.status < 400:
        given = faults.instead(each, now=now)
        _tell(ehr, each, given.status, "The EHR had done it.")
        return given
    if each.fault.name == "version-skew":
        return faults.skewed(answer)
    if each.fault.name == "search-truncated":
        return faults.truncated(answer, each.value)
    if each.fault.name == "stale-reads" and answer.status == 200:
        return await _stale(ehr, interaction, answer, token, now - each.value)
    return answer


async def _stale(ehr: "SandboxEhr", interaction: Interaction, answer: Answer, token: str, since: float) -> Answer:
    """As a replica that is behind answers: what is newer than ``since`` as it was before, or not at all."""
    if interaction.action == "read":
        before = await _before(ehr, answer.resource or {}, token, since)
        if before is None:
            return refusal(404, "not-found", "There is no such resource.")
        return answer if before is answer.resource else _plain(before)
    bundle: dict[str, Any] = dict(answer.resource or {})
    befores = [
        (entry, await _before(ehr, entry["resource"], token, since))
        for entry in bundle.get("entry", ())
        if "resource" in entry
    ]
    entries = [{**entry, "resource": before} for entry, before in befores if before is not None]
    kept = {name: value for name, value in bundle.items() if name not in ("entry", "total")}
    return replace(answer, encoded=None, resource={**kept, **({"entry": entries} if entries else {})})


def _plain(resource: dict[str, Any]) -> Answer:
    return Answer(status=200, resource=resource, headers={"etag": etag(resource["meta"]["versionId"])})


async def _before(
    ehr: "SandboxEhr", resource: dict[str, Any], token: str, since: float
) -> dict[str, Any] | None:  # fmt: skip
    """The resource as it was at ``since`` or one version before; None when it was not there."""
    span = moment_range(faults.updated_of(resource))
    if span is None or span[0] <= since:
        return resource
    version = str(resource["meta"].get("versionId", ""))
    if not version.isdigit() or int(version) < 2:
        return None
    named = {"type": resource["resourceType"], "id": resource["id"], "version": str(int(version) - 1)}
    answer = await serving.serve(ehr, Interaction(action="vread", **named), token)
    return answer.resource if answer is not None and answer.status == 200 else None


async def send(struck: Struck, whole: Whole, scope: Scope, receive: Receive, send: Send, *, now: float) -> None:
    """The answer onto the wire with the faults that strike it there."""
    assert struck.answer is not None
    named = {each.fault.name: each for each in struck.wire}
    answer = faults.ahead(struck.answer, named["clock-skew"].value) if "clock-skew" in named else struck.answer
    headers, body = whole(answer)
    if "wrong-content-type" in named:
        headers = [pair for pair in headers if pair[0] != b"content-type"] + [(b"content-type", b"text/plain")]
    if named.keys() <= {"wrong-content-type"}:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        return
    if (mark := scope.get(MARK)) is not None:
        mark(MutableHeaders(raw=headers))
    date = formatdate(now + (named["clock-skew"].value if "clock-skew" in named else 0), usegmt=True)
    message = wire.Message(
        status=answer.status, headers=((b"date", date.encode()), *headers), body=body, lost="answer-lost" in named,
        head_late=_value(named, "slow-headers") or 0.0, body_late=_value(named, "slow-body") or 0.0,
        reset_at=_value(named, "reset-at-byte"), end_at=len(body) // 2 if "truncated-json" in named else None,
    )  # fmt: skip
    await wire.write(message, scope, receive)


def _value(named: dict[str, Active], name: str) -> int | None:
    return named[name].value if name in named else None
