"""Reference ranges and interpretations that contradict the value or themselves (PLA-03)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fidelity.checks import BIT
from fidelity.elements import number, rows, table, text

HIGH, LOW, NORMAL = frozenset({"H", "HH", "HU"}), frozenset({"L", "LL", "LU"}), frozenset({"N"})
"""Codes of v3-ObservationInterpretation that speak of a number.
https://terminology.hl7.org/CodeSystem-v3-ObservationInterpretation.html"""
_PLA03 = BIT["PLA-03"]


def judge(resource: Mapping[str, Any], fails: int, passes: int) -> tuple[int, int]:
    """PLA-03: low above high, or a value called high, low or normal on the wrong side of the one range that is given in
    its own unit. Several ranges (by age, by treatment) are not weighed against one another."""
    ranges = [(number(table(row.get("low")).get("value")), number(table(row.get("high")).get("value")))
              for row in rows(resource.get("referenceRange"))]  # fmt: skip
    if any(low is not None and high is not None and low > high for low, high in ranges):
        return fails | _PLA03, passes
    value = number(table(resource.get("valueQuantity")).get("value"))
    called = {
        text(each.get("code"))
        for concept in rows(resource.get("interpretation"))
        for each in rows(concept.get("coding"))
    }
    if value is None or len(ranges) != 1 or not _one_unit(resource) or _not_of_health(resource) or _censored(resource):
        return fails, passes | _PLA03 if ranges else passes
    return (fails | _PLA03, passes) if _contradicts(value, *ranges[0], called) else (fails, passes | _PLA03)


def _contradicts(value: Decimal, low: Decimal | None, high: Decimal | None, called: set[str | None]) -> bool:
    below, above = low is not None and value < low, high is not None and value > high
    if called & HIGH:
        return below or (high is not None and not above)
    if called & LOW:
        return above or (low is not None and not below)
    return bool(called & NORMAL) and (below or above)


def _not_of_health(resource: Mapping[str, Any]) -> bool:
    """Whether the range is not one of the healthy (``normal``, or unsaid): a therapeutic one says nothing of high and low.
    https://hl7.org/fhir/R4/valueset-referencerange-meaning.html"""
    codings = rows(table((rows(resource.get("referenceRange")) or [{}])[0].get("type")).get("coding"))
    return bool(codings) and all(text(each.get("code")) != "normal" for each in codings)


def _censored(resource: Mapping[str, Any]) -> bool:
    """Whether only a bound of the value is known: ``<0.1`` is low beside a range that begins at 0.1."""
    return bool(table(resource.get("valueQuantity")).get("comparator"))


def _one_unit(resource: Mapping[str, Any]) -> bool:
    quantity, row = table(resource.get("valueQuantity")), (rows(resource.get("referenceRange")) or [{}])[0]
    said = {
        text(table(each).get("code")) or text(table(each).get("unit"))
        for each in (quantity, row.get("low"), row.get("high"))
        if each
    }
    return len(said - {None}) <= 1
