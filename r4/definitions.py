"""The generated tables, read on first use and kept: elements, codes, search parameters, patient compartment."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from r4 import us_core
from r4.generated.types import RESOURCES

HERE = Path(__file__).parent / "generated"


class Row(NamedTuple):
    """One element of a type. ``high`` -1 is unbounded; ``type`` is a datatype or the path of a backbone element;
    ``codes`` names the list of a required binding; ``choice`` the ``x`` of ``x[…]``."""

    low: int
    high: int
    type: str
    targets: tuple[str, ...]
    codes: str | None
    choice: str | None


class Parameter(NamedTuple):
    """A search parameter: ``kind`` (token, date …), ``paths`` as ``(element path, filter)``, reference ``targets``; a
    composite has ``components``, the parameters whose values have to stand together; ``definition`` is the address of one
    that a guide defines, and not R4."""

    kind: str
    paths: tuple[tuple[str, str], ...]
    targets: tuple[str, ...]
    components: tuple[str, ...] = ()
    definition: str = ""


class Outline(NamedTuple):
    """The members of a resource that a summary has, those that change the meaning of others, and those it must have."""

    summary: frozenset[str]
    modifier: frozenset[str]
    mandatory: frozenset[str]


def resource_types() -> frozenset[str]:
    """Every concrete resource type of R4."""
    return RESOURCES


@cache
def _file(name: str) -> dict[str, Any]:
    table: dict[str, Any] = orjson.loads((HERE / name).read_bytes())  # a generated table, not FHIR
    del table[""]
    return table


@cache
def elements(type: str) -> Mapping[str, Row]:
    """The elements of a resource type, a datatype or a backbone element by its path."""
    return {
        name: Row(low, high, kind, tuple(targets), codes, choice)
        for name, (low, high, kind, targets, codes, choice) in _file("elements.json")[type].items()
    }


@cache
def codes(name: str) -> frozenset[str]:
    """The codes of a required value set."""
    return frozenset(_file("codes.json")[name])


@cache
def parameters(type: str) -> Mapping[str, Parameter]:
    """The search parameters of a type, those of every resource and of US Core included."""
    table = _file("search.json")
    rows = {**table.get("Resource", {}), **table.get("DomainResource", {}), **table.get(type, {})}
    found = {
        name: Parameter(kind, tuple((path, rule) for path, rule in paths), tuple(targets), tuple(*components))
        for name, (kind, paths, targets, *components) in rows.items()
    }
    for name, (kind, path, rule, definition) in us_core.PARAMETERS.get(type, {}).items():
        found[name] = Parameter(kind, ((path, rule),), (), definition=definition)
    return found


@cache
def outline(type: str) -> Outline:
    """What of a resource a summary shows (isSummary, isModifier and the cardinality of its own members)."""
    summary, modifier, mandatory = _file("outlines.json")[type]
    return Outline(frozenset(summary), frozenset(modifier), frozenset(mandatory))


@cache
def patient_compartment() -> Mapping[str, tuple[str, ...]]:
    """Resource type → the search parameters that make a resource part of a patient's compartment."""
    return {name: tuple(found) for name, found in _file("compartment.json").items()}


@cache
def error_constraints() -> Mapping[str, tuple[str, str]]:
    """Key → human text and FHIRPath of every error-level constraint of the served types and datatypes."""
    return {key: (row[0], row[1]) for key, row in _file("constraints.json").items()}
