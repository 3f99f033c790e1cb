"""References inside resources: parsed, and found wherever they stand (R4 §2.3 references)."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

_LITERAL = re.compile(
    r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)
_ABSOLUTE_TYPE = re.compile(
    r"(?:https?://\S+/)?([A-Z][A-Za-z]{1,63})/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)


class Reference(NamedTuple):
    """A literal reference to a resource of this server."""

    type: str
    id: str
    version: str | None = None

    @property
    def local(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"


def parse(text: Any, *, base: str | None = None) -> Reference | None:
    """``Type/id``, ``Type/id/_history/v``, or the same below ``base``. None for everything else: fragments, URNs,
    addresses of other servers, conditional references, dots that climb."""
    if not isinstance(text, str):
        return None
    if base is not None:
        text = text.removeprefix(f"{base.rstrip('/')}/")
    return _literal(text) if len(text) <= _LONGEST else None


_LONGEST = 210
"""No reference that names a resource here is longer."""


@lru_cache(maxsize=8192)
def _literal(text: str) -> Reference | None:
    match = _LITERAL.fullmatch(text)
    if match is None or match["id"] in (".", "..") or match["version"] in (".", ".."):
        return None
    return Reference(match["type"], match["id"], match["version"])


def target_type(text: str) -> str:
    """The resource type that a literal reference names, relative or absolute; empty when it names none."""
    match = _ABSOLUTE_TYPE.fullmatch(text) if "/" in text else None
    return match[1] if match else ""


def named(value: Any) -> list[str]:
    """What the references in a parsed resource say, wherever they stand and in no order: far cheaper than ``walk``, for
    those who need a place only when something is wrong."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if node.__class__ is dict:
            said = node.get("reference")
            if said is not None and said.__class__ is str:
                found.append(said)
            node = node.values()
        for child in node:
            if child.__class__ in _HOLDS:
                waiting.append(child)
    return found


def walk(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every object with a string ``reference`` in a parsed resource, with its element path; contained ones included."""
    found: list[tuple[str, dict[str, Any]]] = []
    _walk(found, value, (path or str(value.get("resourceType", "")),) if isinstance(value, dict) else (path,))
    return found


def _walk(found: list[tuple[str, dict[str, Any]]], value: Any, path: tuple[str | int, ...]) -> None:
    """Only what may hold a reference is entered, and paths are only written where there is one: this looks at every
    resource that is stored, several times."""
    if value.__class__ is dict:
        if "reference" in value and isinstance(value["reference"], str):
            found.append((_written(path), value))
        for name, child in value.items():
            if child.__class__ in _HOLDS:
                _walk(found, child, (*path, name))
    elif value.__class__ is list:
        for index, child in enumerate(value):
            if child.__class__ in _HOLDS:
                _walk(found, child, (*path, index))


_HOLDS = frozenset({dict, list})


def _written(path: tuple[str | int, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
