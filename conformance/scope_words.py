"""Scopes as this suite reads them: which words are of FHIR, and whether what was granted covers what was asked (SMART 2.2.0)."""

import re

WORD = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
V1 = {"read": "rs", "write": "cud", "*": "cruds"}


def of_fhir(scope: str) -> list[str]:
    """The words that reach records."""
    return [word for word in scope.split() if WORD.fullmatch(word)]


def covers(granted: str, word: str) -> bool:
    """Whether one of the granted words reaches at least what this one does."""
    return any(_covers(each, word) for each in granted.split())


def _covers(granted: str, word: str) -> bool:
    one, other = WORD.fullmatch(granted), WORD.fullmatch(word)
    if granted == word or one is None or other is None:
        return granted == word
    level, kind, letters, query = one.groups()
    return (
        level == other[1]
        and kind in ("*", other[2])
        and set(V1.get(other[3], other[3])) <= set(V1.get(letters, letters))
        and query in (None, other[4])
    )
