"""Filters and cursors of lists, as they stand in an address or a body: read strictly, with the element named."""

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from r4.outcome import Issue
from vocabulary.instant import parse_instant
from writeback.ledger.listing import Filter

LIMIT, MOST = 100, 500
FOREIGN_CURSOR = "must be the cursor of a page that was given"
_WORD = re.compile(r"[\x20-\x7e]{1,128}")
_PLACE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?(?:e[+-]\d\d)?) ([0-9A-Za-z-]{1,64})")
_FILTERS = ("ehr", "model", "version", "state", "since", "until", "limit", "cursor")
OUTPUTS, DELIVERIES, RECALLS = _FILTERS, (*_FILTERS, "output", "type"), _FILTERS[1:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """``given`` are the members as they came, for the link to the next page."""

    wanted: Filter
    limit: int
    before: tuple[float, str] | None
    given: Mapping[str, Any]

    def next(self, path: str, place: tuple[float, str] | None) -> str | None:
        """The address of the page that begins at ``place``."""
        return (
            None if place is None else f"{path}?{urlencode({**self.given, 'cursor': format_cursor(place)}, doseq=True)}"
        )


def read_filters(
    pairs: Iterable[tuple[str, str]], names: Iterable[str], states: Iterable[str], patient: str | None = None
) -> Asked | list[Issue]:
    """The filters of a list. ``state`` may be given several times, everything else once."""
    given: dict[str, str] = {}
    chosen: list[str] = []
    for name, value in pairs:
        if name not in names:
            return [Issue("value", f"must be among {', '.join(sorted(names))}", "query")]
        if name == "state":
            chosen.append(value)
        elif name in given:
            return [Issue("value", "must be given once", name)]
        else:
            given[name] = value
    if not set(chosen) <= set(states):
        return [Issue("value", f"must be among {', '.join(sorted(states))}", "state")]
    asked = _asked(given, frozenset(chosen) or None, patient)
    if not isinstance(asked, list) and asked.before is not None and "output" in names:
        try:
            row_of(asked.before)
        except ValueError as wrong:
            return [Issue("value", str(wrong), "cursor")]
    return asked


def row_of(place: tuple[float, str]) -> int:
    """The number of the row where a page begins, of what is counted. Raises ValueError, also for more than a database counts."""
    if not place[1].isdecimal() or len(place[1]) > 18:
        raise ValueError(FOREIGN_CURSOR)
    return int(place[1])


def _asked(given: Mapping[str, str], states: frozenset[str] | None, patient: str | None) -> Asked | list[Issue]:
    readers: Mapping[str, Any] = {"limit": _limit, "since": _instant, "until": _instant, "cursor": parse_cursor}
    read: dict[str, Any] = {}
    for name, value in given.items():
        try:
            read[name] = readers.get(name, _word)(value)
        except ValueError as wrong:
            return [Issue("value", str(wrong), name)]
    ehr, model = read.get("ehr"), read.get("model")
    wanted = Filter(
        ehrs=frozenset({ehr}) if ehr else None, models=frozenset({model}) if model else None, states=states,
        version=read.get("version"), patient=patient, output=read.get("output"), type=read.get("type"),
        since=read.get("since"), until=read.get("until"),
    )  # fmt: skip
    kept = {**given, **({"state": sorted(states)} if states else {})}
    return Asked(wanted=wanted, limit=read.get("limit", LIMIT), before=read.get("cursor"), given=kept)


def word(text: str) -> bool:
    """Whether a filter may say this: what has an id has a printable one."""
    return _WORD.fullmatch(text) is not None


def _word(text: str) -> str:
    if not word(text):
        raise ValueError("must be one printable word")
    return text


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise ValueError(f"must be a number from 1 to {MOST}")
    return int(text)


def _instant(text: str) -> float:
    try:
        return parse_instant(text)
    except ValueError:
        raise ValueError("must be a FHIR instant: date, time, seconds and zone") from None


def format_cursor(place: tuple[float, str]) -> str:
    """Where a page begins, opaque to its holder; it holds no patient datum."""
    return urlsafe_b64encode(f"{place[0]!r} {place[1]}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> tuple[float, str]:
    """What ``format_cursor`` gave. Raises ValueError."""
    try:
        padded = (text + "=" * (-len(text) % 4)).encode("ascii")
        plain = b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (Base64Error, UnicodeError, ValueError):
        raise ValueError(FOREIGN_CURSOR) from None
    match = _PLACE.fullmatch(plain)
    if match is None or len(text) > 200:
        raise ValueError(FOREIGN_CURSOR)
    return float(match[1]), match[2]


def narrowed(wanted: Filter, *, ehrs: frozenset[str] = frozenset(), models: frozenset[str] = frozenset()) -> Filter:
    """The filter within what a key is bound to; empty sets bind to nothing in particular."""

    def both(asked: frozenset[str] | None, bound: frozenset[str]) -> frozenset[str] | None:
        return asked if not bound else bound if asked is None else asked & bound

    return replace(wanted, ehrs=both(wanted.ehrs, ehrs), models=both(wanted.models, models))


def about(wanted: Filter, patient: str) -> Filter:
    """The filter for one patient (``Patient/id``)."""
    return replace(wanted, patient=patient)
