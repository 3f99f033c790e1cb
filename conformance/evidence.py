"""Evidence: what a server was seen to do, by name. Checks look at nothing else, so that they can be read beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class Missing(LookupError):
    """This was not seen: a check that needs it is skipped, never passed."""


class NotOffered(Missing):
    """The server does not say that it has this: nothing is owed, and the check is skipped with that reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its answer. Header names are lower case; ``body`` are the bytes as received."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0

    @property
    def document(self) -> Any:
        """The body as JSON, numbers as their text; None when it is none."""
        try:
            return json.loads(self.body, parse_float=Number, parse_int=Number)
        except (ValueError, RecursionError):
            return None

    @property
    def table(self) -> Mapping[str, Any]:
        """The body as a JSON object, empty when it is none."""
        found = self.document
        return found if isinstance(found, dict) else {}

    @property
    def redirected(self) -> Mapping[str, str]:
        """The parameters of the address that the answer leads to."""
        return dict(parse_qsl(urlsplit(self.headers.get("location", "")).query, keep_blank_values=True))

    def says(self) -> str:
        """Method, path and status: what a report shows. Never a parameter, a header or a body."""
        return f"{self.method} {urlsplit(self.url).path} → {self.status}"


class Number(str):
    """A JSON number with its digits; compared as text."""

    __slots__ = ()


class Evidence:
    """Named exchanges and facts. Reading one that is not there raises Missing."""

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

    def seen(self, name: str) -> Exchange:
        """The exchange of that name. Raises Missing."""
        found = self[name]
        assert isinstance(found, Exchange)
        return found

    def shown(self) -> list[str]:
        """What was looked at since the last call, in words for a report."""
        names, self.read = list(dict.fromkeys(self.read)), []
        found = [(name, self._found[name]) for name in names]
        return [f"{name}: {item.says()}" for name, item in found if isinstance(item, Exchange)]
