"""What a quantity shows by itself: its unit there, coded, UCUM, of the right dimension, and the number within limits
(UNI, PLA-01). Units repeat, so each is judged once for each code and remembered; a number is then compared with limits
that were carried into its unit already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from fidelity import quantities, swaps
from fidelity.checks import BIT
from fidelity.expected import BY_CODE
from fidelity.limits import Limit
from fidelity.swaps import Swap
from fidelity.systems import LOINC
from r4 import ucum
from vocabulary.manifest import Feature

REMEMBERED = 50_000
ODD = frozenset({"[pH]", "[pOH]", "{INR}"})
"""UCUM codes that the library of units does not read. https://ucum.org/ucum"""
ENZYMES = frozenset({"U/L", "[IU]/L", "[iU]/L"})
"""One and the same for enzymes (1 U is 1 umol/min and the international unit of an enzyme), which UCUM does not know."""
BOTH = BIT["PLA-01"] | BIT["UNI-06"]
Number = float | int | Decimal


class Measure(NamedTuple):
    """``fails`` and ``passes`` of the unit; the limits in it, None where there are none to judge by; ``swaps`` what else
    the number may have been meant in; ``unit`` the UCUM code as understood."""

    fails: int
    passes: int
    unit: str | None
    low: float | None = None
    high: float | None = None
    usual: tuple[float, float] = (0.0, 0.0)
    swaps: tuple[Swap, ...] = ()


@dataclass(frozen=True, slots=True)
class Measures:
    """The rules of quantities. ``trained``: (system, code) → the unit a model was trained on; ``limits`` by LOINC code."""

    limits: Mapping[str, Limit]
    trained: Mapping[tuple[str, str], str]
    _seen: dict[tuple[Any, ...], Measure] = field(default_factory=dict)

    def read(self, system: str, code: str, quantity: Mapping[str, Any]) -> Measure:
        """What the unit of a quantity under this code shows. Raises TypeError where something is no string."""
        key = (system, code, quantity.get("system"), quantity.get("code"), quantity.get("unit"))
        found = self._seen.get(key)
        if found is None:
            if len(self._seen) > REMEMBERED:
                self._seen.clear()
            found = self._seen[key] = self._judge(system, code, quantity)
        return found

    def _judge(self, system: str, code: str, quantity: Mapping[str, Any]) -> Measure:
        unit = quantities.unit_of(quantity)
        if unit.code is None:
            return self._bare(system, code)
        outcomes: dict[str, bool | None] = {"UNI-01": True, "UNI-02": unit.given == "coded"}
        spelled = known(unit.code)
        if unit.given == "coded":
            outcomes["UNI-03"] = spelled
        expected = BY_CODE.get(code) if system == LOINC else None
        trained = self.trained.get((system, code))
        wanted = (*((trained,) if trained else ()), *(expected.units if expected else ()))
        if spelled and wanted:
            fits = any(measures_alike(unit.code, each) for each in wanted)
            outcomes["UNI-04"] = fits if fits or unit.given == "coded" else None  # text that fits nothing is unknown
            outcomes["UNI-05"] = _same_number(unit.code, wanted[0]) if fits else None
        fails, passes = _bits(outcomes)
        limit = self.limits.get(code) if system == LOINC and outcomes.get("UNI-04") else None
        return Measure(fails, passes, unit.code, *_carried(limit, unit.code))

    def _bare(self, system: str, code: str) -> Measure:
        """A number without a unit: none is missing where the code has no dimension (a score, pH, INR)."""
        expected = BY_CODE.get(code) if system == LOINC else None
        if expected is None or (system, code) in self.trained or not all(map(dimensionless, expected.units)):
            return Measure(BIT["UNI-01"], 0, None)
        return Measure(0, BIT["UNI-01"], expected.units[0], *_carried(self.limits.get(code), expected.units[0]))


def dimensionless(unit: str) -> bool:
    """Whether a number in the unit is the number alone."""
    return unit in ODD or quantities.plain(unit) == "1"


def _bits(outcomes: Mapping[str, bool | None]) -> tuple[int, int]:
    fails = sum(BIT[name] for name, passed in outcomes.items() if passed is False)
    return fails, sum(BIT[name] for name, passed in outcomes.items() if passed)


def _same_number(unit: str, wanted: str) -> bool:
    """Whether a number in the unit is the same number in the wanted one (the model's own, else the first of the code), as
    of ``10*9/L`` and ``10*3/uL``; a scaling to body surface that is left off changes no number either."""
    if quantities.plain(unit) == quantities.plain(wanted) or {unit, wanted} <= ENZYMES:
        return True
    try:
        return unit not in ODD and wanted not in ODD and quantities.convert(Decimal(1), unit, wanted) == 1
    except ucum.UnitError:
        return False


def known(unit: str) -> bool:
    """Whether UCUM has the unit."""
    return unit in ODD or ucum.known(unit)


def measures_alike(unit: str, wanted: str) -> bool:
    """Whether two units measure the same kind of thing."""
    if unit == wanted:
        return True
    return unit not in ODD and wanted not in ODD and quantities.same_dimension(unit, wanted)


def _carried(
    limit: Limit | None, unit: str
) -> tuple[float | None, float | None, tuple[float, float], tuple[Swap, ...]]:  # fmt: skip
    """The limits in another unit, by UCUM or by molar mass; nothing where neither can."""
    if limit is None:
        return None, None, (0.0, 0.0), ()
    numbers = (limit.low, limit.high, *limit.usual)
    if quantities.plain(unit) == quantities.plain(limit.unit):
        others = (*swaps.BY_UNIT.get(limit.unit, ()), *swaps.BY_CODE.get(limit.code, ()))
        return limit.low, limit.high, limit.usual, others
    carried = _converted(numbers, limit, unit)
    if carried is None:
        return None, None, (0.0, 0.0), ()
    low, high, usual_low, usual_high = carried
    return low, high, (usual_low, usual_high), (*swaps.BY_UNIT.get(unit, ()), *_back(limit, unit))


def _back(limit: Limit, unit: str) -> tuple[Swap, ...]:
    """The unit of the limits, where the number is in a substance unit of the same code (``umol/L`` for ``mg/dL``)."""
    there = next((each for each in swaps.BY_CODE.get(limit.code, ()) if each.unit == unit), None)
    return (Swap(limit.unit, 1 / there.slope, -there.offset / there.slope),) if there is not None else ()


def _converted(numbers: tuple[float, ...], limit: Limit, unit: str) -> tuple[float, ...] | None:
    substance = next((each for each in swaps.BY_CODE.get(limit.code, ()) if measures_alike(each.unit, unit)), None)
    try:
        if substance is not None:
            numbers = tuple(number * substance.slope + substance.offset for number in numbers)
        source = substance.unit if substance is not None else limit.unit
        return tuple(float(quantities.convert(Decimal(str(number)), unit=source, wanted=unit)) for number in numbers)
    except ucum.UnitError:
        return None


def number_of(measure: Measure, value: Number) -> tuple[int, int]:
    """Bits of what failed and passed of a number in this unit (PLA-01, UNI-06). A number that is odd in its own unit and
    usual in another was meant in the other; nothing (0) looks alike in every unit."""
    if measure.low is None or measure.high is None:
        return 0, 0
    low, high = measure.usual
    if low <= value <= high:
        return 0, BOTH
    if value and any(low <= swap.undone(float(value)) <= high for swap in measure.swaps):
        return BIT["UNI-06"], 0
    if measure.low <= value <= measure.high:
        return 0, BOTH
    return BIT["PLA-01"], BIT["UNI-06"]


def trained_units(features: tuple[Feature, ...]) -> dict[tuple[str, str], str]:
    """(system, code) → the unit that the features of a model want it in."""
    return {
        (code.system, code.code): feature.unit
        for feature in features
        if feature.unit is not None and feature.kind == "observation"
        for code in feature.codes
    }
