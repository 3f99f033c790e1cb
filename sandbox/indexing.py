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


Said = tuple[str | None, int, float | None, float | None]
"""What one value says: ``value``, ``mark``, ``low`` and ``high`` of a Term."""


class Place(NamedTuple):
    """Where parameters find their values in a resource, and how they are read. ``head`` is the first member of the path:
    where it is a list, its parts are told apart."""

    parameters: tuple[int, ...]
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
    """The places of a type's parameters that a resource with these members can have something at; what several parameters
    look at is read once."""
    found: dict[tuple[Reader, str, tuple[str, ...], str], list[int]] = {}
    for name, row in parameters(type).items():
        if name in LEFT_OUT or row.kind not in READERS:
            continue
        for path, rule in ((tuple(dotted.split(".")), rule) for dotted, rule in row.paths):
            for at in _given(members, path, rule):
                found.setdefault((READERS[row.kind], *at), []).append(key(type, name))
                if row.kind == "reference":
                    found.setdefault((_identifier, *at), []).append(logical(key(type, name)))
    return tuple(Place(tuple(dict.fromkeys(keys)), *at) for at, keys in found.items())


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
    type, members = str(resource.get("resourceType")), tuple(resource)
    found: dict[Term, None] = {}
    for place in _places(type, members):
        for part, value in _values(resource, place):
            for said in place.read(value, base):
                for parameter in place.parameters:
                    found[Term(parameter, part, *said)] = None
    for parameter in _untold(type, members):
        found[Term(parameter, 0, "false")] = None
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
    patients = [term.value for term in found if term.parameter == whose]
    return [
        Term(both, 0, together(str(patient), term.value), term.mark)
        for term in (found if patients else ())
        if term.parameter == what and term.value is not None
        for patient in patients
    ]


@cache
def _together_keys(type: str) -> tuple[int, int, int] | None:
    """The numbers of a type's patient, its code, and both."""
    if not {"patient", "code"} <= parameters(type).keys():
        return None
    return key(type, "patient"), key(type, "code"), key(type, TOGETHER)


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


def _token(value: Any, base: str) -> list[Said]:
    if value.__class__ is str:
        return [(value, 0, None, None)]
    if value.__class__ is dict:
        codings, found = value.get("coding"), []
        if codings.__class__ is list:
            for coding in codings:
                found += _token(coding, base)
        said = value["code"] if "code" in value else value.get("value")
        if said.__class__ is str:
            system = value.get("system")
            found.append((said, mark(system) if system.__class__ is str else 0, None, None))
        return found
    return [("true" if value else "false", 0, None, None)] if value.__class__ is bool else []


def _reference(value: Any, base: str) -> list[Said]:
    said = value.get("reference") if value.__class__ is dict else value
    if said.__class__ is not str:
        return []
    local = parse(said, base=base)
    return [(local.local if local else said, 0, None, None)]


def _identifier(value: Any, base: str) -> list[Said]:
    """The identifier by which a reference names what it names."""
    said = value.get("identifier") if value.__class__ is dict else None
    return [] if said is None else _token(said, base)


def logical(parameter: int) -> int:
    """The number under which a reference's own identifier stands (``:identifier``)."""
    return parameter + 0x80000000


STRING_MEMBERS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode",
                  "country", "name")  # fmt: skip


def _string(value: Any, base: str) -> list[Said]:
    if isinstance(value, str):
        return [(fold(value), mark(value), None, None)]
    if not isinstance(value, dict):
        return []
    listed = [value[name] if isinstance(value.get(name), list) else [value.get(name)] for name in STRING_MEMBERS]
    return [(fold(item), mark(item), None, None) for items in listed for item in items if isinstance(item, str)]


def _date(value: Any, base: str) -> list[Said]:
    if isinstance(value, str):
        span = moment_range(value)
        return [] if span is None else [(None, 0, *span)]
    if isinstance(value, dict) and ("start" in value or "end" in value):
        first, last = (moment_range(str(value.get(member, ""))) for member in ("start", "end"))
        return [(None, 0, first[0] if first else -FOREVER, last[1] if last else FOREVER)]
    if isinstance(value, dict) and isinstance(value.get("event"), list):
        return [said for event in value["event"] for said in _date(event, base)]
    return []


def _quantity(value: Any, base: str) -> list[Said]:
    """Under its code and under its unit, where they differ; a Range from its low to its high."""
    if value.__class__ is not dict:
        return []
    least = most = value.get("value")
    if "low" in value or "high" in value:
        first, last = (each if isinstance(each, dict) else {} for each in (value.get("low"), value.get("high")))
        least, most, value = first.get("value"), last.get("value"), {**last, **first}
    if least is None and most is None:
        return []
    low = -ENDLESS if least is None else float(least)
    high = ENDLESS if most is None else float(most)
    system, code, unit = value.get("system"), value.get("code"), value.get("unit")
    of = mark(system) if system.__class__ is str else 0
    units = dict.fromkeys((code, unit)) if unit or code else ("",)
    return [(each, of, low, high) for each in units if each.__class__ is str]


ENDLESS = 1e300


def _number(value: Any, base: str) -> list[Said]:
    if isinstance(value, dict | list | str | bool) or value is None:
        return []
    return [(None, 0, float(value), float(value))]


def _uri(value: Any, base: str) -> list[Said]:
    return [(value, 0, None, None)] if isinstance(value, str) else []


Reader = Callable[[Any, str], list[Said]]
READERS: Mapping[str, Reader] = {
    "token": _token, "reference": _reference, "string": _string, "date": _date, "quantity": _quantity,
    "number": _number, "uri": _uri,
}  # fmt: skip
