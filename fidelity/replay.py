"""What a feed does to records that is no pattern: the unit it reports a measure in, the edition its codes are of, and how long a
result takes until it is there."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fidelity import forms
from fidelity.coding import ICD10CM, LOINC, SNOMED
from fidelity.elements import number, rows, table
from fidelity.quantities import UCUM
from fidelity.reshaping import Done, Resource
from fidelity.shape import Shape, choose, share
from r4 import codec, ucum
from vocabulary.instant import format_instant

EDITIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    # Deleted 1 October 2021, subdivided: CMS, ICD-10-CM addenda of fiscal year 2022
    (ICD10CM, "M54.50"): (ICD10CM, "M54.5"),
    # New 1 October 2024 in place of E66.8: CMS, ICD-10-CM addenda of fiscal year 2025
    (ICD10CM, "E66.89"): (ICD10CM, "E66.8"),
    # LOINC status DISCOURAGED since it holds two numbers in one observation: https://loinc.org/55284-4
    (LOINC, "85354-9"): (LOINC, "55284-4"),
    # SNOMED CT findings for which a feed that codes in ICD-10-CM sends a code of an earlier edition
    (SNOMED, "278860009"): (ICD10CM, "M54.5"),
    (SNOMED, "162864005"): (ICD10CM, "E66.8"),
}
"""By a code in force, the code that stood for the same in an earlier edition and that a feed may still send."""


def edition(resource: Resource, shape: Shape, draw: int, name: str) -> Iterator[Done]:
    """An earlier edition's code, as often as the feed still sends it."""
    for member in ("code", "medicationCodeableConcept"):
        for coding in rows(table(resource.get(member)).get("coding")):
            here = (str(coding.get("system")), str(coding.get("code")))
            earlier = EDITIONS.get(here)
            old, new = (shape.codes[each].n if each in shape.codes else 0 for each in (earlier or here, here))
            if earlier is None or not old or share(draw, name, "edition") >= old / (old + new):
                continue
            coding.update(system=earlier[0], code=earlier[1])
            yield Done("retired-code", "VER-02", f"{resource['resourceType']}.{member}.coding", "|".join(here))
            return


def units(resource: Resource, shape: Shape, draw: int, name: str) -> Iterator[Done]:
    """Each measure in a unit of the feed's, as often as the feed uses it: converted where it can be, else only named so, as the
    feed does it."""
    for element in (resource, *rows(resource.get("component"))):
        quantity = table(element.get("valueQuantity"))
        unit, value = quantity.get("code"), number(quantity.get("value"))
        if not isinstance(unit, str) or value is None or quantity.get("system") != UCUM:
            continue
        use = next((shape.codes[code] for code in _codes(element) if code in shape.codes), None)
        coded = {
            each: count
            for (each, form), count in (use.units.items() if use else ())
            if form == "coded" and each[:1] != "("
        }
        other = choose(coded, share(draw, name, f"unit {'|'.join(map(str, _codes(element)))}"))
        if other in (None, unit):
            continue
        quantity["value"] = _converted(value, unit, other)
        quantity["unit"] = quantity["code"] = other
        yield Done("unit-other", "UNI-05", "Observation.valueQuantity", unit)


def _codes(element: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(each.get("system")), str(each.get("code"))) for each in rows(table(element.get("code")).get("coding"))]


def _converted(value: Decimal, unit: str, other: str) -> codec.Decimal:
    """The value in the other unit to four digits; as it is where the two cannot be converted."""
    try:
        made = ucum.convert(value, unit, other)
    except ucum.UnitError:
        made = value
    return codec.Decimal(f"{Decimal(f'{made:.4g}'):f}")


def availability(resource: Resource, shape: Shape, draw: int, name: str) -> Iterator[Done]:
    """When the record was there to be read: ``meta.lastUpdated``, and ``issued`` where there is one, as late as in the feed."""
    at = next((resource[each] for each in forms.TIMES if isinstance(resource.get(each), str)), "")
    seen = forms.seconds(at)
    delays = {
        bin: count for bin, count in shape.delays.get(resource["resourceType"], {}).items() if bin != forms.DELAYS[0]
    }
    bin = choose(delays, share(draw, name, "delay"))
    if seen is None or bin is None:
        return
    here = forms.seconds(str(resource.get("issued") or resource.get("recordedDate") or ""))
    if here is not None and (here < seen or forms.delay(here - seen) == bin):
        return
    lag = _within(bin, share(draw, name, "delay within"))
    when = format_instant(float(seen + lag))
    before = str(resource.get("issued", ""))
    if "issued" in resource:
        resource["issued"] = when
    resource["meta"] = {**table(resource.get("meta")), "lastUpdated": when}
    if lag > 86_400:
        yield Done("late-arrival", "TIM-09", f"{resource['resourceType']}.meta.lastUpdated", before)


def _within(bin: str, at: float) -> int:
    """Seconds within a bin, evenly."""
    place = forms.DELAYS.index(bin)
    low = max(0, forms.EDGES[place - 1] + 1)
    high = forms.EDGES[place] if place < len(forms.EDGES) else 2 * forms.EDGES[-1]
    return low + int(at * (high - low))


def available(resource: Resource) -> float | None:
    """When the record was there to be read, Unix seconds, where it says so exactly."""
    for said in (table(resource.get("meta")).get("lastUpdated"), resource.get("issued"), resource.get("recordedDate")):
        if isinstance(said, str) and (seen := forms.seconds(said)) is not None:
            return float(seen)
    return None
