"""Numbers into the unit a model wants: converted when UCUM says they can be, refused when not, never guessed.

https://ucum.org/ucum. A UCUM annotation (``{…}``) carries no dimension, so ``mL/min`` and ``mL/min/{1.73_m2}``
convert; they do not mean the same, and ``surface_differs`` says so. ``U`` is UCUM's unit of catalytic activity and ``[IU]``
arbitrary, which do not convert; laboratories write the one for the other (``mU/L`` of thyrotropin), and the number is the same.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from fidelity.elements import table, text
from r4 import ucum

UCUM = "http://unitsofmeasure.org"
UCUM_NAMES = frozenset({UCUM, "urn:oid:2.16.840.1.113883.6.8"})
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_U = re.compile(r"(?<![A-Za-z\[])([numk]?)U(?![A-Za-z0-9\]])")

SPELLINGS = {
    "mmhg": "mm[Hg]", "mm hg": "mm[Hg]", "bpm": "/min", "beats/min": "/min", "beats/minute": "/min",
    "breaths/min": "/min", "breaths/minute": "/min", "per minute": "/min", "/minute": "/min",
    "°c": "Cel", "degc": "Cel", "deg c": "Cel", "celsius": "Cel",
    "°f": "[degF]", "degf": "[degF]", "deg f": "[degF]", "fahrenheit": "[degF]",
    "kg/m²": "kg/m2", "kg/m^2": "kg/m2", "mg/dl": "mg/dL", "l/min": "L/min", "lpm": "L/min", "percent": "%",
    "ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73 m2": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}",
    "ml/min/1.73m²": "mL/min/{1.73_m2}", "ml/min/{1.73m2}": "mL/min/{1.73_m2}", "ml/min/1.73_m2": "mL/min/{1.73_m2}",
    "ml/min/{1.73_m2}": "mL/min/{1.73_m2}", "umol/l": "umol/L", "mmol/l": "mmol/L",
}  # fmt: skip
"""How units are written where the UCUM code is missing: only spellings that can mean nothing else. A bare ``C`` or
``F`` is not among them: as UCUM they are coulomb and farad, and what the sender meant is a guess."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """``code`` is UCUM, or None when there is no unit. ``given``: coded as UCUM, written as text, or missing."""

    code: str | None
    given: Literal["coded", "text", "missing"]


def unit_of(quantity: Any) -> Unit:
    """The unit of a Quantity, its code before its display text."""
    code, written = text(table(quantity).get("code")), text(table(quantity).get("unit"))
    if code and text(table(quantity).get("system")) in UCUM_NAMES:
        return Unit(code=code, given="coded")
    name = code or written
    if name is None:
        return Unit(code=None, given="missing")
    spelled = SPELLINGS.get(name.strip().casefold(), name.strip())
    return Unit(code=spelled, given="text")


def plain(unit: str) -> str:
    """The unit without its annotations: ``mL/min/{1.73_m2}`` → ``mL/min``, ``{score}`` → ``1``."""
    bare = _ANNOTATION.sub("", unit)
    while "//" in bare:
        bare = bare.replace("//", "/")
    return bare.rstrip("/.") or "1"


def surface_differs(unit: str, wanted: str) -> bool:
    """Whether one of the two is scaled to a body surface (``{1.73_m2}``) and the other is not."""
    return _scaled(unit) != _scaled(wanted)


def _scaled(unit: str) -> bool:
    return any(any(sign.isdigit() for sign in part) for part in _ANNOTATION.findall(unit))


def convert(value: Decimal, unit: str, wanted: str) -> Decimal:
    """``value`` in ``unit`` as a number of ``wanted``; the digits stay when the units are the same.
    Raises ``r4.ucum.UnitError`` when UCUM does not know a unit or cannot convert."""
    source, target = plain(unit), plain(wanted)
    if ("[IU]" in source) != ("[IU]" in target):
        source, target = _U.sub(r"\1[IU]", source), _U.sub(r"\1[IU]", target)
    return value if source == target else ucum.convert(value, source, target)


def same_dimension(unit: str, wanted: str) -> bool:
    """Whether the two units measure the same kind of thing."""
    try:
        convert(Decimal(1), unit, wanted)
    except ucum.UnitError:
        return False
    return True
