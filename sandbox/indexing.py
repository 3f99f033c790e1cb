"""What a resource says for each search parameter (R4 §3.1.1): the paths are generated tables, the values normalised."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

from r4 import paths
from r4.definitions import parameters
from r4.moments import moment_range
from r4.references import parse

FOREVER = 253402300800.0
"""The end of the year 9999, in Unix seconds: a Period that is still open ends there."""

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


class Term(NamedTuple):
    """One value of one parameter; see ``sandbox.tables.terms``."""

    parameter: int
    part: int = 0
    value: str | None = None
    mark: int = 0
    low: float | None = None
    high: float | None = None


class Place(NamedTuple):
    """Where one parameter finds its values in a resource, and how they are read. ``head`` is the first member of the
    path: where it is a list, its parts are told apart."""

    parameter: int
    read: "Reader"
    head: str
    path: tuple[str, ...]
    rule: str


@cache
def key(type: str, name: str) -> int:
    """The number that a parameter has in the terms, the same at every start. A test shows that no two share one."""
    return crc32(f"{type}.{name}".encode()) & 0x7FFFFFFF


@lru_cache(maxsize=8192)
def mark(text: str) -> int:
    """A system, or a string as it was written, as a number: it is only ever compared with another."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True) if text else 0


@lru_cache(maxsize=2048)
def _places(type: str, members: tuple[str, ...]) -> tuple[Place, ...]:
    """The places of a type's parameters that a resource with these members can have something at. The type that a choice
    is given in is known from the members, so that it is not looked for again in every resource."""
    found = []
    for name, row in parameters(type).items():
        if name in LEFT_OUT or row.kind not in READERS:
            continue
        for path, rule in ((tuple(dotted.split(".")), rule) for dotted, rule in row.paths):
            given = paths.choices(members, path[0])
            if len(path) == 1 and path[0] not in members and (not rule or rule.startswith("as:")):
                wanted = rule.removeprefix("as:").lower()
                for member, kind in given:
                    if wanted in ("", kind):
                        found.append(Place(key(type, name), READERS[row.kind], member, (member,), ""))
            elif path[0] in members or given:
                found.append(Place(key(type, name), READERS[row.kind], path[0], path, rule))
    return tuple(found)


def index(resource: Mapping[str, Any], *, base: str) -> list[Term]:
    """Every term of a resource, each once. ``base`` is this server's own, so that absolute references are local."""
    found: dict[Term, None] = {}
    add = found.setdefault
    for parameter, read, head, path, rule in _places(str(resource.get("resourceType")), tuple(resource)):
        inside = resource.get(head)
        if isinstance(inside, list):
            for part, item in enumerate(inside, start=1):
                for value in paths.values(item, path[1:], rule):
                    for term in read(parameter, part, value, base):
                        add(term)
        elif len(path) == 1 and inside is not None and not rule:
            for term in read(parameter, 0, inside, base):
                add(term)
        else:
            for value in paths.values(resource, path, rule):
                for term in read(parameter, 0, value, base):
                    add(term)
    for parameter in _untold(str(resource.get("resourceType")), tuple(resource)):
        add(Term(parameter, 0, "false"))
    return [*found, *_together(str(resource.get("resourceType")), found)]


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


def _together(type: str, found: Iterable[Term]) -> Iterator[Term]:
    if not {"patient", "code"} <= parameters(type).keys():
        return
    whose, what = key(type, "patient"), key(type, "code")
    patients = [term.value for term in found if term.parameter == whose]
    for term in found if patients else ():
        if term.parameter == what and term.value is not None:
            for patient in patients:
                yield Term(key(type, TOGETHER), 0, together(str(patient), term.value), term.mark)


def date_of(type: str, found: Iterable[Term]) -> float:
    """The start of what a resource's leading date says; 0 for a type that has none."""
    name = DATES.get(type)
    if name is None:
        return 0.0
    wanted = key(type, name)
    return min((term.low for term in found if term.parameter == wanted and term.low is not None), default=NO_DATE)


def rows(number: int, found: Iterable[Term], date: float) -> list[tuple[object, ...]]:
    """The terms of a resource as whole rows of ``tables.terms``."""
    return [
        (number, parameter, place, part, value, mark, low, high, date)
        for place, (parameter, part, value, mark, low, high) in enumerate(found)
    ]


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Case and accents do not count in a string search (R4 §3.1.1.4.8)."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def _token(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    if isinstance(value, bool):
        yield Term(parameter, part, "true" if value else "false")
    elif isinstance(value, str):
        yield Term(parameter, part, value)
    elif isinstance(value, dict):
        if isinstance(value.get("coding"), list):
            for coding in value["coding"]:
                yield from _token(parameter, part, coding, base)
        said = value.get("code") if "code" in value else value.get("value")
        system = value.get("system")
        if isinstance(said, str):
            yield Term(parameter, part, said, mark(system) if isinstance(system, str) else 0)


def _reference(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    said = value.get("reference") if isinstance(value, dict) else value
    if isinstance(said, str):
        local = parse(said, base=base)
        yield Term(parameter, part, local.local if local else said)
    if isinstance(value, dict) and isinstance(value.get("identifier"), dict):
        yield from _token(logical(parameter), part, value["identifier"], base)


def logical(parameter: int) -> int:
    """The number under which a reference's own identifier stands (``:identifier``)."""
    return parameter + 0x80000000


STRING_MEMBERS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode",
                  "country", "name")  # fmt: skip


def _string(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    if isinstance(value, str):
        yield Term(parameter, part, fold(value), mark(value))
    elif isinstance(value, dict):
        for member in STRING_MEMBERS:
            for item in value[member] if isinstance(value.get(member), list) else [value.get(member)]:
                if isinstance(item, str):
                    yield Term(parameter, part, fold(item), mark(item))


def _date(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    if isinstance(value, str):
        span = moment_range(value)
        if span is not None:
            yield Term(parameter, part, low=span[0], high=span[1])
    elif isinstance(value, dict) and ("start" in value or "end" in value):
        first, last = (moment_range(str(value.get(member, ""))) for member in ("start", "end"))
        yield Term(parameter, part, low=first[0] if first else -FOREVER, high=last[1] if last else FOREVER)
    elif isinstance(value, dict) and isinstance(value.get("event"), list):
        for event in value["event"]:
            yield from _date(parameter, part, event, base)


def _quantity(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    """Under its code and under its unit, where they differ; a Range from its low to its high."""
    if not isinstance(value, dict):
        return
    if "low" in value or "high" in value:
        first, last = (each if isinstance(each, dict) else {} for each in (value.get("low"), value.get("high")))
        span, told = (first.get("value"), last.get("value")), {**last, **first}
    else:
        span, told = (value.get("value"), value.get("value")), value
    if span == (None, None):
        return
    low, high = (
        (float(span[0]) if span[0] is not None else -ENDLESS),
        float(span[1]) if span[1] is not None else ENDLESS,
    )
    system = told.get("system")
    for unit in dict.fromkeys((told.get("code"), told.get("unit"))) if told.get("unit") or told.get("code") else ("",):
        if isinstance(unit, str):
            yield Term(parameter, part, unit, mark(system) if isinstance(system, str) else 0, low, high)


ENDLESS = 1e300


def _number(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    if not isinstance(value, dict | list | str | bool) and value is not None:
        yield Term(parameter, part, low=float(value), high=float(value))


def _uri(parameter: int, part: int, value: Any, base: str) -> Iterator[Term]:
    if isinstance(value, str):
        yield Term(parameter, part, value)


Reader = Callable[[int, int, Any, str], Iterator[Term]]
READERS: Mapping[str, Reader] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "quantity": _quantity,
    "number": _number, "uri": _uri,
}  # fmt: skip
