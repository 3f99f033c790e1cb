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
TOKEN = re.compile(r"[\w.~-]{12,}")
BEGINS = r"(?:(?<![\w.-])|(?<=%[0-9A-F][0-9A-F]))"
"""Where a word begins, also behind an escaped character of an address."""
ID = re.compile(rf"%[0-9A-F][0-9A-F]|{BEGINS}[A-Za-z0-9.-]{{8,64}}(?![\w.-])")
OF_TYPE = re.compile(r"(\b([A-Z][A-Za-z]+)(?:/|%2F))([A-Za-z0-9.-]{1,64})")
PARAMETER = re.compile(r"\b(_id|subject|[a-z]+)=([A-Za-z0-9.,-]{1,600})")
SHORT = re.compile(r"\b(client_secret|password)=[^&'\s$]{1,3}(?=[&'\s]|$)")
"""A secret too short to be looked for everywhere."""
NAME = re.compile(r"\$[A-Z][A-Z_]*_\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """``whole`` values give way wherever they stand, ``words`` where they stand alone; ``ids`` are of records."""

    whole: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def texts(self, texts: Sequence[str]) -> list[str]:
        """These texts, redacted; all in one go, since there are many values: most are found by looking up each word of the
        text, and only what is left is searched for."""
        parted = "\0".join(text.replace("\0", " ") for text in texts)
        parted = parted.encode("utf-8", "replace").decode()  # half a surrogate pair, as a server may send, is no text
        parted = TOKEN.sub(lambda found: self.whole.get(found[0], found[0]), parted)
        for value in sorted(self.whole, key=len, reverse=True):
            for form in _forms(value):
                if form in parted:
                    parted = parted.replace(form, self.whole[value])
        parted = SHORT.sub(lambda found: f"{found[1]}=$SECRET", self._records(parted))
        for word in sorted(self.words, key=len, reverse=True):
            for form in _forms(word):
                if form in parted:
                    alone = re.compile(rf"{BEGINS}{re.escape(form)}(?!\w)")
                    parted = alone.sub(lambda _, name=self.words[word]: name, parted)  # type: ignore[misc]
        return parted.split("\0")

    def _records(self, text: str) -> str:
        """Ids: long ones wherever they stand, short ones behind their type or as a parameter."""
        anywhere = {id: name for (_, id), name in self.ids.items() if len(id) >= LONG_ID}
        named = {("_id", id): name for (_, id), name in self.ids.items()} | {
            (f"{kind.lower()}", id): name for (kind, id), name in self.ids.items()
        }
        text = ID.sub(lambda found: anywhere.get(found[0], found[0]), text)
        text = OF_TYPE.sub(lambda found: found[1] + self.ids.get((found[2], found[3]), found[3]), text)
        return PARAMETER.sub(lambda found: f"{found[1]}={_listed(found[1], found[2], named)}", text)

    def text(self, text: str) -> str:
        """One text, redacted."""
        return self.texts([text])[0]


def _forms(value: str) -> Iterable[str]:
    """The value as it stands in a text, in an address, in JSON and between a shell's quotes."""
    within = json.dumps(value)[1:-1]
    forms = (value, quote(value, safe=""), quote_plus(value), within, json.dumps(value, ensure_ascii=False)[1:-1])
    return dict.fromkeys((*forms, *(form.replace("'", "'\\''") for form in forms)))


def _listed(parameter: str, ids: str, named: Mapping[tuple[str, str], str]) -> str:
    """The ids of a parameter, by commas."""
    who = "patient" if parameter == "subject" else parameter
    return ",".join(named.get((who, id), id) for id in ids.split(","))


def redaction_of(exchanges: Iterable[Exchange], patients: Iterable[str] = ()) -> Redaction:
    """What the reports of these exchanges must not show; ``patients`` are ids that were named, seen in an answer or not."""
    exchanges = list(exchanges)
    secrets = hidden.secrets_of(exchanges)
    ids = {**hidden.ids_of(exchanges), **{("Patient", id): None for id in patients}}
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
