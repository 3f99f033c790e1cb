"""Whether a record is what a search asked for (R4 §3.1.1.4): values only."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.suites.api.uscore import PARAMETERS

Record = Mapping[str, Any]
Pairs = list[list[str]]
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def values(record: Any, path: str) -> Iterator[Any]:
    """Everything at a path of names; ``extension.url=x`` is an extension whose address ends so."""
    name, _, rest = path.partition(".")
    name, _, ending = name.partition("=")
    found = record.get(name) if isinstance(record, dict) else None
    for each in found if isinstance(found, list) else [found]:
        if each is None or (ending and not str(each).endswith(ending)):
            continue
        yield from values(each, rest) if rest else [each]


def has(record: Record, paths: str) -> bool:
    """Whether one of the elements (separated by ``|``) is there, or the reason why it is not."""
    return any(any(True for _ in values(record, path)) or _absent(record, path) for path in paths.split("|"))


def _absent(record: Record, path: str) -> bool:
    """A primitive without a value, whose extension says why (data-absent-reason)."""
    place, _, name = path.rpartition(".")
    for parent in values(record, place) if place else [record]:
        shadow = parent.get(f"_{name}") if isinstance(parent, dict) else None
        if "data-absent-reason" in str(shadow):
            return True
    return False


def matches(record: Record, pairs: Pairs) -> bool:
    """Whether the record is what all parameters ask for."""
    return all(_one(record, name, value) for name, value in pairs)


def _one(record: Record, name: str, value: str) -> bool:
    row = PARAMETERS[name]
    found = [each for path in row.paths for each in values(record, path)]
    if row.kind == "token":
        return any(_token(each, value) for each in found)
    if row.kind == "reference":
        said = [str(each.get("reference", "")) for each in found if isinstance(each, dict)]
        return any(f"/{each}".endswith(f"/{value.rpartition('/')[2]}") for each in said)
    if row.kind == "string":
        return any(value.lower() in str(each).lower() for each in found)
    return any(_date(each, value) for each in found)


def _token(found: Any, value: str) -> bool:
    system, bar, code = value.rpartition("|")
    if isinstance(found, str):
        return found == code
    coded = found.get("coding", [found]) if isinstance(found, dict) else []
    codings = coded if isinstance(coded, list) else []
    return any(
        code == each.get("code", each.get("value")) and (not bar or system == each.get("system", ""))
        for each in codings if isinstance(each, dict)
    )  # fmt: skip


def _date(found: Any, value: str) -> bool:
    """``ge`` and so on: whether the record's time reaches into what is asked for (R4 §3.1.1.4.9). What is no time in the
    record or in the parameter is not judged."""
    comparator, said = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    try:
        (low, high), (start, end) = span(said), span(found)
    except ValueError:
        return True
    return {
        "eq": low <= start and end <= high, "ge": end >= low, "gt": end > high,
        "le": start <= high, "lt": start < low,
    }[comparator]  # fmt: skip


def span(said: Any) -> tuple[datetime, datetime]:
    """The first and the last moment of a date, time or Period; what has no end has none yet. Raises ValueError."""
    if isinstance(said, dict):
        first = span(said["start"])[0] if said.get("start") else EARLIEST
        return first, span(said["end"])[1] if said.get("end") else LATEST
    text = str(said)
    parts = text.split("-") if "T" not in text else []
    if parts:
        start = datetime.fromisoformat("-".join([*parts, "01", "01"][:3])).replace(tzinfo=UTC)
        later = {1: timedelta(days=365), 2: timedelta(days=31)}.get(len(parts), timedelta(days=1))
        end = (start + later).replace(day=1) if len(parts) == 2 else start + later
        return start, end - timedelta(microseconds=1)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment, moment + timedelta(microseconds=0 if "." in text else 999_999)


def asked(record: Record, combination: str) -> Pairs | None:
    """The parameters of a combination with values of the record; None when it has not all of them."""
    found = {name: _value(record, name) for name in combination.split("+")}
    pairs = [[name, value] for name, value in found.items() if value]
    return pairs if len(pairs) == len(found) else None


def _value(record: Record, name: str) -> str | None:
    row = PARAMETERS[name]
    found = next((each for path in row.paths for each in values(record, path)), None)
    if name == "name" and isinstance(found, dict):
        found = next(values(found, "family"), next(values(found, "text"), None))
    if isinstance(found, dict):
        return _inside(found)
    return str(found) if found is not None else None


def _inside(found: Mapping[str, Any]) -> str | None:
    """The value of a coding, a reference or a Period as a search says it."""
    coded = found.get("coding", [found])
    first = next((each for each in (coded if isinstance(coded, list) else ()) if isinstance(each, dict)), {})
    if "start" in found:
        return str(found["start"])
    if "reference" in found:
        return str(found["reference"])
    code = first.get("code", first.get("value"))
    return f"{first['system']}|{code}" if code and "system" in first else str(code) if code else None


def invented(pairs: Pairs) -> bool:
    """Whether a value was made up, so that the server need not know it: R4 §3.1.1.3 lets it refuse an unknown code, and US
    Core asks for comparators on clinical dates only."""
    return any(value in (NOBODYS, MADE_UP) or (name == "birthdate" and value[:2].isalpha()) for name, value in pairs)


MADE_UP = "x"
NOBODYS = "conformance-nobodys"
"""A code that no record has: who finds one does not look at the parameter."""


def variations(pairs: Pairs) -> Iterator[Pairs]:
    """The same search said otherwise: a code without its system, a patient without its type, times by comparators; and with
    a code that nobody has."""
    yield pairs
    for place, (name, value) in enumerate(pairs):
        kind = PARAMETERS[name].kind
        others = {
            "token": [*([value.rpartition("|")[2]] if "|" in value else []), NOBODYS],
            "reference": [value.rpartition("/")[2]] if "/" in value else [],
            "date": [f"{comparator}{value}" for comparator in ("ge", "le", "gt", "lt")],
        }.get(kind, [])  # fmt: skip
        for other in others:
            yield [*pairs[:place], [name, other], *pairs[place + 1 :]]
