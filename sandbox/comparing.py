"""How each kind of search parameter is compared with the terms of a resource, as SQL (R4 §3.1.1.4).

Every text of SQL here is written by us; what a client says only ever becomes a bound value. ``t`` is a row of the terms.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from r4 import ucum
from r4.definitions import Parameter
from r4.generated.types import RESOURCES
from r4.moments import moment_range
from r4.outcome import Issue
from r4.references import parse
from sandbox.values import fold, mark

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.+)", re.DOTALL)
_ONE_DIGIT = re.compile(r"[-+]?[0-9][eE][-+]?[0-9]+")
UCUM = "http://unitsofmeasure.org"


class SearchError(ValueError):
    """The search cannot be done as asked; ``issue`` names the parameter and never its value."""

    status = 400

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(text)
        self.issue = Issue("not-supported", text, parameter, "search")


class Match(NamedTuple):
    """A condition on a row ``t`` of the terms. ``point`` says that it is about one value: what it finds comes in the order
    of the index; ``late`` that it is found sooner from the end of the index."""

    sql: str
    values: tuple[Any, ...]
    point: bool = False
    late: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a comparison needs to know: the base of the server, Unix seconds, and the units that the values of a parameter
    (``indexing.key``) are stored in."""

    base: str
    now: float = 0.0
    units: Callable[[int], Sequence[str]] = lambda parameter: ()


class Asked(NamedTuple):
    """One value of a parameter, alternatives taken apart and escapes resolved, but for those of ``|`` and ``$``."""

    name: str
    modifier: str
    value: str
    row: Parameter
    parameter: int


def either(matches: Sequence[Match]) -> Match:
    """Alternatives, any of which will do."""
    if len(matches) == 1:
        return matches[0]
    return Match(
        f"({' OR '.join(f'({each.sql})' for each in matches)})", tuple(v for each in matches for v in each.values)
    )


def updated(value: str, known: Known) -> Match:
    """``_lastUpdated``, which is a column ``r.updated`` of the resource. Raises SearchError."""
    return _compare("_lastUpdated", value, "r.updated", "r.updated", known)


def plain(value: str) -> str:
    """A value whose own separators were escaped (R4 §3.1.1.4.0.1)."""
    return re.sub(r"\\([\\|$,])", r"\1", value) if "\\" in value else value


def parts(value: str, separator: str) -> list[str]:
    """The value between separators that are not escaped; the parts are still escaped."""
    if "\\" not in value:
        return value.split(separator)
    found = [""]
    for sign in _SIGN.findall(value):
        if sign == separator:
            found.append("")
        else:
            found[-1] += sign
    return found


_SIGN = re.compile(r"\\.|.", re.DOTALL)
"""One sign of a value, with the backslash that escapes it."""


def _token(asked: Asked, known: Known) -> Match:
    said = parts(asked.value, "|")
    if len(said) > 2:
        raise SearchError(asked.name, "must be code, system|code, |code or system|")
    code = plain(said[-1])
    if len(said) == 1:
        return Match("t.low IS NULL AND t.value = ?", (code,), True)
    system = mark(plain(said[0]))
    if not code:
        return Match("t.low IS NULL AND t.mark = ?", (system,))
    return Match("t.low IS NULL AND t.value = ? AND t.mark = ?", (code, system), True)


def _reference(asked: Asked, known: Known) -> Match:
    value, modifier = plain(asked.value), asked.modifier
    if modifier == "identifier":
        return _token(asked, known)
    local = parse(value, base=known.base)
    if local is not None:
        return Match("0", ()) if modifier and modifier != local.type else _is(local.local)
    if "/" in value or ":" in value:
        return _is(value)
    if modifier:
        return _is(f"{modifier}/{value}")
    if asked.name == "patient":
        return _is(f"Patient/{value}")
    named = tuple(f"{target}/{value}" for target in asked.row.targets)
    return Match(f"t.low IS NULL AND t.value IN ({', '.join('?' * len(named))})", named)


def _is(value: str) -> Match:
    return Match("t.low IS NULL AND t.value = ?", (value,), True)


LONGEST_TEXT = 1000
"""Characters of a string that is searched for: SQLite refuses patterns of more than 50,000."""


def _string(asked: Asked, known: Known) -> Match:
    value, folded = plain(asked.value), fold(plain(asked.value))
    if asked.modifier == "exact":
        return Match("t.low IS NULL AND t.value = ? AND t.mark = ?", (folded, mark(value)), True)
    if len(value) > LONGEST_TEXT:
        raise SearchError(asked.name, f"may have {LONGEST_TEXT} characters")
    if asked.modifier == "contains":
        escaped = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return Match("t.low IS NULL AND t.value LIKE ? ESCAPE '\\'", (f"%{escaped}%",))
    return Match("t.low IS NULL AND t.value >= ? AND t.value < ?", (folded, f"{folded}\U0010ffff"))


def _date(asked: Asked, known: Known) -> Match:
    found = _compare(asked.name, plain(asked.value), "t.low", "t.high", known)
    return Match(f"t.low IS NOT NULL AND t.value IS NULL AND {found.sql}", found.values, late=found.late)


def _compare(name: str, value: str, low: str, high: str, known: Known) -> Match:
    """A date with its prefix against the span of what the resource says (R4 §3.1.1.4.6). An instant ends where it begins,
    so that the second a moment is in belongs to it."""
    match = _PREFIXED.fullmatch(value)
    span = moment_range(match[2].replace(" ", "+")) if match else None
    if match is None or span is None:
        raise SearchError(name, "must be a date, or a date with eq, ne, gt, lt, ge, le, sa, eb or ap before it")
    first, last = span
    instant = low == high
    around = abs(known.now - first) / 10 if known.now else 86400.0
    table: Mapping[str, tuple[str, tuple[float, ...]]] = {
        "eq": (f"({low} >= ? AND {low} <= ? AND {high} {'<' if instant else '<='} ?)", (first, last, last)),
        "ne": (f"({low} < ? OR {high} {'>=' if instant else '>'} ?)", (first, last)),
        "gt": (f"{high} {'>=' if instant else '>'} ?", (last,)),
        "lt": (f"{low} < ?", (first,)),
        "ge": (f"{high} > ?", (first,)),
        "le": (f"{low} < ?", (last,)),
        "sa": (f"{low} >= ?", (last,)),
        "eb": (f"{low} <= ? AND {high} {'<' if instant else '<='} ?", (first, first)),
        "ap": (f"({low} < ? AND {high} > ?)", (last + around, first - around)),
    }
    if instant:
        table = {**table, "ge": (f"{low} >= ?", (first,)), "le": (f"{low} < ?", (last,))}
    sql, values = table[match[1] or "eq"]
    return Match(sql, values, late=match[1] in LATE)


LATE = frozenset({"gt", "ge", "ap"})
"""What these find ends late: in the order of its beginning it is looked for from the end."""


class Amount(NamedTuple):
    """A number with its prefix; ``half`` is half a unit of its last digit: what ``100`` says is 99.5 to 100.5. R4 §3.1.1.4.5
    has ``1e2`` say 95 to 105: one digit before an exponent is read as two."""

    prefix: str
    number: Decimal
    half: Decimal


def _amount(name: str, value: str) -> Amount:
    match = _PREFIXED.fullmatch(value)
    try:
        number = Decimal(match[2]) if match and len(value) < 300 else None
    except InvalidOperation:
        number = None
    if match is None or number is None or not number.is_finite() or abs(number.adjusted()) > 300:
        raise SearchError(name, "must be a number, or a number with a prefix before it")
    last = int(number.as_tuple().exponent) - (_ONE_DIGIT.fullmatch(match[2]) is not None)
    return Amount(match[1] or "eq", number, Decimal(5).scaleb(last - 1))


def _between(amount: Amount) -> Match:
    """R4 §3.1.1.4.5 and .6: by implicit precision for eq and ne, exactly for what is greater or less."""
    number, half, tenth = float(amount.number), float(amount.half), float(abs(amount.number) / 10)
    table: Mapping[str, tuple[str, tuple[float, ...]]] = {
        "eq": ("(t.low >= ? AND t.low < ? AND t.high < ?)", (number - half, number + half, number + half)),
        "ne": ("(t.low < ? OR t.high >= ?)", (number - half, number + half)),
        "gt": ("t.high > ?", (number,)), "lt": ("t.low < ?", (number,)),
        "ge": ("t.high >= ?", (number,)), "le": ("t.low <= ?", (number,)),
        "sa": ("t.low > ?", (number,)), "eb": ("t.high < ?", (number,)),
        "ap": ("(t.low <= ? AND t.high >= ?)", (number + tenth, number - tenth)),
    }  # fmt: skip
    return Match(*table[amount.prefix])


def _number(asked: Asked, known: Known) -> Match:
    found = _between(_amount(asked.name, plain(asked.value)))
    return Match(f"t.low IS NOT NULL AND t.value IS NULL AND {found.sql}", found.values)


def _quantity(asked: Asked, known: Known) -> Match:
    """``number|system|code``. A unit of UCUM also finds what is stored in another unit of the same dimension."""
    said = [plain(each) for each in parts(asked.value, "|")]
    if len(said) not in (1, 3):
        raise SearchError(asked.name, "must be a number, or number|system|code")
    amount, (system, unit) = _amount(asked.name, said[0]), (said[1:] if len(said) == 3 else ("", ""))
    stored = known.units(asked.parameter)
    if not unit:
        units = list(stored) or [""]
        found = _between(amount)
        places = ", ".join("?" * len(units))
        matches = [Match(f"t.low IS NOT NULL AND t.value IN ({places}) AND {found.sql}", (*units, *found.values))]
    else:
        matches = [_in_unit(unit, amount)]
        if system in (UCUM, ""):
            matches += [_in_unit(other, told) for other, told in _converted(amount, unit, stored)] if system else []
    match = either(matches)
    return Match(f"{match.sql} AND t.mark = ?", (*match.values, mark(system))) if system else match


def _in_unit(unit: str, amount: Amount) -> Match:
    found = _between(amount)
    return Match(f"t.low IS NOT NULL AND t.value = ? AND {found.sql}", (unit, *found.values))


def _converted(amount: Amount, unit: str, stored: Sequence[str]) -> list[tuple[str, Amount]]:
    """The amount in each of the stored units that measure the same."""
    found = []
    for other in stored:
        if other == unit:
            continue
        try:
            low, high = (ucum.convert(amount.number + sign * amount.half, unit, other) for sign in (-1, 1))
            found.append((other, Amount(amount.prefix, ucum.convert(amount.number, unit, other), abs(high - low) / 2)))
        except ucum.UnitError:
            continue
    return found


def _uri(asked: Asked, known: Known) -> Match:
    return _is(plain(asked.value))


Kind = Callable[[Asked, Known], Match]
KINDS: Mapping[str, Kind] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "number": _number,
    "quantity": _quantity, "uri": _uri,
}  # fmt: skip
"""How each kind of parameter is compared."""

ALLOWED: Mapping[str, frozenset[str]] = {
    "token": frozenset({"not"}),
    "string": frozenset({"exact", "contains"}),
    "reference": frozenset({*RESOURCES, "identifier"}),
}
"""Modifiers that a kind knows besides ``missing``."""
