"""A medication resource as an order: ingredients, strengths, route and frequency, from its name and its instructions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from monitoring.grounding.facts import Order, Resource, days, evidence, listed, names, period, quantity, table
from monitoring.grounding.lexicon import Terms, known
from monitoring.grounding.tokens import words
from monitoring.grounding.units import ucum_of
from monitoring.grounding.values import reference_of

DRUG, ROUTE, FREQUENCY = (frozenset({kind}) for kind in ("drug", "route", "frequency"))
STRENGTH = re.compile(
    r"(?<![/\d.])(\d+(?:\.\d+)?)\s*(MCG|MG|G|UNT|MEQ|ML|%)(?:/(?:ML|HR|ACTUAT))?(?![A-Za-z])", re.IGNORECASE
)
FORMS: Mapping[str, tuple[str, ...]] = {
    # RxNorm dose forms and the routes that they are given by (RxNorm technical documentation, appendix on dose forms).
    "oral": ("oral",), "tablet": ("oral",), "capsule": ("oral",), "topical": ("topical",), "cream": ("topical",),
    "ointment": ("topical",), "injection": ("iv", "im", "sc"), "injectable": ("iv", "im", "sc"),
    "injector": ("im", "sc"), "inhaler": ("inhaled",), "inhalation": ("inhaled",), "inhalant": ("inhaled",),
    "transdermal": ("transdermal",), "sublingual": ("sublingual",), "rectal": ("rectal",), "nasal": ("nasal",),
    "ophthalmic": ("ophthalmic",), "otic": ("otic",), "vaginal": ("vaginal",),
}  # fmt: skip
DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0}
"""Units of time (FHIR, units-of-time) in days."""
NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "six": 6, "eight": 8, "twelve": 12}
HOURS = re.compile(r"every (\w+)(?: to (\w+))? hours?", re.IGNORECASE)
ACTIVE = {"active": True, "on-hold": False, "stopped": False, "completed": False, "cancelled": False, "ended": False}
STOPPED = frozenset(("stopped", "completed", "cancelled", "on-hold", "not-taken"))


def order_of(resource: Resource, named: Resource | None, terms: Terms) -> Order:
    """The order of a MedicationRequest, MedicationStatement, Administration or Dispense; ``named`` is the Medication it
    refers to, where that is known."""
    called = list(drug_names(resource, named))
    dosages = [*listed(resource.get("dosageInstruction")), *_dosage(resource.get("dosage"))]
    strengths = {found for name in called for found in _strengths(name)}
    status = str(resource.get("status"))
    return Order(
        ingredients=frozenset(ingredients(called, terms)),
        active=ACTIVE.get(status), stopped=status in STOPPED, days=_days(resource),
        doses=frozenset(strengths | set(_amounts(dosages, strengths))),
        routes=frozenset(_routes(called, dosages, terms)),
        frequencies=frozenset(found for each in dosages for found in _frequencies(each, terms)),
        prn=any(_as_needed(each) for each in dosages),
        evidence=evidence(resource, "medication"),
    )  # fmt: skip


def drug_names(resource: Resource, named: Resource | None) -> Iterator[str]:
    """What the resource and its Medication call the drug."""
    yield from names(resource.get("medicationCodeableConcept"))
    display = table(resource.get("medicationReference")).get("display")
    if isinstance(display, str) and display:
        yield display[:200]
    yield from names(table(named).get("code"))


def ingredients(called: list[str], terms: Terms) -> set[str]:
    """The ingredients that names hold; where none is known, each name is one of its own."""
    found: set[str] = set()
    for name in called:
        for key in known(terms, words(name), DRUG):
            found.update(key.split("+"))
    return found or {" ".join(words(name)) for name in called}


def _dosage(value: Any) -> list[Mapping[str, Any]]:
    return listed(value) or ([value] if isinstance(value, dict) else [])


def _days(resource: Resource) -> tuple[str, ...]:
    timed = ("authoredOn", "effectiveDateTime", "dateAsserted", "whenHandedOver", "whenPrepared")
    starts = [resource.get(name) for name in timed]
    return days(*starts, *period(resource.get("effectivePeriod")))


def _strengths(name: str) -> Iterator[tuple[float, str]]:
    for amount, unit in STRENGTH.findall(name):
        yield float(amount), "[iU]" if unit.upper() == "UNT" else ucum_of(unit) or unit


def _amounts(dosages: list[Mapping[str, Any]], strengths: set[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Doses: with a unit as they are, and so many tablets as so many times each strength."""
    for dosage in dosages:
        for each in (*listed(dosage.get("doseAndRate")), dosage):
            for said in (each.get("doseQuantity"), each.get("dose")):
                dose = quantity(said)
                if dose is not None and (unit := ucum_of(dose[1])):
                    yield dose[0], unit
                elif dose is not None:
                    yield from ((dose[0] * amount, unit) for amount, unit in strengths)


def _routes(called: list[str], dosages: list[Mapping[str, Any]], terms: Terms) -> Iterator[str]:
    said = [name for dosage in dosages for name in names(dosage.get("route"))]
    found = {key for name in said for key in known(terms, words(name), ROUTE)}
    yield from found or {route for name in called for word in words(name) for route in FORMS.get(word, ())}


def _frequencies(dosage: Mapping[str, Any], terms: Terms) -> Iterator[float]:
    repeat = table(table(dosage.get("timing")).get("repeat"))
    try:
        often, each, unit = float(repeat["frequency"]), float(repeat["period"]), DAYS[str(repeat["periodUnit"])]
        yield often / (each * unit)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        pass
    text = dosage.get("text")
    for name in (*names(table(dosage.get("timing")).get("code")), text if isinstance(text, str) else ""):
        for found in HOURS.findall(name):
            yield from (24 / NUMERALS[word] for word in found if word in NUMERALS)
            yield from (24 / int(word) for word in found if word.isdigit() and int(word))
        yield from (float(key) for key in known(terms, words(name), FREQUENCY) if key != "prn")


def _as_needed(dosage: Mapping[str, Any]) -> bool:
    text = dosage.get("text")
    return dosage.get("asNeededBoolean") is True or (isinstance(text, str) and "as needed" in text.lower())


def medications(resources: tuple[Resource, ...]) -> dict[str, Resource]:
    """Medication resources by reference."""
    return {reference_of(each): each for each in resources if each.get("resourceType") == "Medication"}


def named_by(resource: Resource, all: Mapping[str, Resource]) -> Resource | None:
    """The Medication that a resource refers to, contained or among ``all``."""
    reference = table(resource.get("medicationReference")).get("reference")
    if not isinstance(reference, str):
        return None
    if reference.startswith("#"):
        return next((each for each in listed(resource.get("contained")) if each.get("id") == reference[1:]), None)
    return all.get("/".join(reference.partition("/_history/")[0].split("/")[-2:]))
