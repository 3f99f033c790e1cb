"""``fhirContext``: what else is open beside patient and encounter (SMART App Launch 2.2 scopes §fhir-context)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from r4.generated.types import RESOURCES

NAMES = ("reference", "canonical", "identifier")
"""At least one of these says which resource is meant."""
MEMBERS: Mapping[str, type] = {"reference": str, "canonical": str, "identifier": dict, "type": str, "role": str}
LAUNCH = "launch"
"""The role that an object has when it says none."""
OWN_PARAMETER = frozenset({"Patient", "Encounter"})
"""These have parameters of their own, and stand here only in another role."""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_TYPED = re.compile(r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?")


def fault(entries: Any) -> tuple[str, str] | None:
    """The first member that breaks a rule and what it must be, or None. Nothing of the value is repeated."""
    if not isinstance(entries, list):
        return "fhirContext", "must be a list of objects"
    for place, entry in enumerate(entries):
        if (wrong := _fault(entry)) is not None:
            member, text = wrong
            return f"fhirContext[{place}]{'.' if member else ''}{member}", text
    return None


def _fault(entry: Any) -> tuple[str, str] | None:
    if not isinstance(entry, dict) or not set(entry) <= set(MEMBERS):
        return "", f"must be an object with no members but {', '.join(MEMBERS)}"
    for member, value in entry.items():
        if not isinstance(value, MEMBERS[member]) or not value:
            return member, "must be a non-empty object" if member == "identifier" else "must be a non-empty string"
    if not set(entry) & set(NAMES):
        return "", f"must have one of {', '.join(NAMES)}"
    if "reference" in entry and _TYPED.fullmatch(entry["reference"]) is None:
        return "reference", "must be Type/id"
    if "canonical" in entry and _ABSOLUTE.fullmatch(entry["canonical"]) is None:
        return "canonical", "must be an absolute URI"
    if "type" in entry and entry["type"] not in RESOURCES:
        return "type", "must be an R4 resource type"
    role = entry.get("role", LAUNCH)
    if role != LAUNCH and _ABSOLUTE.fullmatch(role) is None:
        return "role", "must be an absolute URI, or launch"
    if role == LAUNCH and type_of(entry) in OWN_PARAMETER:
        return "role", "must be another one than launch for a Patient or an Encounter"
    return None


def type_of(entry: Mapping[str, Any]) -> str | None:
    """The type of the resource that is meant, where it is said."""
    said = _TYPED.fullmatch(str(entry.get("reference", "")))
    return str(entry["type"]) if "type" in entry else said["type"] if said else None


def answers(entries: Iterable[Mapping[str, Any]], word: str) -> bool:
    """Whether the context holds what the scope ``launch/<lowercase type>[?role=…]`` asks for."""
    type, _, role = word.removeprefix("launch/").partition("?role=")
    return any(
        (type_of(entry) or "").lower() == type and entry.get("role", LAUNCH) == (role or LAUNCH) for entry in entries
    )
