"""Scopes as this suite reads them: which words are of FHIR, and whether what was granted covers what was asked (SMART 2.2.0)."""

import re
from collections.abc import Mapping
from typing import Any

WORD = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
V1 = {"read": "rs", "write": "cud", "*": "cruds"}


OLDER = {letters: word for word, letters in V1.items()}


def older(scope: str) -> str:
    """The same scopes in the words of SMART 1, those that have one of exactly their reach."""
    return " ".join(_older(word) for word in scope.split())


def _older(word: str) -> str:
    found = WORD.fullmatch(word)
    if found is None or found[4] or found[3] not in OLDER:
        return word
    return f"{found[1]}/{found[2]}.{OLDER[found[3]]}"


def only_older(configuration: Mapping[str, Any]) -> bool:
    """Whether the SMART configuration speaks of scopes of SMART 1 alone: by its capabilities, or by the scopes it lists."""
    capabilities, scopes = configuration.get("capabilities"), configuration.get("scopes_supported")
    listed = capabilities if isinstance(capabilities, list) else []
    if "permission-v2" in listed:
        return False
    found = [WORD.fullmatch(word) for word in scopes if isinstance(word, str)] if isinstance(scopes, list) else []
    letters = [each[3] for each in found if each is not None]
    return "permission-v1" in listed or (bool(letters) and all(each in V1 for each in letters))


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
