"""Bulk Data Access 2.0.0 (https://hl7.org/fhir/uv/bulkdata/STU2): what a kick-off asks for, and the manifest. Values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from r4.criteria import check
from r4.interaction import Interaction
from r4.moments import moment_range
from r4.requests import Pairs, refused
from r4.served import SERVED
from r4.shapes import Shape

FORMATS = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
KNOWN = frozenset({"_outputFormat", "_since", "_type", "_typeFilter", "_elements", "patient"})
ASSOCIATED = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device"})
"""Types of no patient that come along when a patient's record refers to them (§ Bulk Data Kick-off, Patient level)."""

PLUS = frozenset({"_since", "_outputFormat"})
"""Parameters with a plus sign and no space, which a query that was not escaped reads as one."""

Level = Literal["system", "patient", "group"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What is asked for. ``types`` None means all that may be read; ``filters`` are searches, any of which a resource of
    the type has to match; ``patients`` narrows to these ids."""

    level: Level
    group: str | None = None
    types: tuple[str, ...] | None = None
    since: str | None = None
    shape: Shape | None = None
    filters: Mapping[str, tuple[Pairs, ...]]
    patients: tuple[str, ...] | None = None


def parse(interaction: Interaction, *, lenient: bool) -> Export:
    """The kick-off as a value. Raises InteractionError 400 for what is not understood; ``lenient`` leaves out what R4
    lets a server leave out (``Prefer: handling=lenient``)."""
    said = _said(interaction)
    if not lenient and {name for name, _ in said} - KNOWN:
        raise refused(400, "not-supported", "has a parameter that this export does not take", "query")
    one = _once(said)
    if one.get("_outputFormat", "ndjson") not in FORMATS:
        raise refused(400, "not-supported", "must be application/fhir+ndjson", "_outputFormat")
    if "_since" in one and moment_range(one["_since"]) is None:
        raise refused(400, "value", "must be an instant", "_since")
    level: Level = "system" if interaction.type is None else "patient" if interaction.type == "Patient" else "group"
    patients = tuple(value.removeprefix("Patient/") for name, value in said if name == "patient") or None
    if patients is not None and level == "system":
        raise refused(400, "not-supported", "goes with an export of patients or of a group", "patient")
    return Export(
        level=level, group=interaction.id, types=_types(said), since=one.get("_since"), shape=_shape(said),
        filters=_filters(said), patients=patients,
    )  # fmt: skip


def _said(interaction: Interaction) -> list[tuple[str, str]]:
    """The parameters, of the address or of the posted Parameters."""
    if interaction.body is None:
        return [(name, value.replace(" ", "+") if name in PLUS else value) for name, value in interaction.query]
    listed = interaction.body.get("parameter", [])
    if interaction.body.get("resourceType") != "Parameters" or interaction.query or not isinstance(listed, list):
        raise refused(400, "structure", "must be Parameters, with nothing in the address", "Parameters")
    return [_parameter(each) for each in listed]


def _parameter(each: Any) -> tuple[str, str]:
    values = [value for name, value in each.items() if name.startswith("value")] if isinstance(each, dict) else []
    value = values[0] if len(values) == 1 else None
    if isinstance(value, dict):
        value = value.get("reference")
    if not isinstance(value, str) or not isinstance(each.get("name"), str):
        raise refused(400, "structure", "must have a name and one value", "Parameters.parameter")
    return each["name"], value


def _once(said: Sequence[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in said if name in ("_outputFormat", "_since")]
    if len(set(names)) < len(names):
        raise refused(400, "value", "may be given once", names[0])
    return dict(said)


def _words(said: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [word.strip() for each, value in said if each == name for word in value.split(",") if word.strip()]


def _types(said: Sequence[tuple[str, str]]) -> tuple[str, ...] | None:
    if all(name != "_type" for name, _ in said):
        return None
    words = tuple(dict.fromkeys(_words(said, "_type")))
    if not words or not set(words) <= SERVED:
        raise refused(400, "value", "must hold types that this server has", "_type")
    return words


def _shape(said: Sequence[tuple[str, str]]) -> Shape | None:
    words = _words(said, "_elements")
    return Shape("", frozenset(words)) if words else None


def _filters(said: Sequence[tuple[str, str]]) -> dict[str, tuple[Pairs, ...]]:
    """``Observation?category=laboratory``: each a search of the type, and understood as any other (§ _typeFilter)."""
    found: dict[str, tuple[Pairs, ...]] = {}
    for part in (each for name, value in said if name == "_typeFilter" for each in _apart(value)):
        type, mark, text = part.partition("?")
        query: Pairs = tuple(parse_qsl(text, keep_blank_values=True))
        if type not in SERVED or not mark or any(name.startswith("_") and name != "_id" for name, _ in query):
            raise refused(400, "value", "must be Type?search, without paging, sorting or includes", "_typeFilter")
        check(Interaction(action="search", type=type, query=query))
        found[type] = (*found.get(type, ()), query)
    return found


def _apart(value: str) -> list[str]:
    """Several filters in one value are separated by commas; a comma within a filter is not followed by ``Type?``."""
    parts: list[str] = []
    for part in value.split(","):
        if parts and part.partition("?")[0] not in SERVED:
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def manifest(
    *, at: str, request: str, output: Sequence[tuple[str, str, int]], deleted: Sequence[tuple[str, str, int]] | None
) -> dict[str, Any]:
    """The answer of a finished export. ``output`` are ``(type, url, count)``, and so are ``deleted``, which only an export
    with ``_since`` has; ``at`` is when it was asked for."""
    body: dict[str, Any] = {"transactionTime": at, "request": request, "requiresAccessToken": True}
    listed = {"output": output, **({"deleted": deleted} if deleted is not None else {}), "error": ()}
    return body | {
        name: [{"type": type, "url": url, "count": count} for type, url, count in rows] for name, rows in listed.items()
    }


def deletion(places: Sequence[str]) -> dict[str, Any]:
    """A line of a file of what was deleted (§ Response - Complete Status, ``deleted``); ``places`` are ``Type/id``."""
    entries = [{"request": {"method": "DELETE", "url": place}} for place in places]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
