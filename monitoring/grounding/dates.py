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
_FORMS = (
    (re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b", re.IGNORECASE), ("m", "d", "y")),
    (re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? {_MONTH},? (\d{{4}})\b", re.IGNORECASE), ("d", "m", "y")),
    (re.compile(rf"\b{_MONTH},? (\d{{4}})\b", re.IGNORECASE), ("m", "y")),
)
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])")
BEFORE_YEAR = frozenset("in since of from during until by through early late mid year around about year and to".split())  # noqa: SIM905


def written(tokens: Sequence[str], text: str) -> bool:
    """Whether a text may hold a date in another form than ISO 8601."""
    return not NAMES.isdisjoint(tokens) or ("/" in text and _SLASHED.search(text) is not None)


def normalised(text: str) -> str:
    """``March 3, 2024``, ``3 March 2024``, ``Mar 2024`` and ``03/25/2024`` in ISO form. Of a slashed date whose day and month may
    be either way round only the year is certain."""
    for pattern, order in _FORMS:
        text = pattern.sub(lambda found, order=order: _iso(dict(zip(order, found.groups(), strict=True))), text)  # type: ignore[misc]
    return _SLASHED.sub(_slashed, text)


def _iso(parts: dict[str, str]) -> str:
    month = MONTHS[parts["m"].lower()[:3]]
    return f"{parts['y']}-{month:02d}" + (f"-{int(parts['d']):02d}" if "d" in parts else "")


def _slashed(found: re.Match[str]) -> str:
    first, second, year = int(found[1]), int(found[2]), found[3]
    if first <= 12 and second <= 12 and first != second:
        return f"in {year}"
    month, day = (second, first) if first > 12 else (first, second)
    return f"{year}-{month:02d}-{day:02d}"


def is_year(tokens: Sequence[str], at: int) -> bool:
    """Whether a number is a year: four digits of this or the last century, and the word before says so."""
    token = tokens[at]
    return (
        len(token) == 4 and token.isdigit() and token[:2] in ("19", "20") and at > 0 and tokens[at - 1] in BEFORE_YEAR
    )
