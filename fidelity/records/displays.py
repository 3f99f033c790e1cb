"""What a LOINC code is called beside it, and what else it is coded as (COD-05, COD-06), for the codes whose names are here."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from fidelity.elements import text
from fidelity.expected import BY_CODE, EXPECTED, Expected
from fidelity.short_names import SHORT
from fidelity.systems import LOINC, proper

SIMILAR = 0.6
"""Likeness of a display to the code's own name under which they disagree."""
SPELT = {"haem": "hem", "leuco": "leuko", "oed": "ed"}
"""British spellings as LOINC has them."""
GENERAL = frozenset({"body", "level", "measured"})
"""Words that tell no analyte from another."""


def displayed(codings: Iterable[Mapping[str, Any]]) -> bool | None:
    """COD-05: no display is unlike the code's names, or another code's name."""
    judged = []
    for each in codings:
        row = _row(each)
        if row is not None and (display := text(each.get("display"))):
            judged.append(_called(row, display))
    return all(judged) if judged else None


def agree(codings: Iterable[Mapping[str, Any]]) -> bool | None:
    """COD-06: two LOINC codes of one concept measure the same property of the same thing."""
    known = [row for each in codings if (row := _row(each)) is not None]
    if len(known) < 2:
        return None
    first = known[0]
    return all(each.property == first.property and not _differ(each, first) for each in known[1:])


def _row(coding: Mapping[str, Any]) -> Expected | None:
    return BY_CODE.get(text(coding.get("code")) or "") if proper(text(coding.get("system"))) == LOINC else None


def _called(row: Expected, display: str) -> bool:
    written, names = words(display), names_of(row)
    if any(written <= words(name) for name in names):
        return True
    if any(_differ(row, other) and written <= words(name) for other in EXPECTED for name in names_of(other)):
        return False
    return any(short in written for short in _short(row)) or any(alike(display, name) >= SIMILAR for name in names)


def names_of(row: Expected) -> tuple[str, ...]:
    """LOINC's long name, names under which the code is sent, and short ones."""
    return (*row.names, *SHORT.get(row.code, ()))


@lru_cache(512)
def _short(row: Expected) -> frozenset[str]:
    """Short names of one word: they say what is meant whatever stands beside them (``WBC # Bld Auto``)."""
    return frozenset(word for name in SHORT.get(row.code, ()) if len(each := words(name)) == 1 for word in each)


@lru_cache(512)
def _component(row: Expected) -> frozenset[str]:
    """The words of LOINC's first axis, what is measured."""
    return words(re.split(r"\[|/| by | in (?=Arterial|Blood|Platelet|Red|Serum|Urine)", row.names[0])[0]) - GENERAL


def _differ(one: Expected, other: Expected) -> bool:
    """Whether two codes measure different things, neither more generally than the other."""
    first, second = _component(one), _component(other)
    return not (first <= second or second <= first)


def alike(one: str, other: str) -> float:
    """Likeness of two names from 0 to 1, whatever the order of their words and however many more one has."""
    first, second = words(one), words(other)
    shared = " ".join(sorted(first & second))
    whole = [" ".join([shared, *sorted(each - (first & second))]).strip() for each in (first, second)]
    pairs = ((shared, whole[0]), (shared, whole[1]), (whole[0], whole[1]))
    return max(SequenceMatcher(None, *pair).ratio() for pair in pairs)


@lru_cache(4096)
def words(name: str) -> frozenset[str]:
    """The words of a name, without plural and in one spelling."""
    plain = "".join(sign if sign.isalnum() else " " for sign in name.casefold())
    for british, american in SPELT.items():
        plain = plain.replace(british, american)
    return frozenset(word.rstrip("s") or word for word in plain.split())
