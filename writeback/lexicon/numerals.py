"""Numbers on their way into a resource: decimal digits, no float noise, R4's percent."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from writeback.lexicon.codes import UCUM

_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)
_PLACES = _DIGITS = 6
_MOST = 18
"""Digits that R4 asks every reader to hold (§2.24.0.1)."""
_PERCENT_PLACES = Decimal("0.01")

UNIT_CODES = {"fraction": "1", "percent": "%"}
"""The words of a manifest that are not UCUM, as UCUM."""


def tidy(value: Decimal) -> Decimal:
    """At most six places after the point, or as many as six digits of a small number take, and no zeros in an exponent:
    what is beyond is noise of binary arithmetic. The digits that are there stay (1.50 stays 1.50); zero has no sign."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("not a finite number")
    value = value if value else abs(value)
    places = min(max(_PLACES, _DIGITS - 1 - value.adjusted()), _MOST) if value else _PLACES
    if exponent < -places:
        value = _strip(_WIDE.quantize(value, Decimal(1).scaleb(-places)))
    elif exponent > 0:
        value = _WIDE.quantize(value, Decimal(1))
    return Decimal(f"{value:f}")


def percent(value: Decimal, unit: str | None) -> Decimal:
    """A probability as R4 wants it: 0 to 100 with at most two places (RiskAssessment.prediction.probability[x]).
    Raises ValueError for a unit that is neither fraction nor percent: nothing is guessed."""
    if unit not in ("fraction", "percent"):
        raise ValueError("a probability is a fraction or a percent")
    scaled = _WIDE.multiply(value, Decimal(100 if unit == "fraction" else 1))
    return _strip(_WIDE.quantize(scaled, _PERCENT_PLACES))


def rounded_away(value: Decimal, unit: str | None) -> str:
    """What two places of a percent hide: a chance that is not quite none, or not quite certain; empty where they hide nothing."""
    chance, certain = percent(value, unit), Decimal(1 if unit == "fraction" else 100)
    if chance == 0 and value > 0:
        return "less than 0.01 %"
    return "more than 99.99 %" if chance == 100 and value < certain else ""


def percent_words(value: Decimal, unit: str | None) -> str:
    """A probability as people read it."""
    return rounded_away(value, unit) or f"{percent(value, unit)} %"


def _strip(value: Decimal) -> Decimal:
    """Without zeros at the end that rounding has put there, and without a sign on zero."""
    text = f"{abs(value) if value == 0 else value:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def quantity(value: Decimal, unit: str | None) -> dict[str, Any]:
    """A Quantity in UCUM; ``unit`` is a manifest's unit."""
    code = UNIT_CODES.get(unit or "1", unit or "1")
    return {"value": tidy(value), "unit": code, "system": UCUM, "code": code}


def percentage(value: Decimal) -> dict[str, Any]:
    """A Quantity of UCUM percent, as constraint ras-1 wants it."""
    return {"value": value, "unit": "%", "system": UCUM, "code": "%"}
