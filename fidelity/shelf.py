"""The records of a chart, sorted once: by type, and observations by what they are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fidelity.coding import ICD10CM, covers, system_of
from fidelity.elements import kind, rows, table, text, versioned
from vocabulary.chart import FAILURES, Read, Resource, Search
from vocabulary.manifest import Code

Element = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """``types`` holds every resource by type, each address and version once. ``coded`` holds Observations and their
    components by (system, code). ``reads`` are the searches they came by."""

    reads: Mapping[Search, Read]
    types: Mapping[str, Sequence[Resource]]
    coded: Mapping[tuple[str, str], Sequence[tuple[Resource, Element]]]

    def of(self, name: str) -> Sequence[Resource]:
        """The resources of one type."""
        return self.types.get(name, ())

    def about(self, code: Code) -> Sequence[tuple[Resource, Element]]:
        """Observations and components that carry the code."""
        if code.system == ICD10CM:
            return [
                pair
                for (system, given), pairs in self.coded.items()
                if system == code.system and covers(code, given)
                for pair in pairs
            ]
        return self.coded.get((code.system, code.code), ())


def shelve(reads: Mapping[Search, Read]) -> Shelf:
    """Sorts what the reads brought."""
    types: dict[str, dict[str | int, Resource]] = {}
    for read in reads.values():
        for resource in read.resources:
            key: str | int = versioned(resource) if resource.get("id") else id(resource)
            types.setdefault(kind(resource), {}).setdefault(key, resource)
    coded: dict[tuple[str, str], list[tuple[Resource, Element]]] = {}
    for resource in types.get("Observation", {}).values():
        for element in (resource, *rows(resource.get("component"))):
            for pair in _codes(element):
                coded.setdefault(pair, []).append((resource, element))
    return Shelf(reads=reads, types={name: tuple(found.values()) for name, found in types.items()}, coded=coded)


def _codes(element: Element) -> set[tuple[str, str]]:
    codings = rows(table(element.get("code")).get("coding"))
    pairs = ((system_of(coding), text(coding.get("code"))) for coding in codings)
    return {(system, code) for system, code in pairs if system and code}


def shortfall(shelf: Shelf, name: str) -> str | None:
    """Why a type cannot be said to have been read to its end; None when it was."""
    of_type = [read for search, read in shelf.reads.items() if search.type == name]
    if not of_type:
        return f"{name} was not read"
    for read in of_type:
        if read.failure:
            return f"{name} could not be read ({FAILURES.get(read.failure, read.failure)})"
    return None if all(read.complete for read in of_type) else f"{name} was not read to the end"
