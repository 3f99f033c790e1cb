"""Instruments of units: is it said in what (UNI). Syntax is not enough: ``C``, ``F`` and ``K/uL`` are valid UCUM."""

from fidelity import quantities
from fidelity.elements import number, table, value_of
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.reading import surface_caveat
from fidelity.records import measures


def _unit(seen: Sighting) -> quantities.Unit | None:
    found = value_of(dict(seen.element))
    if found is None or found[0] != "valueQuantity" or number(table(found[1]).get("value")) is None:
        return None
    return quantities.unit_of(found[1])


def unit_present(seen: Sighting) -> Outcome:
    """UNI-01: a quantity has a unit."""
    unit = _unit(seen)
    if unit is None or seen.feature.unit is None:
        return SKIP
    return fail("a value has no unit") if unit.given == "missing" else PASS


def unit_coded(seen: Sighting) -> Outcome:
    """UNI-02: the unit is coded in UCUM, not only written."""
    unit = _unit(seen)
    if unit is None or unit.given == "missing" or seen.feature.unit is None:
        return SKIP
    return fail("the unit is written as text, not coded in UCUM") if unit.given == "text" else PASS


def unit_known(seen: Sighting) -> Outcome:
    """UNI-03: what is coded as UCUM is a unit of UCUM."""
    unit = _unit(seen)
    if unit is None or unit.given != "coded" or unit.code is None or seen.feature.unit is None:
        return SKIP
    return PASS if measures.known(unit.code) else fail("a value has a unit that UCUM does not know")


def unit_dimension(seen: Sighting) -> Outcome:
    """UNI-04: the unit measures what the feature measures, scaling to body surface included."""
    unit = _unit(seen)
    if unit is None or unit.code is None or seen.feature.unit is None:
        return SKIP
    if not measures.known(unit.code):  # a unit that nobody knows is unknown, not wrong (UNI-02, UNI-03)
        return SKIP
    if not quantities.same_dimension(unit.code, seen.feature.unit):
        return fail(f"a value has a unit that cannot be converted to {seen.feature.unit}")
    differs = quantities.surface_differs(unit.code, seen.feature.unit)
    return fail(surface_caveat(seen.feature.unit)) if differs else PASS
