"""Units as people write them, and values compared at the precision they were written with."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, lru_cache

from monitoring.grounding.lexicon import molar_masses, rows
from r4 import ucum

HALVES = tuple(0.5 * 10.0**-decimals * (1 + 1e-6) for decimals in range(16))
"""Half a unit of the last digit written, and a little for what binary fractions add."""
RUNS = re.compile(r"[ \u00a0]?([^\s,;()]+)(?:[ \u00a0]([^\s,;()]+))?(?:[ \u00a0]([^\s,;()]+))?")
"""Up to three runs of characters after a number."""
SLACK = 1e-9
"""Relative: what binary fractions add to a number written with few digits."""


@cache
def written() -> Mapping[str, str]:
    """Unit as written (lower case, but for those of one capital) → UCUM."""
    return {row["written"]: row["ucum"] for row in rows("units")}


@lru_cache(maxsize=4096)
def ucum_of(run: str) -> str | None:
    """The UCUM unit that a run of characters after a number is, None for none."""
    known = written()
    return known.get(run) or (known.get(run.lower()) if len(run) > 1 or run in "%g" else None)


@cache
def long_starts() -> frozenset[str]:
    """The first words of units of several words."""
    return frozenset(unit.partition(" ")[0] for unit in written() if " " in unit)


def unit_after(raw: str, end: int, known: frozenset[str]) -> tuple[str | None, str, int]:
    """The UCUM unit right after a number that ends at ``end`` (None for none), the word there in lower case, and where the
    unit ends: what it takes holds no further number. ``known`` are units of the chart."""
    found = RUNS.match(raw, end)
    if found is None:
        return None, "", end
    for count in (3, 2) if found[2] is not None and found[1].lower() in long_starts() else ():
        if found[count] is not None:
            unit = ucum_of(" ".join(found.groups()[:count]).rstrip(".,:;]"))
            if unit is not None:
                return unit, "", found.end(count)
    first = found[1].rstrip(".,:;")
    unit = ucum_of(first) or (first if first in known else None)
    return unit, first.lower(), end if unit is None else found.end(1)


@lru_cache(maxsize=4096)
def factor(unit: str, wanted: str, concept: str) -> tuple[float, float] | None:
    """``(slope, offset)`` that makes a value in ``unit`` one in ``wanted``, through the molar mass where it takes one; None
    where the units do not measure the same."""
    if unit == wanted:
        return 1.0, 0.0
    try:
        zero, one = (float(ucum.convert(Decimal(n), unit, wanted)) for n in (0, 1))
    except ucum.UnitError:
        return _molar(unit, wanted, concept)
    return one - zero, zero


def _molar(unit: str, wanted: str, concept: str) -> tuple[float, float] | None:
    """mg/dL to mmol/L and back."""
    mass = molar_masses().get(concept)
    if mass is None:
        return None
    for middle, final, scale in (("g/L", "mol/L", 1 / mass), ("mol/L", "g/L", mass)):
        try:
            first = float(ucum.convert(Decimal(1), unit, middle))
            return first * scale * float(ucum.convert(Decimal(1), final, wanted)), 0.0
        except ucum.UnitError:
            continue
    return None


def rounding(said: float, decimals: int) -> tuple[float, float]:
    """The values that round to a number as it was written."""
    half = HALVES[min(decimals, 15)]
    return said - half, said + half


def same(said: float, decimals: int, value: float) -> bool:
    """Whether a value, rounded as the number was written, is that number."""
    return abs(said - value) <= HALVES[min(decimals, 15)]


def in_unit(value: float, unit: str, wanted: str | None, concept: str) -> float | None:
    """A value of the chart in the unit of the text; as it is where the text says none; None where it cannot be said so."""
    if wanted is None or wanted == unit:
        return value
    made = factor(unit or "1", wanted, concept)
    return None if made is None else value * made[0] + made[1]
