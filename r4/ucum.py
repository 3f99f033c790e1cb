"""UCUM units: converted and compared (https://ucum.org/ucum). Read on first use: the unit tables take a second to load.

Syntax alone proves little: ``K/uL`` (kelvin), ``C`` (coulomb) and ``F`` (farad) are valid and rarely meant.
"""

import re
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from threading import RLock
from typing import Any

DIGITS = 12
"""Significant digits of a converted value: what double precision carries without noise."""

AFFINE = {
    # Celsius and Fahrenheit have a zero of their own; UCUM §21 and §22.
    ("[degF]", "Cel"): (Decimal(5) / Decimal(9), Decimal(-160) / Decimal(9)),
    ("Cel", "[degF]"): (Decimal("1.8"), Decimal(32)),
    ("K", "Cel"): (Decimal(1), Decimal("-273.15")),
    ("Cel", "K"): (Decimal(1), Decimal("273.15")),
}


_ALONE = re.compile(r"(?<![A-Za-z0-9\]'\"%])\{[\x20-\x7a\x7c\x7e]*\}")
_AFTER = re.compile(r"\{[\x20-\x7a\x7c\x7e]*\}")


class UnitError(ValueError):
    """UCUM does not know a unit, or the two measure different things. The text names neither."""


def convert(value: Decimal, unit: str, wanted: str) -> Decimal:
    """``value`` in ``unit`` as a number of ``wanted``. Raises UnitError."""
    if unit == wanted:
        return value
    if (unit, wanted) in AFFINE:
        slope, offset = AFFINE[unit, wanted]
        return _rounded(value * slope + offset)
    return _rounded(value * _factor(unit, wanted))


def known(unit: str) -> bool:
    """Whether UCUM has this unit."""
    try:
        _quantity(unit)
    except UnitError:
        return False
    return True


def _rounded(value: Decimal) -> Decimal:
    shown = f"{value:.{DIGITS}g}"
    number = Decimal(shown)
    return (
        number.quantize(Decimal(1))
        if number == number.to_integral_value() and abs(number) < 10**9
        else number.normalize()
    )


_TURN = RLock()
"""The registry fills caches of its own while it converts and breaks when two threads do so at once; what is cached here needs
no turn."""


def _factor(unit: str, wanted: str) -> Decimal:
    found = _factors(unit, wanted)
    if found is None:
        raise UnitError("the units cannot be converted into each other")
    return found


@lru_cache(maxsize=4096)
def _factors(unit: str, wanted: str) -> Decimal | None:
    """None where there is none: what is not UCUM takes milliseconds to find out, and feeds say it again and again."""
    try:
        with _TURN:
            return _factor_now(unit, wanted)
    except UnitError:
        return None


def _factor_now(unit: str, wanted: str) -> Decimal:
    source, target = _quantity(unit), _quantity(wanted)
    if source.dimensionality != target.dimensionality or not (source.is_multiplicative and target.is_multiplicative):
        raise UnitError("the units cannot be converted into each other")
    try:
        return Decimal(repr(float(source.to(target.units).magnitude) / float(target.magnitude)))
    except (InvalidOperation, ArithmeticError, ValueError) as failure:
        raise UnitError("the units cannot be converted into each other") from failure


class _Unit:
    """One unit as a quantity of pint."""

    def __init__(self, quantity: Any) -> None:
        self.magnitude, self.units = quantity.magnitude, quantity.units
        self.dimensionality = quantity.dimensionality
        self.is_multiplicative = bool(quantity._is_multiplicative)
        self.to = quantity.to


def _quantity(unit: str) -> _Unit:
    found = _quantities(unit)
    if found is None:
        raise UnitError("the unit is not one of UCUM")
    return found


@lru_cache(maxsize=4096)
def _quantities(unit: str) -> _Unit | None:
    """A unit without its annotations: ``{score}`` says what is counted and measures nothing (UCUM §6). None: it is not one."""
    unit = _AFTER.sub("", _ALONE.sub("1", unit))
    try:
        with _TURN:
            return _Unit(_registry().from_ucum(unit))
    except Exception:  # the grammar, the registry and the unit tables each have errors of their own
        return None


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
