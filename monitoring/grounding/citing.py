"""Citations in a text: ``Type/id`` or ``Type/id/_history/version``, in brackets or not."""

import re

from monitoring.grounding.lexicon import words_of

CITATION = re.compile(
    r"\b([A-Z][A-Za-z]{3,24})/([A-Za-z0-9\-.]{1,64})(?<!\.)(?:/_history/([A-Za-z0-9\-.]{1,64})(?<!\.))?"
)
CITED = words_of("cited")


def cites(raw: str) -> list[re.Match[str]]:
    """Where a text names resources: type, id and version."""
    return [each for each in CITATION.finditer(raw) if each[1] in CITED]


def blanked(raw: str) -> str:
    """A text without what it cites: ids are no words."""
    return CITATION.sub(lambda each: " " if each[1] in CITED else each[0], raw)
