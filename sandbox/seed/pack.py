"""Edge: makes ``synthea.ndjson.xz`` from the archive of Synthea bundles that the seed comes from.

    python -m sandbox.seed.pack ARCHIVE

What is changed on the way, and nothing else:

- Claim, ExplanationOfBenefit and Provenance are left out: nothing here reads them, and they are half of the archive.
- Organisations, practitioners, their roles and locations that no chart refers to are left out.
- Every reference becomes ``Type/id``: ``urn:uuid:`` ones by the bundle's fullUrl, conditional ones
  (``Organization?identifier=…``) and logical ones (an identifier alone) by the resource that carries the identifier.
  One that resolves to nothing stops the packing.
- ``REPAIRS``, each with its reason. Decimals keep the digits of the source.

The output is one resource a line, compact, ``resourceType`` and ``id`` first, ordered so that a line refers only to
lines above it. The same archive gives the same bytes.
"""

import lzma
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from r4 import codec
from sandbox.seed.load import ORDER, PACK

Resource = dict[str, Any]

SHARED = frozenset({"Organization", "Location", "Practitioner", "PractitionerRole"})


class PackError(Exception):
    """The archive does not hold what the seed is made of; the text says which resource, by type and id."""


REPAIRS: dict[str, tuple[Callable[[Resource], None], ...]] = {}


def _resources(archive: Path) -> Iterator[tuple[str, Resource]]:
    """Every entry of every bundle as (fullUrl, resource), files in the order of their names."""
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            stream = tar.extractfile(member) if member.name.endswith(".json") else None
            if stream is None:
                continue
            for entry in codec.parse(stream.read())["entry"]:
                if entry["resource"]["resourceType"] in ORDER:
                    yield entry["fullUrl"], entry["resource"]


class _Index:
    """Where a reference of the source leads: by fullUrl, and by type and identifier."""

    def __init__(self, entries: list[tuple[str, Resource]]) -> None:
        self._targets: dict[str, str] = {}
        for url, resource in entries:
            name = f"{resource['resourceType']}/{resource['id']}"
            self._targets[url] = name
            for identifier in resource.get("identifier", ()):
                key = f"{resource['resourceType']}?identifier={identifier.get('system')}|{identifier.get('value')}"
                self._targets.setdefault(key, name)

    def resolve(self, reference: Resource, *, types: frozenset[str]) -> str:
        if "reference" in reference:
            target = self._targets.get(reference["reference"])
        else:
            logical = reference["identifier"]
            keys = (f"{type}?identifier={logical['system']}|{logical['value']}" for type in sorted(types))
            target = next((self._targets[key] for key in keys if key in self._targets), None)
        if target is None:
            raise PackError("leads nowhere")
        return target


def _is_reference(value: Resource) -> bool:
    logical = value.keys() <= {"identifier", "display"} and isinstance(value.get("identifier"), dict)
    return logical or isinstance(value.get("reference"), str)


def _rewrite(value: Any, index: _Index) -> Any:
    if isinstance(value, list):
        return [_rewrite(item, index) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_reference(value):
        rest = {name: item for name, item in value.items() if name not in ("reference", "identifier")}
        return {"reference": index.resolve(value, types=SHARED), **rest}
    return {name: _rewrite(item, index) for name, item in value.items()}


def _rewritten(resource: Resource, index: _Index) -> tuple[str, Resource]:
    name = f"{resource['resourceType']}/{resource['id']}"
    try:
        return name, _rewrite(resource, index)
    except PackError as error:
        raise PackError(f"a reference of {name} {error}") from None


def targets(value: Any) -> Iterator[str]:
    """Every reference in a resource, as written."""
    if isinstance(value, list):
        for item in value:
            yield from targets(item)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from targets(item)


def _needed(resources: dict[str, Resource]) -> set[str]:
    """The charts, the roles of the practitioners they name, and all that these refer to."""
    queue = [name for name, resource in resources.items() if resource["resourceType"] not in SHARED]
    needed: set[str] = set()
    roles = {next(targets(resource["practitioner"])): name for name, resource in resources.items()
             if resource["resourceType"] == "PractitionerRole"}  # fmt: skip
    while queue:
        name = queue.pop()
        if name in needed:
            continue
        needed.add(name)
        queue += targets(resources[name])
        if name in roles:
            queue.append(roles[name])
    return needed


def _line(resource: Resource) -> bytes:
    for repair in REPAIRS.get(resource["resourceType"], ()):
        repair(resource)
    head = {"resourceType": resource["resourceType"], "id": resource["id"]}
    return codec.format(head | resource)


def lines(archive: Path) -> list[bytes]:
    """The seed's lines, in order. Raises PackError for a dangling reference, CodecError for unreadable JSON."""
    entries = list(_resources(archive))
    index = _Index(entries)
    resources = dict(_rewritten(resource, index) for _, resource in entries)
    needed = _needed(resources)
    kept = [resource for name, resource in resources.items() if name in needed]
    kept.sort(key=lambda resource: ORDER.index(resource["resourceType"]))
    return [_line(resource) for resource in kept]


def main(archive: Path) -> None:
    """Writes the pack beside this file."""
    data = b"\n".join(lines(archive)) + b"\n"
    PACK.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(data.splitlines())} resources, {len(data)} bytes, packed {PACK.stat().st_size}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
