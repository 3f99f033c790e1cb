"""What live feeds do to a value and its unit. The changes are of the form that ``degradations`` defines."""

from collections.abc import Mapping
from decimal import Decimal

from r4 import codec
from sandbox.seed.degradations import Done, Resource

COMMENTS = ("SEE COMMENT", "hemolyzed", "not done", "Specimen clotted, please repeat", "pending")
SPELLINGS: Mapping[str, str] = {
    "mm[Hg]": "mmHg", "/min": "bpm", "Cel": "°C", "kg/m2": "kg/m²", "mg/dL": "mg/dl", "L/min": "lpm", "%": "percent",
    "cm": "Centimeters", "kg": "kgs", "mmol/L": "mmol/l", "g/dL": "g/dl", "10*3/uL": "x10E3/uL", "U/L": "IU/L",
}  # fmt: skip
"""How units are written where nobody coded them."""
MISSPELT: Mapping[str, str] = {
    "mm[Hg]": "mmHg", "Cel": "degC", "/min": "bpm", "kg/m2": "kg/m^2", "10*3/uL": "x10^3/uL", "10*6/uL": "x10^6/uL",
    "mg/dL": "mg/dl/", "%": "pct.",
}  # fmt: skip
"""What stands as UCUM code and is none."""
FOREIGN: Mapping[str, str] = {
    "Cel": "C", "10*3/uL": "K/uL", "10*6/uL": "T/L", "/min": "min", "mm[Hg]": "mm", "mg/dL": "mg", "kg": "kg/m2",
    "g/dL": "g", "mmol/L": "mmol",
}  # fmt: skip
"""Valid UCUM of another dimension: ``C`` is coulomb, ``K/uL`` kelvin and ``T/L`` tesla, each by volume."""
OTHERS: Mapping[str, tuple[str, str, str]] = {
    "Cel": ("[degF]", "1.8", "32"), "kg": ("[lb_av]", "2.2046226", "0"), "cm": ("[in_i]", "0.39370079", "0"),
    "mg/dL": ("g/L", "0.01", "0"), "g/dL": ("g/L", "10", "0"), "mm[Hg]": ("kPa", "0.13332239", "0"),
    "L/min": ("mL/min", "1000", "0"), "10*3/uL": ("10*9/L", "1", "0"),
}  # fmt: skip
"""Other units of the same dimension: code, factor, offset. Factors: UCUM 2.1, https://ucum.org/ucum"""


def number_in_text(resource: Resource, share: float, arrived: float) -> Done | None:
    """``7.2 mg/dL`` as text."""
    quantity = resource.get("valueQuantity")
    if not quantity:
        return None
    unit = quantity.get("unit", "") if share < 0.5 else ""
    return _as_text(resource, f"{quantity['value']} {unit}".strip())


def limit_in_text(resource: Resource, share: float, arrived: float) -> Done | None:
    """``>5`` as text."""
    quantity = resource.get("valueQuantity")
    return _as_text(resource, f"{'>' if share < 0.5 else '<'}{quantity['value']}") if quantity else None


def pressure_in_text(resource: Resource, share: float, arrived: float) -> Done | None:
    """``120/80`` as text, in place of two components."""
    found = [part.get("valueQuantity", {}).get("value") for part in resource.get("component", ())]
    codes = [part["code"]["coding"][0]["code"] for part in resource.get("component", ())]
    values = dict(zip(codes, found, strict=True))
    if not {"8480-6", "8462-4"} <= values.keys():
        return None
    del resource["component"]
    resource["valueString"] = f"{values['8480-6']}/{values['8462-4']}"
    return Done("Observation.component", "two quantities")


def comment_in_value(resource: Resource, share: float, arrived: float) -> Done | None:
    """A remark stands where the value belongs."""
    return _as_text(resource, COMMENTS[int(share * len(COMMENTS))]) if "valueQuantity" in resource else None


def censored(resource: Resource, share: float, arrived: float) -> Done | None:
    """The value is only known to lie beyond a limit."""
    if "valueQuantity" not in resource:
        return None
    resource["valueQuantity"] = {"comparator": ">=" if share < 0.5 else "<", **resource["valueQuantity"]}
    return Done("Observation.valueQuantity.comparator", "none")


def unit_missing(resource: Resource, share: float, arrived: float) -> Done | None:
    """A bare number."""
    found = _measured(resource)
    if found is None:
        return None
    element, quantity = found
    before = quantity["code"]
    for member in ("unit", "system", "code"):
        quantity.pop(member, None)
    return Done(f"{element}.unit", before)


def unit_in_text(resource: Resource, share: float, arrived: float) -> Done | None:
    """The unit is written, not coded."""
    found = _measured(resource)
    if found is None:
        return None
    element, quantity = found
    before = quantity.pop("code")
    del quantity["system"]
    quantity["unit"] = SPELLINGS.get(before, before)
    return Done(f"{element}.code", before)


def unit_misspelt(resource: Resource, share: float, arrived: float) -> Done | None:
    """A code that UCUM does not know, as UCUM."""
    return _recoded(resource, MISSPELT)


def unit_foreign(resource: Resource, share: float, arrived: float) -> Done | None:
    """Valid UCUM of another dimension."""
    return _recoded(resource, FOREIGN)


def unit_other(resource: Resource, share: float, arrived: float) -> Done | None:
    """Another unit, and the value in it: right, and not what was trained on."""
    found = _measured(resource)
    if found is None or found[1]["code"] not in OTHERS:
        return None
    element, quantity = found
    before = quantity["code"]
    quantity["value"] = _converted(quantity["value"], before)
    quantity["unit"] = quantity["code"] = OTHERS[before][0]
    return Done(element, before)


def unit_swapped(resource: Resource, share: float, arrived: float) -> Done | None:
    """The value of another unit, under the unit of before."""
    found = _measured(resource)
    if found is None or OTHERS.get(found[1]["code"], ("", "1", ""))[1] == "1":
        return None
    element, quantity = found
    before, quantity["value"] = str(quantity["value"]), _converted(quantity["value"], quantity["code"])
    return Done(f"{element}.value", before)


def implausible(resource: Resource, share: float, arrived: float) -> Done | None:
    """The decimal point slipped by two places; of nothing becomes 999."""
    found = _measured(resource)
    if found is None:
        return None
    element, quantity = found
    before, slipped = str(quantity["value"]), Decimal(str(quantity["value"])) * 100
    quantity["value"] = codec.Decimal(format(slipped or Decimal(999), "f"))
    return Done(f"{element}.value", before)


def _as_text(resource: Resource, text: str) -> Done:
    quantity = resource.pop("valueQuantity")
    resource["valueString"] = text
    return Done("Observation.valueQuantity", f"{quantity['value']} {quantity.get('unit', '')}".strip())


def _measured(resource: Resource) -> tuple[str, Resource] | None:
    """The quantity coded in UCUM, or the first component's, and where it stands."""
    if resource.get("valueQuantity", {}).get("code"):
        return "Observation.valueQuantity", resource["valueQuantity"]
    for place, part in enumerate(resource.get("component", ())):
        if part.get("valueQuantity", {}).get("code"):
            return f"Observation.component[{place}].valueQuantity", part["valueQuantity"]
    return None


def _recoded(resource: Resource, codes: Mapping[str, str]) -> Done | None:
    found = _measured(resource)
    if found is None or found[1]["code"] not in codes:
        return None
    element, quantity = found
    before = quantity["code"]
    quantity["unit"] = quantity["code"] = codes[before]
    return Done(f"{element}.code", before)


def _converted(value: Decimal | int, unit: str) -> codec.Decimal:
    _, factor, offset = OTHERS[unit]
    exact = Decimal(str(value)) * Decimal(factor) + Decimal(offset)
    return codec.Decimal(format(round(exact, 2), "f"))
