"""What a persona refuses of a request by what it is, whatever is stored: pure functions of persona and request.

Nothing here looks at a record, so a refusal tells nothing of one: it is the same for a record of another patient, for
one that is absent and for one's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from sandbox.personas import rules
from sandbox.personas.elements import at
from sandbox.personas.persona import Persona
from sandbox.personas.rules import Refusal

NOT_OFFERED = Refusal(status=405, code="not-supported", text="This EHR does not offer this interaction.")
NAMES: Mapping[str, str] = {"search": "search-type"}
"""Interactions whose name in a CapabilityStatement is another."""
OPEN = frozenset({"capabilities", "operation"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a request besides itself. ``user`` is the token's ``Type/id``, None for a backend."""

    user: str | None = None


def refuse(persona: Persona, interaction: Interaction, facts: Facts) -> Answer | None:
    """Why this EHR does not do it, or None."""
    if not persona.rules or interaction.action in OPEN:
        return None
    if not offered(persona, interaction):
        unoffered = persona.one(rules.Unoffered)
        return refused(unoffered.refusal if unoffered else NOT_OFFERED)
    if interaction.action == "transaction":
        return next((no for each in interaction.entries if (no := refuse(persona, each, facts))), None)
    return refuse_content(persona, interaction, facts)


def refuse_content(persona: Persona, interaction: Interaction, facts: Facts) -> Answer | None:
    """Why the body of a create or update is not taken, or None."""
    body = interaction.body
    if interaction.action not in ("create", "update") or not isinstance(body, dict) or partial(persona, interaction):
        return None
    for rule in persona.content(interaction.type, interaction.action):
        broken = BROKEN.get(type(rule))
        if broken is not None and applies(rule, body) and broken(rule, body, facts):
            return refused(rule.refusal, f"{rule.type}.{rule.path.partition('|')[0]}")
    return None


def partial(persona: Persona, interaction: Interaction) -> rules.Partial | None:
    """The line by which this is a partial update."""
    rule = persona.one(rules.Partial, interaction.type)
    body = interaction.body or {}
    fits = rule is not None and interaction.action == "update" and interaction.id is not None
    return rule if rule and fits and _only(body, rule) else None


def _only(body: Mapping[str, Any], rule: rules.Partial) -> bool:
    return set(body) == {"resourceType", *rule.elements} and body.get("status") == rule.status


def refused(refusal: Refusal, element: str = "") -> Answer:
    """The refusal as an Answer, its number where ``answer`` finds it."""
    issue = Issue(refusal.code, refusal.text, element, refusal.number or refusal.key)
    return Answer(status=refusal.status, resource=outcome([issue]))


def offers(persona: Persona, type: str | None) -> rules.Offers | None:
    """The line that says which interactions a type has."""
    return persona.one(rules.Offers, type) if type is not None else None


def offered(persona: Persona, i: Interaction) -> bool:
    """Whether this EHR has such an interaction."""
    if i.type is None:
        whole = persona.one(rules.Whole)
        return whole is None or {"history": "history-system"}.get(i.action, i.action) in whole.interactions
    line = offers(persona, i.type)
    name = NAMES.get(i.action, str(i.action))
    if i.action == "history":
        name = "history-instance" if i.id is not None else "history-type"
    if line is not None and name not in line.interactions | line.hidden:
        return False
    return i.condition is None or not unconditional(persona)


def unconditional(persona: Persona) -> bool:
    """Whether it has no conditional writes."""
    return persona.one(rules.Unconditional) is not None


def applies(rule: rules.Content, body: Mapping[str, Any]) -> bool:
    """Whether the body is of the kind that the line is about."""
    return rule.when is None or rule.when[1] in at(body, rule.when[0])


def _allows(rule: Any, body: Mapping[str, Any], facts: Facts) -> bool:
    found = [str(value).partition(";")[0] for value in at(body, rule.path)]  # a content type may have parameters
    return any(value not in rule.values for value in found) or (rule.needed and not found)


def _author(rule: Any, body: Mapping[str, Any], facts: Facts) -> bool:
    found = at(body, rule.path)
    return bool(facts.user) and found != [facts.user]


BROKEN: Mapping[type, Callable[[Any, Mapping[str, Any], Facts], bool]] = {
    rules.Allows: _allows,
    rules.Includes: lambda rule, body, facts: not rule.values & {str(value) for value in at(body, rule.path)},
    rules.Needs: lambda rule, body, facts: not at(body, rule.path),
    rules.Fatal: lambda rule, body, facts: bool(at(body, rule.path)),
    rules.AtMost: lambda rule, body, facts: len(at(body, rule.path)) > rule.count,
    rules.Longest: lambda rule, body, facts: any(len(str(each)) > rule.characters for each in at(body, rule.path)),
    rules.Author: _author,
    rules.Visit: lambda rule, body, facts: rule.needed and not patients_own(facts) and not at(body, rule.path),
}  # fmt: skip
"""Whether a body breaks a line, by the kind of the line; what needs a look at a record is in ``depending``."""


def patients_own(facts: Facts) -> bool:
    """Whether the token is a patient's."""
    return (facts.user or "").startswith(("Patient/", "RelatedPerson/"))
