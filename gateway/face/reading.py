"""Reads, versions and histories: judged on what is there now and on every version that is shown."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

from msgspec import structs

from auth.access.decide import allowing
from auth.server.grants import Grant
from gateway.face.guarding import (
    ABSENT,
    FORBIDDEN,
    ODD,
    Checking,
    Means,
    Scopes,
    Serving,
    only_bound,
    raw,
    unlimited,
    within,
)
from gateway.face.pages import resume, sealed
from r4.interaction import Answer, Interaction
from r4.shapes import shape_of, shaped


def serve_read(i: Interaction, grant: Grant, means: Means) -> Serving:
    """A resource as it is now. Whether it changed is said here, after it is known whose it is."""
    scopes = allowing(grant, "read", str(i.type))
    if not scopes:
        return FORBIDDEN
    conditional = i.if_none_match is not None or i.if_modified_since is not None
    answer = (
        yield structs.replace(i, if_none_match=None, if_modified_since=None, query=()) if conditional or i.query else i
    )
    shown = yield from judged(scopes, answer, grant, means)
    return _shaped(i, _unchanged(i, shown) if conditional and shown.status == 200 else shown)


def _shaped(i: Interaction, answer: Answer) -> Answer:
    """As much of the resource as was asked for, after it was judged as a whole."""
    shape = shape_of(i.query) if i.query else None
    if shape is None or answer.status != 200 or answer.resource is None:
        return answer
    return replace(answer, resource=shaped(answer.resource, shape), encoded=None)


def serve_vread(i: Interaction, grant: Grant, means: Means) -> Serving:
    """A version is seen only by who may see the resource as it is now, and that version."""
    scopes = allowing(grant, "vread", str(i.type))
    if not scopes:
        return FORBIDDEN
    refused = yield from _now(i, scopes, grant, means)
    if refused is not None:
        return refused
    answer = yield structs.replace(i, query=()) if i.query else i
    shown = yield from judged(scopes, answer, grant, means)
    return _shaped(i, shown)


def judged(scopes: Scopes, answer: Answer, grant: Grant, means: Means) -> Serving:
    """A single resource's answer, or the one of an absent resource."""
    if answer.status == 200:
        return answer if (yield from within(scopes, answer.resource, grant, means)) else ABSENT
    if answer.status < 400:
        return ODD
    return ABSENT if answer.status in (404, 410) and not unlimited(scopes, grant) else answer


def _now(
    i: Interaction, scopes: Scopes, grant: Grant, means: Means
) -> Generator[Interaction, Answer, Answer | None]:  # fmt: skip
    """Why the resource as it is now may not be seen; None when it may."""
    if unlimited(scopes, grant):
        return None
    current = yield raw(str(i.type), str(i.id))
    if current.status == 200:
        return None if (yield from within(scopes, current.resource, grant, means)) else ABSENT
    return ABSENT if current.status in (404, 410) else current


def _unchanged(i: Interaction, answer: Answer) -> Answer:
    """304 where the client has this version already (R4 §3.1.0.3); a version counts more than a date."""
    etag = answer.headers.get("etag", "")
    if i.if_none_match is not None:
        same = i.if_none_match in ("*", etag.removeprefix("W/").strip('"'))
    else:
        same = i.if_modified_since is not None and _changed_at(answer.headers) <= i.if_modified_since
    kept = {name: value for name, value in answer.headers.items() if name in ("etag", "last-modified")}
    return Answer(status=304, headers=kept) if same else answer


def _changed_at(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers.get("last-modified", "")).timestamp()
    except (ValueError, TypeError):
        return float("inf")


def check_history(i: Interaction, grant: Grant, means: Means) -> Checking:
    """The versions of one resource for who may see it now; those of a type or of the system for who may see them all."""
    resumed = resume(i, grant, means)
    if isinstance(resumed, Answer):
        return resumed
    i, cursor = resumed
    scopes = history_scopes(i, grant, i.type or "*")
    if not scopes or (i.id is None and not unlimited(scopes, grant)):
        return FORBIDDEN
    if i.id is not None and (refused := (yield from _now(i, scopes, grant, means))) is not None:
        return refused
    return structs.replace(i, query=(*i.query, ("_cursor", cursor))) if cursor is not None else i


def history_scopes(i: Interaction, grant: Grant, type: str) -> Scopes:
    """The scopes that permit this history for entries of a type."""
    action = "history" if i.id is not None else "history-type" if i.type is not None else "history-system"
    return allowing(grant, action, type)


def recheck_history(i: Interaction, answer: Answer, grant: Grant, means: Means) -> Serving:
    """A history without the versions that the grant does not reach. What it counts is told only to who sees all."""
    if answer.status >= 400 or answer.resource is None:
        hidden = answer.status in (404, 410) and not unlimited(history_scopes(i, grant, i.type or "*"), grant)
        return ABSENT if hidden else answer
    bundle = dict(answer.resource)
    kept, scopes = [], {}
    for entry in bundle.pop("entry", ()):
        resource = entry.get("resource")
        type = str((resource or {}).get("resourceType") or i.type or "*")
        if type not in scopes:
            scopes[type] = history_scopes(i, grant, type)
        if unlimited(scopes[type], grant) or (yield from within(scopes[type], resource, grant, means)):
            kept.append(entry)
    if only_bound(scopes.get(str(i.type), ()), grant) or not unlimited(history_scopes(i, grant, i.type or "*"), grant):
        bundle.pop("total", None)
    bundle["link"] = sealed(i, bundle, grant, means)
    return Answer(
        status=answer.status, resource={**bundle, **({"entry": kept} if kept else {})}, headers=answer.headers
    )
