"""A resource of which some members have not the form that R4 gives them, without those: they count as missing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fidelity.elements import rows

TEXTS = frozenset({"status", "intent", "id", "gender", "birthDate", "resourceType", "issued", "date", "authoredOn"})
TEXT_ENDS = ("DateTime", "Date", "String", "Instant", "Age", "Range")
LISTS = frozenset(
    {"category", "component", "dosageInstruction", "content", "presentedForm", "interpretation", "referenceRange"}
)
QUANTITIES = frozenset({"valueQuantity", "low", "high"})


def tidied(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with texts where texts belong, objects in lists, numbers in quantities."""
    kept: dict[str, Any] = {}
    for name, value in resource.items():
        if name in LISTS:
            kept[name] = [_element(each) for each in rows(value)] or _texts(value)
        elif name in TEXTS or (name.endswith(TEXT_ENDS) and not isinstance(value, dict)):
            if isinstance(value, str):
                kept[name] = value
        elif name in QUANTITIES:
            kept[name] = _quantity(value)
        elif isinstance(value, dict):
            kept[name] = _element(value)
        elif name == "hasMember" and isinstance(value, list):
            kept[name] = rows(value)
    return kept


def _element(element: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in element.items():
        if name == "coding":
            kept[name] = [_flat(each) for each in rows(value)]
        elif name in QUANTITIES:
            kept[name] = _quantity(value)
        elif isinstance(value, dict):
            kept[name] = _element(value)
        elif isinstance(value, list):
            kept[name] = [_element(each) for each in rows(value)]
        elif isinstance(value, str):
            kept[name] = value
    return kept


def _flat(coding: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in coding.items() if isinstance(value, str)}


def _quantity(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    number = value.get("value")
    good = isinstance(number, int | float | Decimal) and not isinstance(number, bool) and number == number
    return {
        **_flat({name: each for name, each in value.items() if name != "value"}),
        **({"value": number} if good else {}),
    }


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
