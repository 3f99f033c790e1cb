"""Careful access to FHIR JSON that nobody has validated: a chart is judged as it came, whatever is in it."""

from decimal import Decimal, InvalidOperation
from typing import Any

from vocabulary.chart import Resource

ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
AI_ASSERTED = "AIAST"


def table(value: Any) -> dict[str, Any]:
    """The object, or an empty one when something else stands in its place."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """The objects of an array; a lone object counts as one, everything else is left out."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """The string, unless empty or something else."""
    return value if isinstance(value, str) and value.strip() else None


def number(value: Any) -> Decimal | None:
    """A finite number with its digits; booleans and strings are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        parsed = Decimal(str(value))
    except (InvalidOperation, ValueError):  # a ValueError is Python's limit on digits of an int
        return None
    return parsed if parsed.is_finite() else None


def kind(resource: Resource) -> str:
    """The resource type, or an empty string."""
    return text(resource.get("resourceType")) or ""


def address(resource: Resource) -> str:
    """``Type/id``; the id is empty when the resource has none."""
    return f"{kind(resource)}/{text(resource.get('id')) or ''}"


def versioned(resource: Resource) -> str:
    """``Type/id/_history/version`` where the version is known, else ``Type/id``."""
    version = text(table(resource.get("meta")).get("versionId"))
    return f"{address(resource)}/_history/{version}" if version else address(resource)


def ai_labelled(resource: Resource) -> bool:
    """Whether an AI asserted the resource (``meta.security`` AIAST): such a resource is never an input, or models
    would come to feed on one another. https://build.fhir.org/ig/HL7/aitransparency-ig/"""
    return any(label.get("code") == AI_ASSERTED for label in rows(table(resource.get("meta")).get("security")))


def first_code(concept: Any) -> str | None:
    """The first code of a CodeableConcept."""
    return next((code for coding in rows(table(concept).get("coding")) if (code := text(coding.get("code")))), None)


def absent_reason(element: dict[str, Any]) -> str | None:
    """Why a value is absent: ``dataAbsentReason``, or its extension on a value or primitive. None when not said."""
    if (reason := element.get("dataAbsentReason")) and (code := first_code(reason) or text(table(reason).get("text"))):
        return code
    for name, value in element.items():
        if "value" in name and name.lstrip("_").startswith("value"):
            for holder in (table(value), table(table(value).get("_value"))):
                for extension in rows(holder.get("extension")):
                    if extension.get("url") == ABSENT_REASON:
                        return text(extension.get("valueCode")) or "unknown"
    return None


def value_of(element: dict[str, Any]) -> tuple[str, Any] | None:
    """The ``value[x]`` of an Observation or component: its name and content. None when there is none."""
    values = ((name, value) for name, value in element.items() if name.startswith("value") and value is not None)
    return next(values, None)
