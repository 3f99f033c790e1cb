"""Edge: whom a tick is about: the patients that a Group has, or that a search finds, each once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from gateway.launches.charts import PAGE_SIZE, Reader, Reading, read_resource, read_search

MOST = 10_000
"""Patients of one tick: what is more is scored from bulk data."""
SUBJECTS: Mapping[str, str | None] = {"Patient": None, "Encounter": "subject", "EpisodeOfCare": "patient"}
"""The types that may be searched, and the element that names the patient (R4 search parameters ``patient``)."""
SHAPING = frozenset({
    "_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_contained", "_containedtype", "_total", "_format",
    "_pretty", "_query", "_filter", "_content", "_text", "_type", "_score", "_maxresults",
})  # fmt: skip
"""Parameters that change the form of an answer, not whom it is about, or that only one server understands."""
PARAMETER = re.compile(r"_?[A-Za-z][A-Za-z0-9_.:-]{0,127}")
GROUP = re.compile(r"Group/([A-Za-z0-9\-.]{1,64})")
PATIENT = re.compile(r"Patient/[A-Za-z0-9\-.]{1,64}")
FORMS = "must be Group/ID, or a search by parameters of Patient, Encounter or EpisodeOfCare such as Encounter?status=in-progress"


class PopulationUnread(Exception):
    """There is no list of patients now; ``reason`` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """``patient`` and ``encounter`` are ``Type/id``; the encounter None where the search was for something else. ``named`` False
    where the EHR's entry, which ``patient`` is then, names no patient of this EHR: it is told, not left out."""

    patient: str
    encounter: str | None = None
    named: bool = True


def parse(text: str) -> tuple[str, str]:
    """``(type, query)``, or ``("Group", "Group/ID")``. Raises ValueError that says what to write."""
    if GROUP.fullmatch(text):
        return "Group", text
    type, _, query = text.partition("?")
    if type not in SUBJECTS or not query or not query.isascii() or not query.isprintable() or " " in query:
        raise ValueError(FORMS)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError as wrong:
        raise ValueError(FORMS) from wrong
    for name, value in pairs:
        if not PARAMETER.fullmatch(name) or not value:
            raise ValueError(FORMS)
        if name.partition(":")[0].lower() in SHAPING:
            raise ValueError("must say whom, not how: leave out parameters such as _count, _include and _sort")
    return type, query


async def read_population(reader: Reader, text: str, how: Reading) -> list[Person]:
    """Everybody, in the EHR's order. Raises PopulationUnread, and Unavailable when the EHR does not answer."""
    type, query = parse(text)
    found = await _members(reader, query, how) if type == "Group" else await _found(reader, type, query, how)
    people = {each.patient: each for each in reversed(found)}  # of several encounters the first
    if len(people) > MOST:
        raise PopulationUnread("too_many")
    return list(people.values())[::-1]


async def _members(reader: Reader, reference: str, how: Reading) -> list[Person]:
    group, failure = await read_resource(reader, reference, how)
    if group is None:
        raise PopulationUnread("not_permitted" if failure == "forbidden" else "no_group")
    members = group.get("member")
    active = [each for each in members or () if isinstance(each, Mapping) and each.get("inactive") is not True]
    named = [_reference(each.get("entity"), reader.base) for each in active] if isinstance(members, list) else []
    return [
        Person(patient=name or f"{reference}#{number}", named=name is not None) for number, name in enumerate(named)
    ]


async def _found(reader: Reader, type: str, query: str, how: Reading) -> list[Person]:
    read = await read_search(reader, f"{type}?{query}&_count={PAGE_SIZE}", how)
    if not read.complete:
        raise PopulationUnread("not_permitted" if read.failure == "forbidden" else read.failure or "incomplete")
    return people_of(type, read.resources, base=reader.base)


def people_of(type: str, resources: Sequence[Mapping[str, Any]], *, base: str) -> list[Person]:
    """Whom the matches of a search name."""
    element, found = SUBJECTS[type], []
    for each in resources:
        own = f"{type}/{each.get('id')}"
        name = own if element is None else _reference(each.get(element), base)
        encounter = own if type == "Encounter" else None
        found.append(Person(patient=name or own, encounter=encounter, named=name is not None))
    return found


def _reference(value: Any, base: str) -> str | None:
    """``Patient/id`` of a literal reference, relative or below the EHR's base."""
    text = value.get("reference") if isinstance(value, Mapping) else None
    if not isinstance(text, str):
        return None
    plain = text.removeprefix(f"{base.rstrip('/')}/").partition("/_history/")[0]
    return plain if PATIENT.fullmatch(plain) else None
