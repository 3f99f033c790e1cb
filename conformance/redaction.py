"""A report's texts without what must not be in them (``hidden``): each such value gives way to a name, such as ``$PATIENT_1``."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote, quote_plus

from conformance import hidden
from conformance.evidence import Exchange

SHORTEST = 4
"""What is said of people is looked for from this length on: shorter words are parts of others."""
LONG_ID = 8
"""An id of this length is hidden wherever it stands; a shorter one only behind its type or as a parameter."""
Key = TypeVar("Key")
NAME = re.compile(r"\$[A-Z][A-Z_]*_\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """``whole`` values give way wherever they stand, ``words`` where they stand alone; ``ids`` are of records."""

    whole: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def texts(self, texts: Sequence[str]) -> list[str]:
        """These texts, redacted; all in one go, since there are many values."""
        parted = "\0".join(text.replace("\0", " ") for text in texts)
        for value in sorted(self.whole, key=len, reverse=True):
            for form in _forms(value):
                if form in parted:
                    parted = parted.replace(form, self.whole[value])
        for (kind, id), name in self.ids.items():
            if id in parted:
                parted = _put(_of_record(kind, id), name, parted)
        for word in sorted(self.words, key=len, reverse=True):
            for form in _forms(word):
                if form in parted:
                    parted = _put(re.compile(rf"()(?<!\w){re.escape(form)}(?!\w)"), self.words[word], parted)
        return parted.split("\0")

    def text(self, text: str) -> str:
        """One text, redacted."""
        return self.texts([text])[0]


def _forms(value: str) -> Iterable[str]:
    """The value as it stands in a text, in an address, in JSON and between a shell's quotes."""
    within = json.dumps(value)[1:-1]
    forms = (value, quote(value, safe=""), quote_plus(value), within, json.dumps(value, ensure_ascii=False)[1:-1])
    return dict.fromkeys((*forms, *(form.replace("'", "'\\''") for form in forms)))


def _put(pattern: re.Pattern[str], name: str, text: str) -> str:
    """The name where the pattern's second half was."""
    return pattern.sub(lambda found: found[1] + name, text)


def _of_record(kind: str, id: str) -> re.Pattern[str]:
    """Where an id stands for its record."""
    before = "" if len(id) >= LONG_ID else rf"{kind}(?:/|%2F)|\b(?:_id|{kind.lower()}|subject)=|,"
    return re.compile(rf"({before})(?<![\w-]){re.escape(id)}(?![\w-])")


def redaction_of(exchanges: Iterable[Exchange]) -> Redaction:
    """What the reports of these exchanges must not show."""
    exchanges = list(exchanges)
    secrets = hidden.secrets_of(exchanges)
    ids = hidden.ids_of(exchanges)
    people = sorted(value for value in hidden.people_of(exchanges) if len(value) >= SHORTEST)
    return Redaction(
        whole=_numbered((value, kind) for value, kind in secrets.items()),
        words=_numbered((value, "PERSON") for value in people if value not in secrets),
        ids=_numbered(((kind, id), re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()) for kind, id in ids),
    )


def _numbered(pairs: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    counts: dict[str, int] = {}
    found: dict[Key, str] = {}
    for value, kind in pairs:
        counts[kind] = counts.get(kind, 0) + 1
        found[value] = f"${kind}_{counts[kind]}"
    return found
