"""Values to search for: what the records say at the paths of a parameter, written in every way a search may write it."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from r4 import paths
from r4.definitions import Parameter, parameters
from tests.contract.differential.sides import BASE

PREFIXES = ("", "", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
"""Prefixes of what is ordered. ``ap`` is a server's own choice (R4 §3.1.1.4.6), so nothing could be compared."""


def compared(type: str) -> Mapping[str, Parameter]:
    """The parameters of R4: what a guide defines is unknown to the other side (``tests/contract/test_us_core_parameters.py``)."""
    return {name: row for name, row in parameters(type).items() if not row.definition}


def said(records: list[dict[str, Any]], type: str, row: Parameter) -> list[Any]:
    """Everything that records of a type say at a parameter's paths."""
    return [
        value
        for body in records
        if body["resourceType"] == type
        for path, rule in row.paths
        for value in paths.values(body, tuple(path.split(".")), rule)
    ]


def term(random: Random, records: list[dict[str, Any]], type: str, name: str, modifier: str = "") -> str | None:
    """One value for a parameter, None where no record says anything."""
    row = parameters(type)[name]
    if name == "_id":
        return str(random.choice([body["id"] for body in records if body["resourceType"] == type]))
    if name == "_lastUpdated":
        return random.choice(("ge2020", "lt2020-01-01", "gt2100", "le2100-01", "sa2020-01-01T00:00:00Z"))
    if row.kind == "composite":
        both = [term(random, records, type, each) for each in row.components]
        return None if None in both else "$".join(map(str, both))
    found = said(records, type, row)
    written = [
        text
        for value in random.sample(found, min(4, len(found)))
        if (text := WRITES[row.kind](random, value, modifier))
    ]
    return random.choice(written) if written else None


def _token(random: Random, value: Any, modifier: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, dict) and "coding" in value:
        value = random.choice(value["coding"])
    if not isinstance(value, dict):
        return ""
    code, system = value.get("code", value.get("value")), value.get("system")
    if not code:
        return ""
    code = _escaped(str(code))
    if "system" not in value or not str(system).startswith(("urn", "http")):
        return code
    return random.choice((code, f"{system}|{code}", f"{system}|{code}", f"{system}|", f"|{code}"))


def _reference(random: Random, value: Any, modifier: str) -> str:
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str):
        return ""
    if text.startswith(("http", "urn")):
        return "" if modifier else text
    if modifier:
        return text.partition("/")[2]
    return random.choice((text, text, text.partition("/")[2], f"{BASE}/{text}")) if "/" in text else text


def _string(random: Random, value: Any, modifier: str) -> str:
    if isinstance(value, dict):
        parts = [each for member in value.values() for each in (member if isinstance(member, list) else [member])]
        words = [part for part in parts if isinstance(part, str) and part not in ("home", "work", "official")]
        value = random.choice(words) if words else ""
    if not isinstance(value, str) or not value:
        return ""
    if modifier == "exact":
        return _escaped(random.choice((value, value, value.upper())))
    if modifier == "contains":
        return _escaped(value[1:] or value)
    return _escaped(random.choice((value, value.upper(), value[:3], value.replace("ö", "o"))))


def _date(random: Random, value: Any, modifier: str) -> str:
    if isinstance(value, dict):
        value = random.choice([value[name] for name in ("start", "end") if name in value] or [""])
    if not isinstance(value, str) or not value:
        return ""
    lengths = [length for length in (4, 7, 10) if length < len(value)]
    return random.choice(PREFIXES) + random.choice([value, *(value[:length] for length in lengths)])


def _number(random: Random, value: Any, modifier: str) -> str:
    return f"{random.choice(PREFIXES)}{value}" if not isinstance(value, bool | dict | str) else ""


def _quantity(random: Random, value: Any, modifier: str) -> str:
    if not isinstance(value, dict) or "value" not in value:
        return ""
    unit, system = value.get("code") or "", value.get("system", "")
    amount = f"{random.choice(PREFIXES)}{value['value']}"
    return amount if not unit else random.choice((amount, f"{amount}|{system}|{unit}", f"{amount}||{unit}"))


def _uri(random: Random, value: Any, modifier: str) -> str:
    return _escaped(value) if isinstance(value, str) else ""


def _escaped(text: str) -> str:
    for sign in "\\,|$":
        text = text.replace(sign, f"\\{sign}")
    return text


WRITES: Mapping[str, Callable[[Random, Any, str], str]] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "number": _number,
    "quantity": _quantity, "uri": _uri,
}  # fmt: skip
