"""What a resource says for each search parameter (R4 §3.1.1): the paths are generated tables, the values normalised."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from r4 import paths
from r4.definitions import Parameter, parameters
from r4.moments import moment_range
from r4.references import parse

FOREVER = 253402300800.0
"""The end of the year 9999, in Unix seconds: a Period that is still open ends there."""

LEFT_OUT = frozenset({"_id", "_lastUpdated"})
"""Parameters that are columns of the resource itself."""


class Term(NamedTuple):
    """One value of one parameter; see ``sandbox.tables.terms``."""

    name: str
    system: str = ""
    value: str | None = None
    low: float | None = None
    high: float | None = None


class Place(NamedTuple):
    """Where one parameter finds its values in a resource, and how they are read."""

    name: str
    row: Parameter
    read: "Reader"
    path: tuple[str, ...]
    rule: str


@lru_cache(maxsize=2048)
def _places(type: str, members: tuple[str, ...]) -> tuple[Place, ...]:
    """The places of a type's parameters that a resource with these members can have something at."""
    return tuple(
        Place(name, row, READERS[row.kind], path, rule)
        for name, row in parameters(type).items()
        if name not in LEFT_OUT
        for path, rule in ((tuple(dotted.split(".")), rule) for dotted, rule in row.paths)
        if path[0] in members or paths.choices(members, path[0])
    )


def index(resource: Mapping[str, Any], *, base: str) -> list[Term]:
    """Every term of a resource, each once. ``base`` is this server's own, so that absolute references are local."""
    found: dict[Term, None] = {}
    for name, row, read, path, rule in _places(str(resource.get("resourceType")), tuple(resource)):
        for value in paths.values(resource, path, rule):
            for term in read(name, value, base, row):
                found[term] = None
    return list(found)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Case and accents do not count in a string search (R4 §3.1.1.4.8)."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def _token(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if isinstance(value, bool):
        yield Term(name, value="true" if value else "false")
    elif isinstance(value, str):
        yield Term(name, value=value)
    elif isinstance(value, dict):
        if isinstance(value.get("coding"), list):
            for coding in value["coding"]:
                yield from _token(name, coding, base, row)
        key = "code" if "code" in value else "value"
        system = value.get("system")
        if isinstance(value.get(key), str):
            yield Term(name, system=system if isinstance(system, str) else "", value=value[key])


def _reference(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    said = value.get("reference") if isinstance(value, dict) else value
    if isinstance(said, str):
        local = parse(said, base=base)
        yield Term(name, value=local.local if local else said)


STRING_MEMBERS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode",
                  "country", "name")  # fmt: skip


def _string(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if isinstance(value, str):
        yield Term(name, system=value, value=fold(value))
    elif isinstance(value, dict):
        for member in STRING_MEMBERS:
            for item in value[member] if isinstance(value.get(member), list) else [value.get(member)]:
                if isinstance(item, str):
                    yield Term(name, system=item, value=fold(item))


def _date(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if isinstance(value, str):
        span = moment_range(value)
        if span is not None:
            yield Term(name, low=span[0], high=span[1])
    elif isinstance(value, dict) and ("start" in value or "end" in value):
        first, last = (moment_range(str(value.get(member, ""))) for member in ("start", "end"))
        yield Term(name, low=first[0] if first else -FOREVER, high=last[1] if last else FOREVER)
    elif isinstance(value, dict) and isinstance(value.get("event"), list):
        for event in value["event"]:
            yield from _date(name, event, base, row)


def _quantity(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if isinstance(value, dict) and "value" in value:
        amount = float(value["value"])
        for unit in dict.fromkeys((value.get("code"), value.get("unit"))):
            if isinstance(unit, str) or unit is None:
                yield Term(name, system=str(value.get("system", "")), value=unit, low=amount, high=amount)


def _number(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if not isinstance(value, dict | list | str | bool) and value is not None:
        yield Term(name, low=float(value), high=float(value))


def _uri(name: str, value: Any, base: str, row: Parameter) -> Iterator[Term]:
    if isinstance(value, str):
        yield Term(name, value=value)


Reader = Callable[[str, Any, str, Parameter], Iterator[Term]]
READERS: Mapping[str, Reader] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "quantity": _quantity,
    "number": _number, "uri": _uri,
}  # fmt: skip
