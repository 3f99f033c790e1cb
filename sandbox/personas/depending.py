"""What a persona refuses or changes of a write by what is stored: pure functions of the write and of what was read.

They come after the access decisions, so that what they tell is told only of what the token reaches.
"""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from r4 import codec
from r4.interaction import Answer, Interaction
from r4.references import parse
from sandbox.personas import rules
from sandbox.personas.elements import at
from sandbox.personas.persona import Persona
from sandbox.personas.refusing import applies, refused
from vocabulary.instant import format_instant, parse_instant

OVER = frozenset({"finished", "cancelled", "entered-in-error"})
"""Encounter statuses in which nothing is filed to it any more."""


def visit_of(persona: Persona, i: Interaction, *, base: str) -> str | None:
    """The id of the Encounter that has to be looked at, or None."""
    rule = _visit(persona, i)
    said = at(i.body or {}, rule.path) if rule else []
    local = parse(said[0], base=base) if said else None
    return local.id if local is not None and local.type == "Encounter" else None


def _visit(persona: Persona, i: Interaction) -> rules.Visit | None:
    return next((rule for rule in persona.content(i.type, i.action) if isinstance(rule, rules.Visit)), None)


def refuse_visit(persona: Persona, i: Interaction, visit: Mapping[str, Any], now: float) -> Answer | None:
    """Why nothing is filed to this Encounter."""
    rule = _visit(persona, i)
    if rule is None:
        return None
    same = at(visit, "subject.reference") == at(i.body or {}, "subject.reference")
    closed = rule.open and (visit.get("status") in OVER or _future(visit, now))
    return refused(rule.refusal, f"{rule.type}.{rule.path}") if closed or not same else None


def _future(visit: Mapping[str, Any], now: float) -> bool:
    for start in at(visit, "period.start"):
        try:
            return parse_instant(start) > now
        except ValueError:
            return False
    return False


def looks_at_record(persona: Persona, i: Interaction) -> bool:
    """Whether anything speaks of what an update finds."""
    immutable = any(isinstance(rule, rules.Immutable) for rule in persona.content(i.type, i.action))
    return immutable or persona.one(rules.OwnIds) is not None


def refuse_change(persona: Persona, i: Interaction, current: Mapping[str, Any]) -> Answer | None:
    """Why an update may not change what it changes."""
    for rule in persona.content(i.type, i.action):
        body = i.body or {}
        if isinstance(rule, rules.Immutable) and applies(rule, body) and at(current, rule.path) != at(body, rule.path):
            return refused(rule.refusal, f"{rule.type}.{rule.path}")
    return None


def fingerprint(rule: rules.Duplicates, body: Mapping[str, Any]) -> str:
    """What makes two bodies the same for a line, as a digest: no value of a record is kept."""
    return sha256(codec.format({path: at(body, path) for path in rule.by})).hexdigest()


def parked(rule: rules.Parks, i: Interaction, now: float) -> Interaction:
    """The document in which what is parked waits, instead of the write itself."""
    body = i.body or {}
    data = base64.b64encode(codec.format(body)).decode()
    document = {
        "resourceType": "DocumentReference", "status": "current", "docStatus": "preliminary",
        "type": {"text": rule.title}, "subject": body.get("subject"), "date": format_instant(now),
        "content": [{"attachment": {"contentType": "application/fhir+json", "data": data, "title": rule.title}}],
    }  # fmt: skip
    return Interaction(action="create", type="DocumentReference", body=document)


def completed(rule: rules.Partial, i: Interaction, current: Mapping[str, Any]) -> Interaction | None:
    """A partial update with the rest of the record; None when the record is of another subject, or another type."""
    body = i.body or {}
    if at(current, "subject.reference") != at(body, "subject.reference"):
        return None
    return Interaction(
        action="update", type=i.type, id=i.id, body={**current, "status": rule.status}, if_match=i.if_match,
        prefer=i.prefer,
    )  # fmt: skip
