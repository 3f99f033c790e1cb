"""Evidence: what a server was seen to do, by name. Checks look at nothing else, so that they can be read beside it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit


class Missing(LookupError):
    """This was not seen: a check that needs it is skipped, never passed."""


class NotOffered(Missing):
    """The server does not say that it has this: nothing is owed, and the check is skipped with that reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its answer. Header names are lower case; ``sent`` and ``content`` are the request's headers and body,
    ``body`` the answer's bytes as received; ``at`` is when it was sent, in seconds since 1970. ``incoming`` ones were asked
    of us by the target."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0
    sent: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    at: float = 0.0
    incoming: bool = False

    @property
    def document(self) -> Any:
        """The body as JSON, numbers as their text; None when it is none."""
        return _parsed(self.body)

    @property
    def table(self) -> Mapping[str, Any]:
        """The body as a JSON object, empty when it is none."""
        found = self.document
        return found if isinstance(found, dict) else {}

    @property
    def redirected(self) -> Mapping[str, str]:
        """The parameters of the address that the answer leads to."""
        return dict(parse_qsl(split(self.headers.get("location", "")).query, keep_blank_values=True))

    def says(self) -> str:
        """Method, path and status: what a report shows. Never a parameter, a header or a body."""
        return f"{self.method} {split(self.url).path} → {self.status}"


DEEPEST = 100
"""Levels of a JSON value that is looked at: no resource of R4 has as many, and whoever goes through it can."""


def split(address: str) -> SplitResult:
    """The parts of an address; all empty for one that is none, as a server may name."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


@lru_cache(maxsize=512)
def _parsed(body: bytes) -> Any:
    """One answer is judged by many checks; none of them changes what it reads."""
    return parse(body)


def parse(body: bytes) -> Any:
    """A body as JSON, numbers as their text; None when it is none, or nested without end."""
    try:
        found = json.loads(body, parse_float=Number, parse_int=Number)
    except (ValueError, RecursionError):
        return None
    return None if _deep(found) else found


def _deep(value: Any) -> bool:
    """Whether it has more levels than are looked at."""
    level = [value]
    for _ in range(DEEPEST):
        within: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                within.extend(each.values())
            elif isinstance(each, list):
                within.extend(each)
        if not within:
            return False
        level = within
    return True


class Number(str):
    """A JSON number with its digits; compared as text."""

    __slots__ = ()


class Evidence:
    """Named exchanges and facts: JSON-like values, bytes, sets and exchanges within them. Reading one that is not there
    raises Missing."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self.read: list[str] = []

    def __setitem__(self, name: str, value: Any) -> None:
        self._found[name] = value

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            raise Missing(name)
        self.read.append(name)
        return self._found[name]

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def items(self) -> list[tuple[str, Any]]:
        """All that is there; this is no look at it."""
        return list(self._found.items())

    def seen(self, name: str) -> Exchange:
        """The exchange of that name. Raises Missing."""
        found = self[name]
        assert isinstance(found, Exchange)
        return found

    def looked_at(self) -> list[tuple[str, Exchange]]:
        """The exchanges that were looked at since the last call, also those within lists and tables, by name."""
        names, self.read = list(dict.fromkeys(self.read)), []
        return [(name, each) for name in names for each in exchanges_in(self._found[name])]


def exchanges_in(value: Any) -> Iterator[Exchange]:
    """The exchanges of a value, in order."""
    if isinstance(value, Exchange):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from exchanges_in(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from exchanges_in(each)
