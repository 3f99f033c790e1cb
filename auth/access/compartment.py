"""Whose a resource is (R4 §5.7 Patient compartment): one table for narrowing searches, judging answers, judging writes.

Narrower than the definition on purpose: who is merely mentioned beside another subject does not own the record, and a
Group, a List of several patients or an audit record is nobody's.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from r4 import paths
from r4.definitions import elements, parameters, patient_compartment
from r4.references import parse, walk

SHARED = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"})
"""Types that are nobody's and that every patient's record refers to (US Core 6.1 scopes section lists the same)."""

UNASSIGNED = frozenset({"Device", "DocumentReference"})
"""Types of which a single resource may be nobody's: a model, and its card."""

SUBJECTS = ("patient", "subject", "beneficiary", "individual", "for")
"""The elements that say whom a record is about; where a type has one, it decides."""

EXCLUDED = frozenset({"Group", "AuditEvent", "Binary"})
"""Types in nobody's compartment, whatever they mention. A Provenance is judged by its targets, elsewhere."""

NARROWING = ("patient", "subject", "beneficiary")
"""Search parameters that narrow a type to one patient, best first."""


class Place(NamedTuple):
    """An element path with the rule of ``r4.paths``."""

    path: tuple[str, ...]
    rule: str


class Membership(NamedTuple):
    """How a type belongs to a patient. ``deciding`` are the paths that say to whom, ``subject`` whether they may name
    nobody else; ``plain`` is the one element that does, where there is one and it is single; ``named`` are all paths in
    which a patient may stand, ``heads`` the members that these begin with (empty where one is a choice); ``parameter``
    narrows a search to one patient, and exactly so where ``single``."""

    parameter: str | None
    deciding: tuple[Place, ...]
    named: tuple[Place, ...]
    subject: bool
    single: bool
    plain: str | None
    heads: frozenset[str]


@cache
def membership(type: str) -> Membership:
    """The row of a type: the compartment definition's parameters, narrowed by the exceptions of this module."""
    rows, table = parameters(type), elements(type)
    inside = [name for name in patient_compartment().get(type, ()) if name in rows]
    of_compartment = tuple(Place(tuple(path.split(".")), rule) for name in inside for path, rule in rows[name].paths)
    subjects = tuple(Place((name,), "") for name in SUBJECTS if name in table)
    narrowing = [name for name in NARROWING if name in rows and rows[name].kind == "reference"] + inside
    closed = type in EXCLUDED or type in SHARED
    heads = frozenset(place.path[0] for place in (*subjects, *of_compartment))
    single = all(table[place.path[0]].high == 1 for place in subjects or of_compartment)
    return Membership(
        parameter=None if closed or not narrowing else narrowing[0],
        deciding=subjects or of_compartment,
        named=tuple(dict.fromkeys((*subjects, *of_compartment))),
        subject=bool(subjects),
        single=single,
        plain=subjects[0].path[0] if len(subjects) == 1 and single else None,
        heads=heads if heads <= table.keys() else frozenset(),
    )


def owned(resource: Mapping[str, Any], patient: str, *, base: str) -> bool:
    """Whether the resource is in the compartment of the patient (bare id), and in nobody else's."""
    type = _type(resource)
    if type == "Patient":
        return resource.get("id") == patient
    if type in EXCLUDED:
        return False
    row, mine = membership(type), f"Patient/{patient}"
    if row.plain is not None:
        said = resource.get(row.plain)
        if isinstance(said, dict) and said.get("reference") == mine:
            return True
    found = {_told(value, base) for value in _values(resource, row.deciding)}
    if not row.subject:
        found = {name for name in found if name == ELSEWHERE or name.startswith("Patient/")}
    return found == {mine}


def shared(resource: Mapping[str, Any], *, base: str) -> bool:
    """Whether the resource is nobody's, so that everybody who may read its type may read it: the shared types, and a
    Device or a document that is about no patient at all (a model and its card)."""
    type = _type(resource)
    if type in SHARED:
        return True
    if type not in UNASSIGNED:
        return False
    row = membership(type)
    mentioned = {_told(value, base) for value in _values(resource, row.named)}
    return not any(_values(resource, row.deciding)) and not any(
        name == ELSEWHERE or name.startswith("Patient/") for name in mentioned
    )


def writable(resource: Mapping[str, Any], patient: str) -> bool:
    """Whether a scope of the patient may write this body: every Patient in a membership path is that patient, by a plain
    relative reference, and where the type says whom it is about, it says so."""
    type = _type(resource)
    if type in EXCLUDED or type in SHARED:
        return False
    row = membership(type)
    mine = f"Patient/{patient}"
    whose = resource.get(row.plain or "")
    if row.heads & resource.keys() == {row.plain} and isinstance(whose, dict) and whose.keys() <= _BARE:
        return bool(whose.get("reference") == mine)
    named = list(_values(resource, row.named))
    beside = [
        each
        for value in named
        if isinstance(value, dict) and "extension" in value
        for _, each in walk(value["extension"])
    ]
    inside = _contained(resource)
    said = [_written(value, inside) for value in (*named, *beside)]
    if any(name == ELSEWHERE or (name.startswith("Patient/") and name != mine) for name in said):
        return False
    if type == "Patient":
        return resource.get("id") == patient
    deciding = {_written(value, inside) for value in _values(resource, row.deciding)}
    return mine in deciding and (not row.subject or len(deciding) == 1)


ELSEWHERE = "elsewhere"
"""What a reference says that names no resource of this server, or not plainly."""


def _type(resource: Mapping[str, Any]) -> str:
    return str(resource.get("resourceType"))


def _values(resource: Mapping[str, Any], places: tuple[Place, ...]) -> Iterator[Any]:
    for place in places:
        yield from paths.values(resource, place.path, place.rule if place.rule.startswith("as:") else "")


def _told(value: Any, base: str) -> str:
    """Whom a stored reference names: ``Type/id``."""
    local = parse(value.get("reference"), base=base) if isinstance(value, dict) else None
    return local.local if local else ELSEWHERE


def _written(value: Any, inside: Mapping[str, str | None]) -> str:
    """Whom a reference to be written names. Absolute, versioned, logical and conditional ones name nobody that could be
    trusted, nor does a contained Patient; who is only displayed is nobody."""
    if not isinstance(value, dict):
        return ELSEWHERE
    said, kind = value.get("reference"), value.get("type")
    if said is None:
        logical = "identifier" in value and kind in (None, "Patient")
        return ELSEWHERE if logical or kind == "Patient" or value.keys() - _HARMLESS else ""
    if isinstance(said, str) and said.startswith("#"):
        return "" if inside.get(said[1:]) not in (None, "Patient") else ELSEWHERE
    local = parse(said)
    if local is None or (local.type == "Patient" and (local.version is not None or "identifier" in value)):
        return ELSEWHERE
    return local.local if kind in (None, local.type) else ELSEWHERE


_BARE = frozenset({"reference", "display"})
_HARMLESS = frozenset({"display", "identifier", "type", "id", "extension"})
"""Members of a Reference that point at nothing; what stands in its extensions is judged as a reference of its own."""


def _contained(resource: Mapping[str, Any]) -> dict[str, str | None]:
    """The types of the contained resources by their ids; None for an id that more than one has."""
    found: dict[str, str | None] = {}
    listed = resource.get("contained")
    for each in listed if isinstance(listed, list) else ():
        id = each.get("id") if isinstance(each, dict) else None
        if isinstance(id, str):
            found[id] = None if id in found else _type(each)
    return found


def narrowing(type: str, patient: str) -> tuple[tuple[str, str], ...] | None:
    """The search parameters that keep a search of this type within the compartment; None when nothing does, and an
    empty tuple for what is judged one by one (nobody's types, devices, provenance)."""
    if type == "Patient":
        return (("_id", patient),)
    if type in SHARED or type in ("Device", "Provenance"):
        return ()
    row = membership(type)
    return ((row.parameter, f"Patient/{patient}"),) if row.parameter is not None else None


def confined(type: str, query: tuple[tuple[str, str], ...], patient: str) -> tuple[tuple[str, str], ...] | None:
    """A query without the parameters that say whose records are wanted, or None when they name anybody else: those are
    the narrowing's to say. Where it says nothing they stay, for what is nobody's is not the patient's."""
    naming, unsaid = {*NARROWING, membership(type).parameter}, not narrowing(type, patient)
    kept = []
    for name, value in query:
        plain, _, modifier = name.partition(":")
        if plain not in naming or plain not in parameters(type):
            kept.append((name, value))
        elif modifier not in ("", "Patient") or value not in (patient, f"Patient/{patient}"):
            return None
        elif unsaid:
            kept.append((name, value))
    return tuple(kept)
