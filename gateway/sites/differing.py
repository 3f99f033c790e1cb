"""What differs between two sites, or between a site and what it was: line by line, in the words of the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.sites.declaration import Site

KEYS: Mapping[str, tuple[str, ...]] = {
    "ehr": ("name",), "reading": ("means",), "writing": ("code",), "model": ("id",), "route": ("owner", "sink", "model"),
    "planned": ("on", "what"), "schedule": ("id",),
}  # fmt: skip
"""The members by which entries of two lists are the same entry."""
FINER: Mapping[str, tuple[str, ...]] = {"model": ("id", "version")}
"""The same where either side has two entries of one key: two versions of a model side by side."""
SECRET = frozenset({"client_id"})
"""Members of which it is only told that they differ."""
QUIET = SECRET | {"source"}
"""What is not told of an entry that only one side has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """``left`` and ``right`` None where that side does not have it."""

    path: str
    left: str | None
    right: str | None


def differences(left: Site, right: Site) -> list[Difference]:
    """Every member that differs, by path, in the order of the file's tables."""
    one, other = (site.model_dump(mode="json", exclude_none=True) for site in (left, right))
    return [each for table in Site.model_fields for each in _compare(table, one.get(table), other.get(table))]


def _compare(path: str, left: Any, right: Any) -> Iterator[Difference]:
    if left == right:
        return
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in dict.fromkeys((*left, *right)):
            yield from _compare(f"{path}.{name}", left.get(name), right.get(name))
    elif path in KEYS and isinstance(left, list | None) and isinstance(right, list | None):
        names = _names(path, left or [], right or [])
        one, other = _keyed(names, left or []), _keyed(names, right or [])
        if path == "ehr" and not set(one) & set(other):  # two customers: their EHRs are compared in the file's order
            one, other = _numbered(left or []), _numbered(right or [])
        for key in dict.fromkeys((*one, *other)):
            yield from _compare(f"{path}[{key}]", one.get(key), other.get(key))
    else:
        secret = path.rpartition(".")[2] in SECRET
        yield Difference(path=path, left=_told(left, secret), right=_told(right, secret))


def _names(path: str, *sides: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """The members that tell the entries of a list apart."""
    names = KEYS[path]
    keys = [[_key(names, entry) for entry in side] for side in sides]
    return FINER.get(path, names) if any(len(each) > len(set(each)) for each in keys) else names


def _key(names: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    return " ".join(_short(entry[name]) for name in names if entry.get(name) is not None)


def _keyed(names: tuple[str, ...], entries: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        key = _key(names, entry)
        while key in found:
            key += "′"
        found[key] = entry
    return found


def _numbered(entries: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(number): entry for number, entry in enumerate(entries, start=1)}


def _short(value: Any) -> str:
    return str(value["code"]) if isinstance(value, Mapping) and "code" in value else str(value)


def _told(value: Any, secret: bool) -> str | None:
    if value is None:
        return None
    if secret:
        return "(its own)"
    if isinstance(value, Mapping):
        told = {name: each for name, each in value.items() if each and name not in QUIET}
        return ", ".join(
            f"{name} {_told(each, False) if isinstance(each, list) else _short(each)}" for name, each in told.items()
        )
    if isinstance(value, list):
        return ", ".join(_short(each) for each in value) or "(none)"
    return str(value)
