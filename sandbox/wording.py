"""A search as HAPI understands it: what it would read in another way than R4 is written differently, and what it ignores
or answers wrongly is refused, for a filter that is ignored shows records that nobody asked for."""

import calendar
import re
from collections.abc import Iterator

from r4.criteria import Criterion, criterion, searchable, targets
from r4.definitions import Parameter
from r4.moments import moment_range
from r4.references import parse
from r4.requests import Pairs
from r4.served import SERVED
from sandbox.comparing import SearchError, parts
from sandbox.search import DEFAULT_COUNT
from vocabulary.instant import format_instant

META = frozenset({"_tag", "_security", "_profile", "_source", "_lastUpdated"})
_PARTIAL = re.compile(r"(ge|le)([0-9]{4})(?:-([0-9]{2}))?")


def worded(type: str, query: Pairs, *, base: str) -> Pairs:
    """The query for HAPI. Raises SearchError 400 for what HAPI does not do as R4 says."""
    said = [(name, _value(type, name, value, base)) for name, value in query]
    names = {name for name, _ in query}
    return (*said, *(() if names & {"_count", "_summary"} else (("_count", str(DEFAULT_COUNT)),)))


def _value(type: str, name: str, value: str, base: str) -> str:
    found = criterion(name)
    if found is None or (found.name.startswith("_") and found.name not in META and found.reverse is None):
        return value
    if found.reverse is not None:
        if found.last:
            raise SearchError(name, "may have no modifier: the server behind this EHR does not know any there")
        return _written(found.reverse[0], found.reverse[2], "", value, base)
    if found.rest:
        _refuse_chain(type, name, found)
        others = targets(type, found)
        return _written(others[0], found.rest, found.last, value, base) if others else value
    return _written(type, found.name, found.modifier, value, base)


def _refuse_chain(type: str, name: str, found: Criterion) -> None:
    """What HAPI does not look at in a chain. Its ``patient`` leads to Patients alone."""
    if found.rest in META and (found.modifier or found.last):
        raise SearchError(name, "is not supported: the server behind this EHR does not look at the type or a modifier")
    if found.last == "identifier":
        raise SearchError(name, "may have no :identifier: the server behind this EHR does not know it there")
    several = len(SERVED & {*searchable(type)[found.name].targets}) > 1
    if found.last == "not" and several and not (found.name == "patient" and "Patient" in targets(type, found)):
        raise SearchError(name, "may have no :not: the server behind this EHR does not look at the type")


def _written(type: str, name: str, modifier: str, value: str, base: str) -> str:
    row = searchable(type).get(name)
    if row is None:
        return value
    if name in META:
        _refuse(name, modifier, value)
    if unanswered(type, row):
        raise SearchError(name, "is not supported: the server behind this EHR does not know this parameter")
    if modifier == "missing":
        return value
    values = parts(value, ",")
    if row.kind == "composite":
        values = [_composite(type, row, each, base) for each in values]
    if row.kind == "reference" and not modifier:
        bare = len(values) > 1
        values = [each for value in values for each in _reference(name, row, value, base, bare)]
    elif row.kind == "date":
        if len(values) > 1 and any(re.match("[a-z]", each) for each in values):
            raise SearchError(name, "may have a prefix only where it has one value")
        values = [_whole(each) for each in values]
    elif row.kind in ("quantity", "number"):
        values = [_point(each) for each in values]
    return ",".join(values)


def _refuse(name: str, modifier: str, value: str) -> None:
    if modifier == "missing" and name != "_source":
        raise SearchError(name, "has a modifier that the server behind this EHR does not know")
    if name in ("_tag", "_security") and any("" in parts(each, "|") for each in parts(value, ",") if each):
        raise SearchError(name, "must be a code, or a system and a code, at the server behind this EHR")


def _reference(name: str, row: Parameter, value: str, base: str, bare: bool) -> Iterator[str]:
    """An address of our own is a local one; bare ids get their types where there are several values."""
    local = parse(value, base=base)
    if local is not None:
        yield local.local
    elif "/" in value or ":" in value or not bare:
        yield value
    else:
        types = {"Patient"} if name == "patient" else SERVED & {*row.targets}
        yield from (f"{type}/{value}" for type in sorted(types))


def unanswered(type: str, row: Parameter) -> bool:
    """Whether HAPI does not answer this parameter at all: a composite of which a part is a reference (HAPI-1204), or one
    that a guide defines."""
    joined = row.kind == "composite" and any(searchable(type)[name].kind == "reference" for name in row.components)
    return joined or bool(row.definition)


def _composite(type: str, row: Parameter, value: str, base: str) -> str:
    """Each part as it would be written alone."""
    said = parts(value, "$")
    for place, name in enumerate(row.components[: len(said)]):
        kind = searchable(type)[name].kind
        if kind in ("quantity", "number"):
            said[place] = _point(said[place])
        elif kind == "date":
            said[place] = _whole(said[place])
    return "$".join(said)


def _whole(value: str) -> str:
    """``ge2020`` is from the first day on, ``le2020`` to the last: HAPI turns them round where the date is partial."""
    match = _PARTIAL.fullmatch(value)
    if match is None:
        return value
    prefix, year, month = match[1], match[2], match[3]
    if prefix == "ge":
        return f"ge{year}-{month or '01'}-01"
    last = calendar.monthrange(int(year), int(month or "12"))[1] if 0 < int(month or "12") < 13 and int(year) else 31
    return f"le{year}-{month or '12'}-{last}"


def _point(value: str) -> str:
    """What starts after a number is greater than it: a number has no extent (R4 §3.1.1.4.6)."""
    return {"sa": "gt", "eb": "lt"}.get(value[:2], "") + value[2:] if value[:2] in ("sa", "eb") else value


def since(query: Pairs) -> Pairs:
    """The query of a history, whose ``_since`` HAPI takes as an instant only."""
    said = [(name, value, moment_range(value.replace(" ", "+")) if name == "_since" else None) for name, value in query]
    return tuple((name, format_instant(span[0]) if span else value) for name, value, span in said)
