"""A persona around the guard: what it loses goes before the decisions are taken, what it refuses by a record comes after.

Refusals by the request alone come first, for whoever has a scope for it: they are the same whatever is stored, so they
tell nothing of a record. Those that look at a record stand below the access decisions, where the store is. What a
persona remembers is kept by works of its own (``Own``) in the database of the EHR.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial as bind
from typing import Any

from sqlalchemy import Connection

from auth.access.decide import allowing
from auth.server.grants import Grant
from gateway.face.bodies import doomed
from gateway.face.guarding import ABSENT, Means, Serving, only_bound, raw
from r4.interaction import Answer, Interaction
from r4.served import SERVED
from sandbox import batch
from sandbox.personas import depending, filed, rules
from sandbox.personas.answering import WRITES, answer
from sandbox.personas.persona import Persona
from sandbox.personas.refusing import NOT_OFFERED, Facts, partial, refuse, refuse_content, refused
from sandbox.personas.reshaping import reshape


@dataclass(frozen=True, slots=True)
class Own:
    """A work of the persona's own, to be run where the interactions are performed."""

    work: Callable[[Connection, float], Any]


Serve = Callable[[Interaction, Grant, Means], Serving]
Served = Generator[Interaction | Own, Any, Answer]


def serve(i: Interaction, grant: Grant, means: Means, guarded: Serve) -> Served:
    """The answer of this EHR: ``guarded`` decides, the persona of ``means`` stands before and behind it."""
    persona = means.persona
    if not persona.rules:
        return (yield from guarded(i, grant, means))
    if _scoped(i, grant) and (no := refuse(persona, i, Facts(user=grant.user))) is not None:
        return answer(persona, i, no)
    if i.action == "batch":
        answers = []
        for entry in i.entries:
            answers.append((yield from serve(entry, grant, means, guarded)))
        return Answer(status=200, resource=batch.bundle("batch", answers))
    understood = yield from _completed(persona, reshape(persona, i))
    given = yield from _between(guarded(understood, grant, means), grant, means)
    return answer(persona, i, given)


def _scoped(i: Interaction, grant: Grant) -> bool:
    """Whether the grant has a scope for this at all; for who has none the access decision answers."""
    if i.type is None:
        return True
    action = "history-type" if i.action == "history" and i.id is None else i.action
    return i.type in SERVED and bool(allowing(grant, action, i.type))


def _completed(persona: Persona, i: Interaction) -> Generator[Interaction, Answer, Interaction]:
    """A partial update with the rest of its record, when it names the subject of that record."""
    rule = partial(persona, i)
    if rule is None:
        return i
    current = yield raw(str(i.type), str(i.id))
    found = depending.completed(rule, i, current.resource or {}) if current.status == 200 else None
    return found or i


def _between(guarded: Serving, grant: Grant, means: Means) -> Served:
    """Hands on what the guard asks for; its writes go by the persona."""
    try:
        wanted = next(guarded)
        while True:
            performed = _write(wanted, grant, means) if wanted.action in WRITES else _plainly(wanted)
            wanted = guarded.send((yield from performed))
    except StopIteration as end:
        given: Answer = end.value
        return given


def _plainly(i: Interaction) -> Serving:
    return (yield i)


def _write(i: Interaction, grant: Grant, means: Means) -> Served:
    """A write that may be done: what this EHR has against it, or what it makes of it."""
    persona = means.persona
    refusal = refuse_content(persona, i, Facts(user=grant.user))  # of a patch, the body is known only now
    refusal = refusal or (yield from _against_record(i, grant, means)) or (yield from _against_visit(i, means))
    if refusal is not None:
        return refusal
    parks = persona.one(rules.Parks, i.type)
    if parks is not None and i.action == "create":
        return (yield from _parked(parks, i, means))
    duplicates = persona.one(rules.Duplicates, i.type)
    if duplicates is None or i.action != "create":
        return (yield from _plainly(i))
    digest = depending.fingerprint(duplicates, i.body or {})
    if (yield Own(bind(filed.was_filed, digest=digest))):
        return refused(duplicates.refusal, str(i.type)) if duplicates.refusal else Answer(status=202)
    done: Answer = yield i
    if done.status < 300:
        yield Own(bind(filed.file, digest=digest))
    return done


def _against_record(
    i: Interaction, grant: Grant, means: Means
) -> Generator[Interaction, Answer, Answer | None]:  # fmt: skip
    """What speaks against an update of what is there. For a patient's token what is absent is told as what is foreign."""
    if i.action != "update" or not depending.looks_at_record(means.persona, i):
        return None
    current = yield raw(str(i.type), str(i.id))
    if current.status == 200:
        return depending.refuse_change(means.persona, i, current.resource or {})
    if means.persona.one(rules.OwnIds) is None:
        return None
    absent = ABSENT if only_bound(allowing(grant, "update", str(i.type)), grant) else refused(NOT_OFFERED)
    return doomed(i.body or {}) or absent


def _against_visit(i: Interaction, means: Means) -> Generator[Interaction, Answer, Answer | None]:
    id = depending.visit_of(means.persona, i, base=means.base)
    visit = (yield raw("Encounter", id)) if id is not None else None
    if visit is None or visit.status != 200 or visit.resource is None:
        return None  # a reference that leads nowhere is the store's to refuse
    return depending.refuse_visit(means.persona, i, visit.resource, means.now)


def _parked(rule: rules.Parks, i: Interaction, means: Means) -> Served:
    """Accepted, and not there: a document waits for review instead."""
    if (wrong := doomed(i.body or {})) is not None:
        return wrong
    kept: Answer = yield depending.parked(rule, i, means.now)
    if kept.status >= 300:
        return kept
    id = means.new_id()
    headers = {"location": f"{means.base}/{i.type}/{id}/_history/1", "etag": 'W/"1"'}
    shown = replace(kept, headers=headers, resource={**(i.body or {}), "id": id}, encoded=None)
    return shown if i.prefer != "minimal" else replace(shown, resource=None)
