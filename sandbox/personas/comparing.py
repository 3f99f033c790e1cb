"""Two personas beside one another, and one by itself, as rows of text."""

from sandbox.personas.persona import Persona, told

ABSENT = "as R4"


def shown(persona: Persona) -> list[tuple[str, str, str]]:
    """Its lines: what about, what it says, and its source."""
    return [(rule.about, told(rule), rule.source) for rule in persona.rules]


def differing(one: Persona, other: Persona) -> list[tuple[str, str, str]]:
    """One row for each thing in which two personas differ: what about, and what each says."""
    first = {rule.about: told(rule) for rule in one.rules}
    second = {rule.about: told(rule) for rule in other.rules}
    return [
        (about, first.get(about, ABSENT), second.get(about, ABSENT))
        for about in sorted({**first, **second})
        if first.get(about) != second.get(about)
    ]


def documented(persona: Persona) -> list[str]:
    """Its lines as rows of a table in Markdown, as ``docs/reference/personas.md`` has them."""
    return [f"| {' | '.join(cell.replace('|', ' or ') for cell in row)} |" for row in shown(persona)]
