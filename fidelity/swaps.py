"""Units that take one another's place: how the number of one looks under the name of the other (UNI-06), and how limits
are carried to units of substance, which UCUM alone cannot convert.

``number in other = slope × number in unit + offset``. Sources: UCUM 2.1 (https://ucum.org/ucum) for units of one dimension;
for mass and substance the molar masses behind the catalogue's factors (glucose 180.16 g/mol: 18.0182 mg/dL in 1 mmol/L;
creatinine 113.12 g/mol: 88.42 umol/L in 1 mg/dL); hemoglobin A1c: IFCC = 10.93 × NGSP − 23.50 (https://ngsp.org/ifcc.asp).
"""

from collections.abc import Mapping
from typing import NamedTuple


class Swap(NamedTuple):
    """Another unit for the number in a unit."""

    unit: str
    slope: float
    offset: float = 0.0

    def undone(self, value: float) -> float:
        """The number in the declared unit, were ``value`` one of this other unit."""
        return (value - self.offset) / self.slope


BY_UNIT: Mapping[str, tuple[Swap, ...]] = {
    "Cel": (Swap("[degF]", 1.8, 32.0),),
    "[degF]": (Swap("Cel", 5 / 9, -160 / 9),),
    "kg": (Swap("[lb_av]", 2.2046226), Swap("g", 1000.0)),
    "[lb_av]": (Swap("kg", 0.45359237),),
    "cm": (Swap("[in_i]", 0.39370079), Swap("m", 0.01), Swap("[ft_i]", 0.032808399)),
    "10*3/uL": (Swap("/uL", 1000.0),),
    "10*6/uL": (Swap("/uL", 1_000_000.0),),
    "[in_i]": (Swap("cm", 2.54),),
    "mm[Hg]": (Swap("kPa", 0.13332239),),
    "L/min": (Swap("mL/min", 1000.0),),
    "mg/dL": (Swap("g/L", 0.01),),
    "g/dL": (Swap("g/L", 10.0),),
    "g/L": (Swap("g/dL", 0.1),),
    "%": (Swap("1", 0.01),),
}
"""Unit → what else its numbers may have been meant in."""

_GLUCOSE, _CHOLESTEROL = (Swap("mmol/L", 1 / 18.0182),), (Swap("mmol/L", 1 / 38.67),)
_CREATININE, _UREA, _CALCIUM = (Swap("umol/L", 88.42),), (Swap("mmol/L", 0.357),), (Swap("mmol/L", 0.2495),)
BY_CODE: Mapping[str, tuple[Swap, ...]] = {
    "2345-7": _GLUCOSE, "2339-0": _GLUCOSE, "1558-6": _GLUCOSE,
    "2093-3": _CHOLESTEROL, "2085-9": _CHOLESTEROL, "18262-6": _CHOLESTEROL, "13457-7": _CHOLESTEROL,
    "2571-8": (Swap("mmol/L", 1 / 88.57),),
    "2160-0": _CREATININE, "38483-4": _CREATININE,
    "3094-0": _UREA, "6299-2": _UREA,
    "17861-6": _CALCIUM, "49765-1": _CALCIUM,
    "1975-2": (Swap("umol/L", 17.1),),
    "718-7": (Swap("mmol/L", 0.6206),),
    "4548-4": (Swap("mmol/mol", 10.93, -23.5),),
    # codes of substance: the mass unit that their numbers may have been meant in
    "14749-6": (Swap("mg/dL", 18.0182),), "14647-2": (Swap("mg/dL", 38.67),),
    "14682-9": (Swap("mg/dL", 1 / 88.42),), "2000-8": (Swap("mg/dL", 4.008),),
}  # fmt: skip
"""LOINC code → substance units for its mass unit, or the other way round (the first of ``fidelity.expected``)."""
