"""Writes: what is there now and what will be there must both be within reach of one and the same scope (smart-auth.md
§3.2 rule 4). Every change of something that exists goes down with the version that was judged."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from msgspec import structs

from auth.access.decide import allowing
from auth.scopes import FhirScope
from auth.server.grants import Grant
from gateway.face.bodies import check_body, doomed, version_of
from gateway.face.guarding import (
    ABSENT,
    CHANGED,
    FORBIDDEN,
    Checking,
    Means,
    Scopes,
    Serving,
    only_bound,
    raw,
    unlimited,
    within,
)
from gateway.face.searching import matching
from r4 import fhirpath_patch, json_patch
from r4.interaction import Answer, Interaction
from r4.json_patch import PatchError
from r4.outcome import outcome
from r4.references import named
from sandbox.answering import refusal

STALE = refusal(412, "conflict", "is not the current version", element="If-Match")
THERE = refusal(412, "conflict", "names a version that stands", element="If-None-Match")
Finding = Generator[Interaction, Answer, "Answer | Mapping[str, Any]"]


def serve_write(i: Interaction, grant: Grant, means: Means) -> Serving:
    """One write. A version that was judged here and is no more is a conflict, unless the client named it itself."""
    checked = yield from check_write(i, grant, means)
    if isinstance(checked, Answer):
        return checked
    answer = yield checked
    if answer.status == 412 and checked.if_match is not None and i.if_match is None:
        return CHANGED
    return (yield from recheck_write(checked, answer, grant, means))


def check_write(i: Interaction, grant: Grant, means: Means) -> Checking:
    """The write to perform, or why not."""
    scopes = allowing(grant, i.action, str(i.type))
    if not scopes:
        return FORBIDDEN
    return (yield from CHECKS[i.action](i, scopes, grant, means))


def _create(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checking:
    kept = yield from check_body(i, scopes, grant, means)
    if isinstance(kept, Answer):
        return kept
    checked = only_bound(kept.scopes, grant) and means.references == "check"  # then the body was found to be valid
    if i.if_none_exist is None:
        return structs.replace(i, valid=True, settled=kept.settled) if checked else i
    found = yield from matching(str(i.type), i.if_none_exist, kept.scopes, grant, means)
    if isinstance(found, Answer):
        return found
    if found:
        return (yield from recheck_write(i, _existing(found[0], i, means), grant, means))
    return structs.replace(i, if_none_exist=None)


def _existing(resource: Mapping[str, Any], i: Interaction, means: Means) -> Answer:
    """A conditional create whose condition is met already (R4 §3.1.0.8.1): nothing is written. What is there is told to who
    asks for it."""
    version = version_of(resource)
    headers = {"location": f"{means.base}/{resource['resourceType']}/{resource['id']}/_history/{version}"}
    shown = dict(resource) if i.prefer == "representation" else None
    return Answer(status=200, resource=shown, headers={**headers, "etag": f'W/"{version}"'})


def _update(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checking:
    if i.condition is not None:
        return (yield from _conditional_update(i, scopes, grant, means))
    current = yield raw(str(i.type), str(i.id))
    if current.status == 200:
        return (yield from _replace(i, current.resource or {}, scopes, grant, means))
    if current.status not in (404, 410):
        return current
    bounded = only_bound(scopes, grant)
    creating = [scope for scope in scopes if scope in allowing(grant, "create", str(i.type))]
    if not creating:
        return ABSENT if bounded else FORBIDDEN
    mine = current.status == 404 or not bounded or (yield from _was_mine(i, scopes, grant, means))
    if bounded and (i.if_match is not None or str(i.id).isdigit()):
        return ABSENT
    kept = yield from check_body(i, creating, grant, means)
    if isinstance(kept, Answer):
        return kept
    return structs.replace(i, if_none_match=None) if mine else (doomed(i.body or {}) or ABSENT)


def _replace(i: Interaction, current: Mapping[str, Any], scopes: Scopes, grant: Grant, means: Means) -> Checking:
    """An update of what is there. What is foreign is told as an absent one would be, as far as that goes."""
    reached = yield from within(scopes, current, grant, means, writing=True)
    if not reached:
        creating = [scope for scope in scopes if scope in allowing(grant, "create", str(i.type))]
        if not creating or not only_bound(scopes, grant) or i.if_match is not None or str(i.id).isdigit():
            return ABSENT
        kept = yield from check_body(i, creating, grant, means)
        return kept if isinstance(kept, Answer) else (doomed(i.body or {}) or ABSENT)
    i = _knowing(i, current)
    kept = yield from check_body(i, reached, grant, means)
    if isinstance(kept, Answer):
        return kept
    if i.if_none_match in ("*", version_of(current)):  # RFC 9110 §13.1.2
        return THERE
    match = version_of(current) if i.if_match in (None, "*") else i.if_match
    return structs.replace(i, if_match=match, if_none_match=None)


def _knowing(i: Interaction, current: Mapping[str, Any]) -> Interaction:
    """The update, which may keep what the record refers to already: that may have been deleted since, and the record is to be
    corrected all the same."""
    return structs.replace(i, beside=i.beside | {*named(current)})


def _was_mine(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Generator[Interaction, Answer, bool]:
    """Whether the last living version of what was deleted was within reach."""
    answer = yield Interaction(action="history", type=i.type, id=i.id)
    for entry in (answer.resource or {}).get("entry") or ():
        if entry.get("resource") is not None:
            return bool((yield from within(scopes, entry["resource"], grant, means, writing=True)))
    return False


def _conditional_update(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checking:
    """PUT by a condition: what it matches is updated; nothing, and it is created (R4 §3.1.0.4.3)."""
    found = yield from matching(str(i.type), i.condition or (), scopes, grant, means)
    if isinstance(found, Answer):
        return found
    body = i.body or {}
    if found:
        if body.get("id") not in (None, found[0]["id"]):
            return refusal(400, "value", "must be the id of what the condition matches", element=f"{i.type}.id")
        if i.if_match not in (None, "*", version_of(found[0])):
            return STALE
        placed = structs.replace(i, id=found[0]["id"], condition=None, body={**body, "id": found[0]["id"]})
        return (yield from _replace(placed, found[0], scopes, grant, means))
    if i.if_match is not None:
        return STALE
    if isinstance(body.get("id"), str):
        return (yield from _update(structs.replace(i, id=body["id"], condition=None), scopes, grant, means))
    creating = [scope for scope in scopes if scope in allowing(grant, "create", str(i.type))]
    if not creating:
        return ABSENT if only_bound(scopes, grant) else FORBIDDEN
    return (
        yield from _create(
            structs.replace(i, action="create", condition=None, if_none_match=None), creating, grant, means
        )
    )


def _patch(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checking:
    """A patch is applied here to what is there, and goes down as an update of that version."""
    current = yield from _meant(i, scopes, grant, means)
    if isinstance(current, Answer):
        return current
    i, version = structs.replace(i, id=current["id"], condition=None), version_of(current)
    if i.if_match not in (None, "*", version):
        return STALE
    apply = json_patch.apply if isinstance(i.patch, list) else fhirpath_patch.apply
    try:
        body = apply(current, i.patch)
    except PatchError as wrong:
        return Answer(status=wrong.status, resource=outcome([wrong.issue]))
    if (body.get("resourceType"), body.get("id")) != (i.type, i.id):
        return refusal(422, "business-rule", "A patch may not change type or id.", element=str(i.type))
    changed = _knowing(structs.replace(i, action="update", patch=None, body=body, if_match=version), current)
    reached = yield from within(scopes, current, grant, means, writing=True)
    kept = yield from check_body(changed, reached, grant, means)
    return kept if isinstance(kept, Answer) else changed


def _delete(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checking:
    """R4 §3.1.0.7: 204 also for what is not there, told only to those who may know that it is not."""
    current = yield from _meant(i, scopes, grant, means)
    if isinstance(current, Answer):
        known = current.status in (404, 410) and i.if_match is None and unlimited(scopes, grant)
        return Answer(status=204) if known else current
    match = version_of(current) if i.if_match in (None, "*") else i.if_match
    return structs.replace(i, condition=None, id=current["id"], if_match=match)


def _meant(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Finding:
    """What is to be changed: the one resource that the condition matches, or the one at the address."""
    if i.condition is None:
        return (yield from _reached(i, scopes, grant, means))
    found = yield from matching(str(i.type), i.condition, scopes, grant, means)
    return found if isinstance(found, Answer) else found[0] if found else ABSENT


def _reached(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Finding:
    """What is there now, when the scopes reach it."""
    current = yield raw(str(i.type), str(i.id))
    if current.status == 200 and current.resource is not None:
        return current.resource if (yield from within(scopes, current.resource, grant, means, writing=True)) else ABSENT
    return ABSENT if current.status in (404, 410) and not unlimited(scopes, grant) else current


CHECKS: Mapping[str, Callable[[Interaction, Scopes, Grant, Means], Checking]] = {
    "create": _create, "update": _update, "patch": _patch, "delete": _delete,
}  # fmt: skip


def recheck_write(i: Interaction, answer: Answer, grant: Grant, means: Means) -> Serving:
    """The answer to a write: the resource only for who may read it (smart-auth.md A23)."""
    if answer.resource is None or answer.resource.get("resourceType") == "OperationOutcome":
        return answer
    reading: tuple[FhirScope, ...] = allowing(grant, "read", str(i.type))
    shown = bool(reading) and (yield from within(reading, answer.resource, grant, means))
    return answer if shown else Answer(status=answer.status, headers=answer.headers)
