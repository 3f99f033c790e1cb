"""One record into a value of the model's unit, or the reason why not.

A reason may *block*: the record does hold a result, only not one that can be trusted (a unit that does not convert, a
value beyond the hard limits, a censored one). An older record must not then pass for the latest. A record without a
result (absent, a comment, an answer that says "unknown") is passed over for the next one, with a caveat.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

from fidelity import coding, quantities
from fidelity.elements import absent_reason, number, table, text, value_of, versioned
from fidelity.matching import Record
from fidelity.texts import holds
from r4 import ucum
from vocabulary.chart import FeatureValue
from vocabulary.manifest import Feature

CONVERTED = "the value was converted to "
"""How the caveat begins that says so; the unit follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """Why a record gives no value, in words without the value; ``blocks``: nothing older may stand in for it."""

    reason: str
    blocks: bool


def read(record: Record, feature: Feature, *, as_of: float) -> FeatureValue | Unusable:
    """The record's value in ``feature.unit``, checked against its hard limits."""
    found = value_of(record.element)
    if absent_reason(record.element) or found is None:
        return Unusable(reason="the record says that the value is absent", blocks=False)
    if sum(name.startswith("value") for name in record.element) > 1:
        return Unusable(reason="the record has more than one value", blocks=True)
    value = _content(*found, feature)
    if isinstance(value, Unusable):
        return value
    if isinstance(value, tuple):
        return _measured(record, feature, as_of, value)
    return _finish(record, feature, as_of, value=value, caveats=())


_Measured = tuple[Decimal, str | None, tuple[str, ...]]


def _content(name: str, content: Any, feature: Feature) -> _Measured | str | bool | Unusable:
    if name == "valueQuantity":
        return _quantity(content, feature)
    if name == "valueInteger":
        return _bare(number(content), feature)
    if name == "valueBoolean" and isinstance(content, bool):
        return content if feature.unit is None else Unusable(reason="the value is no measurement", blocks=True)
    if name == "valueCodeableConcept":
        return _answer(content, feature)
    if name == "valueString":
        return _string(content)
    return Unusable(reason="the value has a form that is not read", blocks=True)


def _quantity(content: Any, feature: Feature) -> _Measured | Unusable:
    value = number(table(content).get("value"))
    if value is None:
        return Unusable(reason="the record has a quantity without a number", blocks=False)
    if table(content).get("comparator") is not None:
        return Unusable(reason="the value is only known to lie beyond a limit (comparator)", blocks=True)
    unit = quantities.unit_of(content)
    if feature.unit is None:
        return value, unit.code, ()
    if feature.answers:
        return Unusable(reason="a number stands where a coded answer belongs", blocks=True)
    return _converted(value, unit, feature.unit)


def _converted(value: Decimal, unit: quantities.Unit, wanted: str) -> _Measured | Unusable:
    caveats = []
    if unit.code is None:
        if quantities.plain(wanted) != "1":
            return Unusable(reason="the unit is missing", blocks=True)
        return value, wanted, ("the unit is missing, so the number was taken as it stands",)
    if unit.given == "text":
        caveats.append("the unit is written as text, not coded in UCUM")
    try:
        converted = quantities.convert(value, unit.code, wanted)
    except ucum.UnitError:
        return Unusable(reason=f"the unit cannot be converted to {wanted}", blocks=True)
    if quantities.plain(unit.code) != quantities.plain(wanted):
        caveats.append(f"{CONVERTED}{wanted}")
    if quantities.surface_differs(unit.code, wanted):
        caveats.append(surface_caveat(wanted))
    return converted, wanted, tuple(caveats)


def surface_caveat(wanted: str) -> str:
    """The words for a value whose unit lacks, or has in excess, the scaling to a body surface."""
    return f"the unit differs from {wanted} in its scaling to body surface, and the number was taken as it stands"


def _bare(value: Decimal | None, feature: Feature) -> _Measured | Unusable:
    if value is None:
        return Unusable(reason="the value has a form that is not read", blocks=True)
    if feature.unit is not None and quantities.plain(feature.unit) != "1":
        return Unusable(reason="the unit is missing", blocks=True)
    return value, feature.unit, ()


def _answer(content: Any, feature: Feature) -> str | bool | Unusable:
    place = coding.rank(content, feature.answers)
    if place is not None:
        answer = feature.answers[place]
        return answer.value if answer.value is not None else answer.code
    if feature.answers:
        return Unusable(reason="the coded answer is not one that the model knows", blocks=False)
    codes = [code for item in table(content).get("coding") or () if (code := text(table(item).get("code")))]
    if feature.unit is None and codes:
        return codes[0]
    return Unusable(reason="a coded answer or text stands where a number belongs", blocks=True)


def _string(content: Any) -> Unusable:
    """Text is never a value; one that holds a number hides a result, one that does not is a comment."""
    if holds_number(content):
        return Unusable(reason="a number is hidden in text and is not read", blocks=True)
    return Unusable(reason="a comment stands where the value belongs", blocks=False)


def holds_number(content: Any) -> bool:
    """Whether a text is a number with at most a unit beside it (``7.2 mg/dL``, ``<5``), or two with a stroke (``120/80``)."""
    return isinstance(content, str) and holds(content) in ("number", "pressure")


def _measured(record: Record, feature: Feature, as_of: float, measured: _Measured) -> FeatureValue | Unusable:
    value, unit, caveats = measured
    if feature.limits is not None and not feature.limits[0] <= value <= feature.limits[1]:
        return Unusable(reason="the value lies outside the hard plausibility limits", blocks=True)
    if not isfinite(as_number := float(value)):
        return Unusable(reason="the value lies outside the hard plausibility limits", blocks=True)
    return _finish(record, feature, as_of, value=as_number, unit=unit, caveats=caveats)


def _finish(
    record: Record, feature: Feature, as_of: float, *, value: float | bool | str, caveats: tuple[str, ...],
    unit: str | None = None,
) -> FeatureValue:  # fmt: skip
    extra = list(caveats)
    if record.code.caveat:
        extra.append(record.code.caveat)
    if not record.final:
        extra.append("only a preliminary result was found")
    if record.when is None or not any(name.startswith("effective") for name in record.resource):
        extra.append("the record does not say when it was true")
    elif not record.when.zoned:
        extra.append("the time has no zone")
    return FeatureValue(
        value=value,
        unit=unit,
        sources=(versioned(record.resource),),
        at=None if record.at is None else min(record.at, as_of),
        caveats=tuple(extra),
    )
