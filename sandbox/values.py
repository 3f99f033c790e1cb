"""What one value says to a search, by the kind of its parameter (R4 §3.1.1.4): normalised, so that it can be compared."""

import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from r4.moments import moment_range
from r4.references import parse

FOREVER = 253402300800.0
"""The end of the year 9999, in Unix seconds: a Period that is still open ends there."""

Said = tuple[str | None, int, float | None, float | None]
"""What one value says: ``value``, ``mark``, ``low`` and ``high`` of a row of ``sandbox.tables.terms``."""


@lru_cache(maxsize=8192)
def mark(text: str) -> int:
    """A system, or a string as it was written, as a number: it is only ever compared with another."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True) if text else 0


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Case and accents do not count in a string search (R4 §3.1.1.4.8)."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def _token(value: Any, base: str) -> list[Said]:
    if value.__class__ is str:
        return [(value, 0, None, None)]
    if value.__class__ is dict:
        codings, found = value.get("coding"), []
        if codings.__class__ is list:
            for coding in codings:
                found += _token(coding, base)
        said = value["code"] if "code" in value else value.get("value")
        if said.__class__ is str:
            system = value.get("system")
            found.append((said, mark(system) if system.__class__ is str else 0, None, None))
        return found
    return [("true" if value else "false", 0, None, None)] if value.__class__ is bool else []


def _reference(value: Any, base: str) -> list[Said]:
    said = value.get("reference") if value.__class__ is dict else value
    if said.__class__ is not str:
        return []
    local = parse(said, base=base)
    return [(local.local if local else said, 0, None, None)]


def read_identifier(value: Any, base: str) -> list[Said]:
    """The identifier by which a reference names what it names."""
    said = value.get("identifier") if value.__class__ is dict else None
    return [] if said is None else _token(said, base)


STRING_MEMBERS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode",
                  "country", "name")  # fmt: skip


def _string(value: Any, base: str) -> list[Said]:
    if isinstance(value, str):
        return [(fold(value), mark(value), None, None)]
    if not isinstance(value, dict):
        return []
    listed = [value[name] if isinstance(value.get(name), list) else [value.get(name)] for name in STRING_MEMBERS]
    return [(fold(item), mark(item), None, None) for items in listed for item in items if isinstance(item, str)]


def read_date(value: Any, base: str) -> list[Said]:
    """A date, dateTime, instant, Period or Timing as the span that it is."""
    if isinstance(value, str):
        span = moment_range(value)
        return [] if span is None else [(None, 0, *span)]
    if isinstance(value, dict) and ("start" in value or "end" in value):
        first, last = (moment_range(str(value.get(member, ""))) for member in ("start", "end"))
        return [(None, 0, first[0] if first else -FOREVER, last[1] if last else FOREVER)]
    return _timing(value, base) if isinstance(value, dict) else []


def _timing(value: Any, base: str) -> list[Said]:
    """A schedule is as long as its outer limits, whatever is planned within (R4 §3.1.1.4.6)."""
    events, repeat = value.get("event"), value.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    within = [*(events if isinstance(events, list) else ()), *((bounds,) if isinstance(bounds, dict) else ())]
    said = [each for moment in within for each in read_date(moment, base)]
    lows = [low for _, _, low, _ in said if low is not None]
    highs = [high for _, _, _, high in said if high is not None]
    return [(None, 0, min(lows), max(highs))] if lows and highs else []


def _quantity(value: Any, base: str) -> list[Said]:
    """Under its code and under its unit, where they differ; a Range from its low to its high."""
    if value.__class__ is not dict:
        return []
    least = most = value.get("value")
    if "low" in value or "high" in value:
        first, last = (each if isinstance(each, dict) else {} for each in (value.get("low"), value.get("high")))
        least, most, value = first.get("value"), last.get("value"), {**last, **first}
    if least is None and most is None:
        return []
    low = -ENDLESS if least is None else float(least)
    high = ENDLESS if most is None else float(most)
    system, code, unit = value.get("system"), value.get("code"), value.get("unit")
    of = mark(system) if system.__class__ is str else 0
    units = dict.fromkeys((code, unit)) if unit or code else ("",)
    return [(each, of, low, high) for each in units if each.__class__ is str]


ENDLESS = 1e300


def _number(value: Any, base: str) -> list[Said]:
    if isinstance(value, dict | list | str | bool) or value is None:
        return []
    return [(None, 0, float(value), float(value))]


def _uri(value: Any, base: str) -> list[Said]:
    return [(value, 0, None, None)] if isinstance(value, str) else []


Reader = Callable[[Any, str], list[Said]]
READERS: Mapping[str, Reader] = {
    "token": _token, "reference": _reference, "string": _string, "date": read_date, "quantity": _quantity,
    "number": _number, "uri": _uri,
}  # fmt: skip
