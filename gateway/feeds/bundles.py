"""One patient's chart out of a file: a FHIR Bundle of any kind, NDJSON, or a single resource.

In a transaction Bundle resources name one another by ``urn:uuid`` (https://hl7.org/fhir/R4/bundle.html#references);
these become ``Type/id``, with the id that the resource has or else the UUID.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fidelity import chart as charts
from r4 import codec
from vocabulary.chart import Read, Resource, Search
from vocabulary.manifest import Feature


class BundleError(ValueError):
    """The file is not one patient's chart; the text says why and repeats nothing of it."""


def read_bundle(data: bytes | Mapping[str, Any] | Sequence[Any]) -> list[Resource]:
    """The resources of a Bundle, of NDJSON, or of an already parsed Bundle or list of resources, references resolved.
    Raises BundleError."""
    if isinstance(data, bytes):
        documents = _parse(data)
    elif isinstance(data, Mapping):
        documents = [dict(data)]
    else:
        documents = list(data)
    entries: list[tuple[str | None, Resource]] = []
    for document in documents:
        entries += _entries(document)
    names = {url: name for url, resource in entries if (url and (name := _named(url, resource)))}
    return [_resolved(resource, names) for _, resource in entries]


def _parse(data: bytes) -> list[Any]:
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise BundleError("the file is empty")
    try:
        return [codec.parse(text)]
    except codec.CodecError as wrong:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise BundleError(f"the file is not FHIR JSON: {wrong}") from wrong
    resources = []
    for number, line in enumerate(lines, start=1):
        try:
            resources.append(codec.parse(line))
        except codec.CodecError as wrong:
            raise BundleError(f"line {number} is not FHIR JSON: {wrong}") from wrong
    return resources


def _entries(document: Any) -> list[tuple[str | None, Resource]]:
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        raise BundleError("the file holds something that is no FHIR resource")
    if document["resourceType"] != "Bundle":
        return [(None, document)]
    found = []
    entries = document.get("entry", [])
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") == "OperationOutcome":
            continue
        url = entry.get("fullUrl")
        found.append((url if isinstance(url, str) else None, resource))
    return found


def _named(url: str, resource: Resource) -> str | None:
    """Where a fullUrl leads, giving a resource without id the UUID of its fullUrl."""
    if not isinstance(resource.get("id"), str):
        if not url.startswith(("urn:uuid:", "urn:oid:")):
            return None
        resource["id"] = url.rpartition(":")[2]
    return f"{resource.get('resourceType')}/{resource['id']}"


def _resolved(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: names.get(item, item) if key == "reference" and isinstance(item, str) else _resolved(item, names)
            for key, item in value.items()
        }
    return [_resolved(item, names) for item in value] if isinstance(value, list) else value


def patient_of(resources: Sequence[Resource]) -> Resource:
    """The one Patient of the chart. Raises BundleError when there is none, or more than one."""
    patients = {str(item.get("id")): item for item in resources if item.get("resourceType") == "Patient"}
    if len(patients) != 1:
        raise BundleError("the file holds no Patient" if not patients else "the file holds more than one Patient")
    return next(iter(patients.values()))


def reads_of(resources: Sequence[Resource], features: Sequence[Feature]) -> dict[Search, Read]:
    """What an EHR holding these resources would answer to the plan of the features, read to the end."""
    by_type: dict[str, list[Resource]] = {}
    for resource in resources:
        by_type.setdefault(str(resource.get("resourceType")), []).append(resource)
    planned = charts.plan(features)
    reads = {search: Read(resources=tuple(by_type.get(search.type, ()))) for search in planned}
    if any(search.type.startswith("Medication") for search in planned):
        reads[Search(type="Medication")] = Read(resources=tuple(by_type.get("Medication", ())))
    return reads
