"""Instruments of plausibility: can it be (PLA). Hard limits are the manifest's, signed there by a clinician."""

from fidelity import quantities
from fidelity.elements import number, table, value_of
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from r4 import ucum


def hard_limit(seen: Sighting) -> Outcome:
    """PLA-01: the value lies within the feature's hard limits, in the feature's unit."""
    found = value_of(dict(seen.element))
    value = number(table(found[1]).get("value")) if found and found[0] == "valueQuantity" else None
    if value is None or found is None or seen.feature.limits is None:
        return SKIP
    unit = quantities.unit_of(found[1]).code
    if seen.feature.unit is not None:
        if unit is None:
            return SKIP
        try:
            value = quantities.convert(value, unit, seen.feature.unit)
        except ucum.UnitError:
            return SKIP
    low, high = seen.feature.limits
    return PASS if low <= value <= high else fail("a value lies outside the hard plausibility limits")
