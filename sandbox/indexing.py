"""What a resource says for each search parameter (R4 §3.1.1): the paths are generated tables, the values normalised."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from zlib import crc32

from r4 import paths
from r4.definitions import parameters
from sandbox.values import READERS, Reader, read_date, read_identifier

NO_DATE = -float(2**40)
"""The date of what says none: before every date that can be said."""

LEFT_OUT = frozenset({"_id", "_lastUpdated"})
"""Parameters that are columns of the resource itself."""

DATES: Mapping[str, str] = {
    "Appointment": "date", "AllergyIntolerance": "date", "AuditEvent": "date", "CarePlan": "date", "CareTeam": "date",
    "Communication": "sent", "Condition": "recorded-date", "Consent": "date", "DetectedIssue": "identified",
    "DiagnosticReport": "date", "DocumentReference": "date", "Encounter": "date", "Flag": "date", "Goal": "start-date",
    "ImagingStudy": "started", "Immunization": "date", "List": "date", "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover", "MedicationRequest": "authoredon", "MedicationStatement": "effective",
    "Observation": "date", "Patient": "birthdate", "Procedure": "date", "Provenance": "recorded",
    "QuestionnaireResponse": "authored", "RelatedPerson": "birthdate", "RiskAssessment": "date",
    "ServiceRequest": "authored", "Specimen": "collected", "Task": "authored-on",
}  # fmt: skip
"""The date parameter that a type is mostly sorted by: what one value finds stands in this order already."""

Term = tuple[int, int, str | None, int, float | None, float | None]
"""One value of one parameter: ``parameter`` and ``part`` before what it says. Plain tuples: a dozen are made of a resource."""


class Place(NamedTuple):
    """Where parameters find their values in a resource, and how each of ``reads`` reads them, for which parameters. ``head``
    is the first member of the path: where it is a list, its parts are told apart."""

    reads: tuple[tuple[Reader, tuple[int, ...]], ...]
    head: str
    path: tuple[str, ...]
    rule: str


@cache
def key(type: str, name: str) -> int:
    """The number that a parameter has in the terms, the same at every start. A test shows that no two share one."""
    return crc32(f"{type}.{name}".encode()) & 0x7FFFFFFF


def logical(parameter: int) -> int:
    """The number under which a reference's own identifier stands (``:identifier``)."""
    return parameter + 0x80000000


@lru_cache(maxsize=2048)
def _places(type: str, members: tuple[str, ...], meta: tuple[str, ...] | None) -> tuple[Place, ...]:
    """The places of a type's parameters that a resource with these members, and these of ``meta`` (where it is known), can
    have something at; what several parameters look at is read once."""
    found: dict[tuple[str, tuple[str, ...], str], dict[Reader, dict[int, None]]] = {}
    for name, row in parameters(type).items():
        if name in LEFT_OUT or row.kind not in READERS:
            continue
        number = key(type, name)
        for path, rule in ((tuple(dotted.split(".")), rule) for dotted, rule in row.paths):
            if path[0] == "meta" and meta is not None and path[1] not in meta:
                continue
            for at in _given(members, path, rule):
                reads = found.setdefault(at, {})
                reads.setdefault(READERS[row.kind], {})[number] = None
                if row.kind == "reference":
                    reads.setdefault(read_identifier, {})[logical(number)] = None
    return tuple(
        Place(tuple((read, tuple(numbers)) for read, numbers in reads.items()), *at) for at, reads in found.items()
    )


def _given(
    members: tuple[str, ...], path: tuple[str, ...], rule: str
) -> Iterator[tuple[str, tuple[str, ...], str]]:  # fmt: skip
    """Head, path and rule where a resource with these members has something. The type that a choice is given in is known
    from the members, so that it is not looked for again in every resource."""
    given = paths.choices(members, path[0])
    if len(path) == 1 and path[0] not in members and (not rule or rule.startswith("as:")):
        wanted = rule.removeprefix("as:").lower()
        for member, kind in given:
            if wanted in ("", kind):
                yield member, (member,), ""
    elif path[0] in members or given:
        yield path[0], path, rule


def index(resource: Mapping[str, Any], *, base: str) -> list[Term]:
    """Every term of a resource, each once. ``base`` is this server's own, so that absolute references are local."""
    type, members, meta = str(resource.get("resourceType")), tuple(resource), resource.get("meta")
    found: dict[Term, None] = {}
    for place in _places(type, members, tuple(meta) if meta.__class__ is dict else None):
        reads = place.reads
        for part, value in _values(resource, place):
            for read, numbers in reads:
                for text, sign, low, high in read(value, base):
                    for parameter in numbers:
                        found[parameter, part, text, sign, low, high] = None
    for parameter in _untold(type, members):
        found[parameter, 0, "false", 0, None, None] = None
    return [*found, *_together(type, found)]


def _values(resource: Mapping[str, Any], place: Place) -> Iterable[tuple[int, Any]]:
    """Each value at the place with the part that it stands in."""
    inside, path, rule = resource.get(place.head), place.path, place.rule
    if len(path) == 1 and not rule and inside is not None:
        return enumerate(inside, start=1) if inside.__class__ is list else ((0, inside),)
    if inside.__class__ is list:
        return [
            (part, value)
            for part, item in enumerate(inside or (), start=1)
            for value in paths.values(item, path[1:], rule)
        ]
    return [(0, value) for value in paths.values(resource, path, rule)]


@lru_cache(maxsize=2048)
def _untold(type: str, members: tuple[str, ...]) -> tuple[int, ...]:
    """Parameters that ask whether an element is there (``deceased``), of a resource in which it is not."""
    return tuple(
        key(type, name)
        for name, row in parameters(type).items()
        for path, _ in row.paths
        if path.endswith(".exists") and not paths.choices(members, path.partition(".")[0])
    )


TOGETHER = "patient+code"
"""The parameter under which a patient's records of one code stand together: what is asked for most."""


def together(patient: str, code: str) -> str:
    """The value of both: ``Patient/id`` and the code."""
    return f"{patient}\n{code}"


def _together(type: str, found: Iterable[Term]) -> list[Term]:
    keys = _together_keys(type)
    if keys is None:
        return []
    whose, what, both = keys
    patients = [term[2] for term in found if term[0] == whose]
    return [
        (both, 0, together(str(patient), code), sign, None, None)
        for parameter, _, code, sign, _, _ in (found if patients else ())
        if parameter == what and code is not None
        for patient in patients
    ]


@cache
def _together_keys(type: str) -> tuple[int, int, int] | None:
    """The numbers of a type's patient, its code, and both."""
    if not {"patient", "code"} <= parameters(type).keys():
        return None
    return key(type, "patient"), key(type, "code"), key(type, TOGETHER)


def date_of(resource: Mapping[str, Any], *, base: str) -> float:
    """The start of what a resource's leading date says; 0 for a type that has none."""
    type = str(resource.get("resourceType"))
    if type not in DATES:
        return 0.0
    lows = [
        low
        for place in _leading(type, tuple(resource))
        for _, value in _values(resource, place)
        for _, _, low, _ in read_date(value, base)
        if low is not None
    ]
    return min(lows, default=NO_DATE)


@lru_cache(maxsize=2048)
def _leading(type: str, members: tuple[str, ...]) -> tuple[Place, ...]:
    """The places of the leading date."""
    of = (read_date, key(type, DATES[type]))
    return tuple(
        place
        for place in _places(type, members, None)
        if any(read is of[0] and of[1] in numbers for read, numbers in place.reads)
    )


def rows(number: int, found: Iterable[Term], date: float) -> list[tuple[object, ...]]:
    """The terms of a resource as whole rows of ``tables.terms``."""
    return [
        (number, parameter, place, part, value, mark, low, high, date)
        for place, (parameter, part, value, mark, low, high) in enumerate(found)
    ]
