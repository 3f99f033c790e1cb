"""Dates as people write them, turned into ISO 8601, no more precise than they are certain."""

import re
from collections.abc import Sequence

MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
NAMES = frozenset((*MONTHS, "january", "february", "march", "april", "june", "july", "august", "sept", "september", "october",
                   "november", "december"))  # fmt: skip
_DAY, _YEAR = r"(\d{1,2})(?:st|nd|rd|th)?", r"((?:19|20)\d\d)"
_FORMS = (
    (re.compile(rf"\b{_MONTH}[ -]{_DAY},?[ -](\d{{4}})\b", re.IGNORECASE), ("m", "d", "y")),
    (re.compile(rf"\b{_DAY}[ -](?:of )?{_MONTH},?[ -](\d{{4}})\b", re.IGNORECASE), ("d", "m", "y")),
    (re.compile(rf"\b{_MONTH}(?:-|(?:,| of)? )(\d{{4}})\b", re.IGNORECASE), ("m", "y")),
    (re.compile(rf"(?<![\d/.-]){_YEAR}/(\d{{1,2}})/(\d{{1,2}})(?![\d/])"), ("y", "n", "d")),
    (re.compile(rf"(?<![\d/.-])(0?[1-9]|1[0-2])/{_YEAR}(?![\d/])"), ("n", "y")),
)
_NAMED = re.compile(_MONTH, re.IGNORECASE)
_NUMERIC = re.compile(
    r"(?<![\d/.-])(\d{1,2})(?:/(\d{1,2})/(\d{4}|\d\d)|\.(\d{1,2})\.(\d{4})|-(\d{1,2})-(\d{4}))(?![\d/]|[.-]\d)"
)
_FIGURES = re.compile(r"\d(?:(?<!\d{4})-\d{1,2}-\d\d|\.\d{1,2}\.\d\d)")
_SLASHED = re.compile(
    r"\d/(?:\d{1,2}/\d\d|\d{4}|(?:1[3-9]|2\d|3[01])(?<![\d/]\d\d/\d\d)(?!\d))|(?:on|since|from) \d\d?/\d"
)
"""Not ISO 8601, which most dates are in already."""
_ON = re.compile(r"\b(on|since|from) (\d{1,2})/(\d{1,2})(?![\d/])", re.IGNORECASE)
_UNIT = r"(?![\w%/]|[.,:-]\d| ?(?:%|[mµu]?mol|mc?g|µg|ug|g\b|ml\b|meq|units?|iu\b|bpm|mm|cm|kg|lb|k/|x10|°))"
_YEARLESS = (
    re.compile(rf"\b{_MONTH} {_DAY}{_UNIT}", re.IGNORECASE),
    re.compile(rf"(?<![\d.]){_DAY} (?:of )?{_MONTH}(?!\w|,? ?\d{{4}})", re.IGNORECASE),
)
_BARE = re.compile(rf"(?<![\d/.-])(0?[1-9]|1[0-2])/(1[3-9]|2\d|3[01])(?!/){_UNIT}")
"""Days of a month whose year is not said: they are held against the days of any year. ``11/22`` can be nothing else."""
_MONTHS = re.compile(rf"\b(in|since|during) {_MONTH}(?!\w|,? ?\d|-)", re.IGNORECASE)
CENTURY = 50
"""Years of two digits from which on they are of the last century."""
BEFORE_YEAR = frozenset(
    ("in", "since", "of", "from", "during", "until", "by", "through", "early", "late", "mid", "year", "around", "about", "and",
     "to", "dx", "dx'd", "diagnosed", "onset", "circa")
)  # fmt: skip


def written(tokens: Sequence[str], text: str) -> bool:
    """Whether a text may hold a date in another form than ISO 8601."""
    if not NAMES.isdisjoint(tokens) or _FIGURES.search(text) is not None:
        return True
    return "/" in text and _SLASHED.search(text) is not None


def normalised(text: str) -> str:
    """``March 3, 2024``, ``3-Mar-2024``, ``Mar 2024``, ``2024/3/25``, ``03/25/24`` and ``25.03.2024`` in ISO form. Of a date in
    figures whose day and month may be either way round only the year is certain. A day or a month of no year becomes
    ``--11-22`` or ``--11``."""
    named = _NAMED.search(text) is not None
    for pattern, order in _FORMS if named else _FORMS[3:]:
        text = pattern.sub(lambda found, order=order: _iso(dict(zip(order, found.groups(), strict=True))), text)  # type: ignore[misc]
    text = _BARE.sub(_day, _ON.sub(_day, _NUMERIC.sub(_figures, text)))
    if named:
        for pattern in _YEARLESS:
            text = pattern.sub(_without_year, text)
        text = _MONTHS.sub(lambda found: f"{found[1]} --{MONTHS[found[2].lower()[:3]]:02d}", text)
    return text


def _iso(parts: dict[str, str]) -> str:
    month = int(parts["n"]) if "n" in parts else MONTHS[parts["m"].lower()[:3]]
    return f"{parts['y']}-{month:02d}" + (f"-{int(parts['d']):02d}" if "d" in parts else "")


def _figures(found: re.Match[str]) -> str:
    one, two, said = (group for group in found.groups() if group is not None)
    first, second, year = int(one), int(two), int(said)
    if len(said) == 2:
        year += 1900 if year >= CENTURY else 2000
    if first <= 12 and second <= 12 and first != second:
        return f"in {year}"
    month, day = (second, first) if first > 12 else (first, second)
    return f"{year}-{month:02d}-{day:02d}"


def _day(found: re.Match[str]) -> str:
    """``11/22``, ``on 22/11``: a day of no year, where only one of its numbers can be the month."""
    *before, one, two = found.groups()
    first, second, said = int(one), int(two), f"{before[0]} " if before else ""
    if not 0 < min(first, second) <= 12 or max(first, second) > 31:
        return found[0]
    if max(first, second) <= 12 and first != second:
        return said.rstrip()
    return f"{said}--{min(first, second):02d}-{max(first, second):02d}"


def _without_year(found: re.Match[str]) -> str:
    day, month = sorted(found.groups())
    if int(day) > 31 or month.startswith("may"):  # a month has a capital: "it may 25"
        return found[0]
    return f"--{MONTHS[month.lower()[:3]]:02d}-{int(day):02d}"


def is_year(tokens: Sequence[str], at: int) -> bool:
    """Whether a number is a year: four digits of this or the last century, and the word before says so."""
    token = tokens[at]
    return (
        len(token) == 4 and token.isdigit() and token[:2] in ("19", "20") and at > 0 and tokens[at - 1] in BEFORE_YEAR
    )
