"""What a persona makes of a request before anything is decided: the elements it loses, the conditions it ignores."""

from typing import Any

from msgspec import structs

from r4.interaction import Interaction
from sandbox.personas import rules
from sandbox.personas.elements import without
from sandbox.personas.persona import Persona
from sandbox.personas.refusing import unconditional


def reshape(persona: Persona, interaction: Interaction) -> Interaction:
    """The request as this EHR understands it. Access is decided on what comes out of here, for that is what is done."""
    if not persona.rules:
        return interaction
    if interaction.entries:
        return structs.replace(interaction, entries=tuple(reshape(persona, each) for each in interaction.entries))
    if interaction.if_none_exist is not None and unconditional(persona):
        interaction = structs.replace(interaction, if_none_exist=None)
    versionless = persona.one(rules.Versionless)
    if interaction.if_match is not None and versionless is not None and interaction.action in versionless.on:
        interaction = structs.replace(interaction, if_match=None)
    if interaction.action in ("create", "update") and isinstance(interaction.body, dict):
        return structs.replace(interaction, body=_kept(persona, interaction.type, interaction.body))
    return interaction


def _kept(persona: Persona, type: str | None, body: dict[str, Any]) -> dict[str, Any]:
    lost = [path for rule in persona.all(rules.Drops) if rule.type == type for path in rule.paths]
    for path in lost:
        body = without(body, path)
    return body
