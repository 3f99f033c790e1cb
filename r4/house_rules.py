"""What R4 permits and Chartgate never writes (reference: write-back table 1.6): a table of rules beside those of R4."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from r4 import codec, ucum
from r4.outcome import Issue
from r4.predicates import UCUM, number

LOINC = "http://loinc.org"
UNITS = frozenset(
    [
        "%",
        "1",
        "{score}",
        "/min",
        "mm[Hg]",
        "Cel",
        "[degF]",
        "kg",
        "g",
        "mg",
        "ug",
        "cm",
        "m",
        "mmol/L",
        "umol/L",
        "mg/dL",
        "g/dL",
        "g/L",
        "h",
        "d",
        "a",
        "mo",
        "wk",
        "min",
        "s",
        "L",
        "mL",
        "L/min",
        "mL/min",
        "mL/min/{1.73_m2}",
        "kg/m2",
        "10*3/uL",
        "10*9/L",
        "U/L",
        "[IU]/L",
        "meq/L",
        "ng/mL",
        "pg/mL",
        "ms",
    ]
)
"""Units known without reading UCUM's tables."""

TRAPS = frozenset({"K/uL", "C", "F", "M/uL", "k/uL"})
"""Valid UCUM that is never meant: kelvin, coulomb and farad for a thousand, Celsius and Fahrenheit."""

Rule = Callable[[Mapping[str, Any]], bool]


_PLAIN = frozenset({dict, str, Decimal, codec.Decimal, int, bool, float})
"""Types that ``_kept`` understands; of any other it is asked what they are, which costs more."""


def check(resource: Mapping[str, Any]) -> list[Issue]:
    """Every house rule that the resource breaks, with its element. It has to be valid R4."""
    vital = list(_vital(resource)) if resource.get("resourceType") == "Observation" else []
    if _kept(resource):
        return vital
    return [*_walk(resource, str(resource.get("resourceType"))), *vital]


def _kept(resource: Mapping[str, Any]) -> bool:
    """Whether every rule certainly holds: the same walk without its words."""
    for member, value in resource.items():
        kind = type(value)
        if kind is str:
            continue
        if kind is dict:
            if not _element_kept(value, member):
                return False
        elif kind is list:
            for item in value:
                if type(item) is dict and not _element_kept(item, member):
                    return False
                if type(item) not in _PLAIN and isinstance(item, Mapping | list):
                    return False
        elif kind not in _PLAIN and isinstance(value, Mapping):
            return False
    return True


def _element_kept(value: Mapping[str, Any], member: str) -> bool:
    for holds in _OF_MEMBER.get(member, ()):
        if not holds(value):
            return False
    return _kept(value)


def _walk(value: Any, path: str, member: str = "") -> Iterator[Issue]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", member)
    elif isinstance(value, dict):
        for rule, text, wanted, holds in RULES:
            if member in wanted and not holds(value):
                yield Issue("business-rule", text, path, rule)
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}", name)


def _whole_identifier(value: Mapping[str, Any]) -> bool:
    system, said = value.get("system"), value.get("value")
    return isinstance(system, str) and isinstance(said, str) and bool(system.strip() and said.strip())


def _known_unit(value: Mapping[str, Any]) -> bool:
    code = value.get("code")
    if value.get("system") != UCUM or code in UNITS:
        return True
    return isinstance(code, str) and code not in TRAPS and ucum.known(code)


def _not_negative(value: Mapping[str, Any]) -> bool:
    chance = number(value.get("probabilityDecimal"))
    return chance is None or chance >= 0


def _absolute(value: Mapping[str, Any]) -> bool:
    return str(value.get("url", "")).startswith(("http://", "https://", "urn:"))


QUANTITIES = frozenset({"valueQuantity", "low", "high", "numerator", "denominator"})
RULES: tuple[tuple[str, str, frozenset[str], Rule], ...] = (
    ("house-identifier", "must have system and value", frozenset({"identifier"}), _whole_identifier),
    ("house-unit", "must have a unit that charts are written in", QUANTITIES, _known_unit),
    ("house-probability", "must not be negative", frozenset({"prediction"}), _not_negative),
    ("house-extension", "must have an absolute url", frozenset({"extension", "modifierExtension"}), _absolute),
)
"""Rule, what it asks for, the members it looks at, and the predicate. Source: fhir-writeback table 1.6, rows 2, 4 and 6;
R4 §2.4 extensibility for the address of an extension."""

_OF_MEMBER: Mapping[str, tuple[Rule, ...]] = {
    member: tuple(holds for _, _, wanted, holds in RULES if member in wanted)
    for _, _, members, _ in RULES
    for member in members
}


_LENGTH, _PRESSURE, _RATE, _SHARE = (
    frozenset({"cm", "[in_i]"}),
    frozenset({"mm[Hg]"}),
    frozenset({"/min"}),
    frozenset({"%"}),
)
VITALS: Mapping[str, frozenset[str]] = {
    "9279-1": _RATE, "8867-4": _RATE, "2708-6": _SHARE, "59408-5": _SHARE, "8310-5": frozenset({"Cel", "[degF]"}),
    "8302-2": _LENGTH, "9843-4": _LENGTH, "29463-7": frozenset({"g", "kg", "[lb_av]"}), "39156-5": frozenset({"kg/m2"}),
    "8480-6": _PRESSURE, "8462-4": _PRESSURE,
}  # fmt: skip
"""The LOINC codes by which R4's vital-signs profile binds, and the UCUM units of each: what a site maps to one is read as the
measurement, and a score of 7 under 8867-4 as a pulse of 7. Source: R4 observation-vitalsigns.html; US Core for 59408-5."""


def _vital(resource: Mapping[str, Any]) -> Iterator[Issue]:
    """What is called a vital sign is a measurement of one: a quantity in its unit, of its category."""
    parts = resource.get("component", ())
    holders = [("Observation", resource), *((f"Observation.component[{at}]", each) for at, each in enumerate(parts))]
    for path, holder in holders:
        units = next((VITALS[code] for code in _loinc(holder.get("code")) if code in VITALS), None)
        if units is None:
            continue
        if _unit_of(holder) not in (*units, None):
            yield Issue("business-rule", "must be a measurement in the unit of its code", path, "house-vital-signs")
        if "vital-signs" not in _codes(resource.get("category", ())):
            yield Issue("business-rule", "must be of category vital-signs", "Observation.category", "house-vital-signs")


def _unit_of(holder: Mapping[str, Any]) -> str | None:
    """The unit of the value; None where there is no value, and an empty text for a value of another kind."""
    if not any(name.startswith("value") for name in holder):
        return None
    quantity = holder.get("valueQuantity", {})
    return str(quantity.get("code", "")) if quantity.get("system") == UCUM else ""


def _loinc(concept: Any) -> list[str]:
    codings = concept.get("coding", ()) if isinstance(concept, Mapping) else ()
    return [str(each.get("code")) for each in codings if each.get("system") == LOINC]


def _codes(concepts: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(coding.get("code")) for concept in concepts for coding in concept.get("coding", ())}
