"""One resource as facts to count: what a profile keeps of it. Reads any JSON, patiently; nothing is validated.

The bulk lane (``bulk_query``) says the same in SQL; a test holds the two together.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from fidelity import forms
from fidelity.forms import CHOICES, PREFERRED, TIMED, TIMES

ELEMENTS = (
    "identifier", "name", "telecom", "gender", "birthDate", "address", "status", "category", "code", "subject", "encounter",
    "issued", "performer", "interpretation", "referenceRange", "specimen", "component", "hasMember", "dataAbsentReason", "note",
    "clinicalStatus", "verificationStatus", "severity", "abatementDateTime", "recordedDate", "intent", "requester",
    "dosageInstruction", "reasonCode", "medicationCodeableConcept", "medicationReference", "vaccineCode", "patient", "period",
    "class", "type", "content", "result", "criticality", "reaction",
)  # fmt: skip
"""Elements whose presence is counted: US Core 6.1 must-support at the root, over all types.
https://hl7.org/fhir/us/core/STU6.1/"""
CONCEPTS = ("code", "medicationCodeableConcept", "vaccineCode")
"""What a record is about, first one present."""
_BIT = {name: 1 << place for place, name in enumerate(ELEMENTS)}
Empty: dict[str, Any] = {}


class Row(NamedTuple):
    """The pattern of a resource within its stratum. ``value``, ``unit``, ``time`` are forms (``fidelity.forms``)."""

    type: str
    setting: str
    source: str
    category: str
    interpretation: str
    status: str
    system: str
    code: str
    worded: bool
    value: str
    unit: str
    time: str
    subject: bool
    encounter: bool


class Facts(NamedTuple):
    """``patient`` is the reference as written; ``measures`` are ``(system, code, unit, unit form, bin)``; ``mask`` has a bit for
    each of ``ELEMENTS``; ``delay`` is a bin or empty, ``month`` and ``hour`` are text or empty."""

    row: Row
    version: str
    month: str
    hour: str
    delay: str
    mask: int
    patient: str
    measures: tuple[tuple[str, str, str, str, str], ...]


def facts(resource: Mapping[str, Any], settings: Mapping[str, str]) -> Facts:
    """The facts of one resource. ``settings``: the class of each visit by its id."""
    get = resource.get
    system, code, version, worded = _code(_concept(resource))
    type, meta = said(get("resourceType")), _table(get("meta"))
    visit = said(_table(get("encounter")).get("reference"))
    patient = said(_table(get("subject")).get("reference")) or said(_table(get("patient")).get("reference"))
    at = _time(resource)
    issued = said(get("issued")) or said(get("recordedDate"))
    value, unit, measures = _value(resource, type, system, code)
    time = forms.time_form(at) if at else ("missing" if type in TIMED else "")
    lag, behind = _lag(at, issued or said(meta.get("lastUpdated"))), _lag(at, issued)
    if time == "exact" and behind is not None and behind < 0:
        time = "reversed"
    status = said(get("status")) or _first_code(get("verificationStatus"))
    row = Row(
        type, _setting(type, said(get("id")), visit, settings), said(meta.get("source")).partition("#")[0],
        _category(get("category")), _interpretation(get("interpretation")), status, system, code, worded, value, unit, time,
        bool(patient), bool(visit),
    )  # fmt: skip
    dated = time in ("exact", "reversed", "zoneless", "date", "partial")
    return Facts(
        row, version, at[:7] if dated and len(at) > 4 else "", forms.hour(at) if time in ("exact", "reversed") else "",
        "" if lag is None else forms.delay(lag), mask(tuple(resource), resource), patient, measures,
    )  # fmt: skip


def said(value: Any) -> str:
    """A text; what stands in its place as JSON, and nothing as an empty text."""
    if type(value) is str:
        return value
    return "" if value is None else orjson.dumps(value, default=str).decode()


def mask(names: tuple[str, ...], resource: Mapping[str, Any]) -> int:
    """A bit for each of ``ELEMENTS`` that is there."""
    if None in resource.values():
        names = tuple(name for name in names if resource[name] is not None)
    return _mask(names)


@lru_cache(4_096)
def _mask(names: tuple[str, ...]) -> int:
    return sum(_BIT.get(name, 0) for name in set(names))


def _table(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else Empty


def _tables(value: Any) -> list[dict[str, Any]]:
    return [_table(each) for each in value] if type(value) is list else []


def _concept(resource: Mapping[str, Any]) -> Any:
    for name in CONCEPTS:
        if (found := resource.get(name)) is not None:
            return found
    return None


def _code(concept: Any) -> tuple[str, str, str, bool]:
    """System, code, version, and whether there are words."""
    if type(concept) is not dict:
        return "", "", "", False
    codings = _tables(concept.get("coding"))
    worded = bool(concept.get("text"))
    if not codings:
        return "", "", "", worded
    first = codings[0]
    if first.get("system") not in PREFERRED:
        first = next((each for each in codings if each.get("system") in PREFERRED), first)
    return said(first.get("system")), said(first.get("code")), said(first.get("version")), worded


def _first_code(concept: Any) -> str:
    codings = _tables(_table(concept).get("coding"))
    return said(codings[0].get("code")) if codings else ""


def _category(value: Any) -> str:
    """The first code; ``(uncoded)`` where the element is there without one."""
    if value is None:
        return ""
    first = value[0] if type(value) is list and value else value
    return (first if type(first) is str else _first_code(first)) or "(uncoded)"


def _interpretation(value: Any) -> str:
    return _first_code(value[0]) if type(value) is list and value else ""


def _setting(type: str, id: str, visit: str, settings: Mapping[str, str]) -> str:
    """The class of the visit; ``(unknown)`` where its record was not seen, empty where none is named."""
    name = id if type == "Encounter" else forms.encounter_id(visit) if visit else ""
    return settings.get(name, "(unknown)") if name else ""


def _time(resource: Mapping[str, Any]) -> str:
    for name in TIMES:
        if (found := resource.get(name)) is not None:
            return said(found.get("start")) if type(found) is dict else said(found)
    return ""


def _lag(at: str, available: str) -> int | None:
    if not at or not available:
        return None
    start, end = forms.seconds(at), forms.seconds(available)
    return None if start is None or end is None else end - start


_Measures = tuple[tuple[str, str, str, str, str], ...]


def _value(resource: Mapping[str, Any], type: str, system: str, code: str) -> tuple[str, str, _Measures]:
    """The forms of value and unit, and what is measured."""
    if type == "MedicationRequest":
        return _dose(resource.get("dosageInstruction")), "", ()
    if type != "Observation":
        return "", "", ()
    quantity = resource.get("valueQuantity")
    if quantity is not None:
        return _quantity(_table(quantity), system, code)
    if (answer := resource.get("valueCodeableConcept")) is not None:
        first = _first_code(answer)
        return ("null-flavour" if first in forms.NULL_FLAVORS else "coded" if first else "text-answer"), "", ()
    if (text := resource.get("valueString")) is not None:
        return "number-text" if forms.number_text(said(text)) else "comment", "", ()
    for name in CHOICES:
        if resource.get(name) is not None:
            return name, "", ()
    parts = _tables(resource.get("component"))
    if parts:
        return _components(parts)
    if resource.get("hasMember") is not None:
        return "members", "", ()
    return ("reason" if resource.get("dataAbsentReason") is not None else "none"), "", ()


def _quantity(quantity: dict[str, Any], system: str, code: str) -> tuple[str, str, _Measures]:
    number, form = forms.measured(quantity.get("value")), forms.unit_form(quantity)
    if number is None:
        return "quantity-empty", form, ()
    if quantity.get("comparator") is not None:
        return "censored", form, ()
    return "quantity", form, ((system, code, _unit(quantity), form, forms.bin_of(number)),)


def _unit(quantity: dict[str, Any]) -> str:
    return said(quantity.get("code")) or said(quantity.get("unit"))


def _components(parts: list[dict[str, Any]]) -> tuple[str, str, _Measures]:
    found: list[tuple[str, str, str, str, str]] = []
    for part in parts:
        system, code, _, _ = _code(part.get("code"))
        found += _quantity(_table(part.get("valueQuantity")), system, code)[2]
    first = parts[0].get("valueQuantity")
    return "components", "" if first is None else forms.unit_form(_table(first)), tuple(found)


def _dose(value: Any) -> str:
    """``dose`` structured, ``sig`` in words, or ``none``."""
    instructions = _tables(value)
    if not instructions:
        return "none"
    return "dose" if instructions[0].get("doseAndRate") is not None else "sig"
