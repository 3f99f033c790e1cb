"""Values of R4 datatypes out of small pools, so that different resources say the same thing often enough to be found."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from r4 import codec
from r4.definitions import Row, codes, elements

WORDS = ("alder", "birch", "Cedar", "Größe", "elm tree", "Fir")
SYSTEMS = ("urn:test:one", "urn:test:two")
CODES = ("alpha", "beta", "gamma", "delta")
URIS = ("urn:test:one", "http://example.org/two", "http://example.org/two/more")
DATES = ("2019", "2020-02", "2020-02-29", "2021-07-04", "2023-12-31")
TIMES = (
    *DATES, "2020-02-29T10:00:00Z", "2020-02-29T10:00:30.500Z", "2021-07-04T23:30:00-02:00", "2023-12-31T00:00:00Z",
)  # fmt: skip
INSTANTS = TIMES[len(DATES) :]
PERIODS = (
    ("2019", "2020-02"), ("2020-02-29", None), (None, "2021-07-04"), ("2020-02-29T10:00:00Z", "2021-07-04T12:00:00Z"),
)  # fmt: skip
NUMBERS = ("0.5", "1", "5.40", "100", "-3")
UNITS = ("mg", "g", "kg")
UCUM = "http://unitsofmeasure.org"


def value(random: Random, row: Row, known: Mapping[str, list[str]]) -> Any:
    """A value for an element, None where there is none to give. ``known`` are ids by type, for references."""
    if row.type == "Reference":
        fitting = sorted(set(row.targets or known) & known.keys())
        return {"reference": _pointed(random, random.choice(fitting), known)} if fitting else None
    if row.type == "code" and row.codes is not None:
        return random.choice(sorted(codes(row.codes))[:4])
    if row.codes is not None:
        return None
    make = MAKERS.get(row.type)
    return make(random) if make is not None else None


def _pointed(random: Random, type: str, known: Mapping[str, list[str]]) -> str:
    return f"{type}/{random.choice(known[type][:6])}"


def _coding(random: Random) -> dict[str, Any]:
    return {"system": random.choice(SYSTEMS), "code": random.choice(CODES)}


def _concept(random: Random) -> dict[str, Any]:
    return {"coding": [_coding(random)], **({"text": random.choice(WORDS)} if random.random() < 0.5 else {})}


def _period(random: Random) -> dict[str, Any]:
    start, end = random.choice(PERIODS)
    return {name: said for name, said in (("start", start), ("end", end)) if said is not None}


def _quantity(random: Random) -> dict[str, Any]:
    unit = random.choice(UNITS)
    return {"value": codec.Decimal(random.choice(NUMBERS)), "unit": unit, "system": UCUM, "code": unit}


def _name(random: Random) -> dict[str, Any]:
    return {"family": random.choice(WORDS), "given": [random.choice(WORDS)]}


def _address(random: Random) -> dict[str, Any]:
    return {
        "use": random.choice(("home", "work")), "line": [f"{random.choice(WORDS)} street"], "city": random.choice(WORDS),
        "state": random.choice(("MA", "NY")), "postalCode": random.choice(("02101", "10001")), "country": "US",
    }  # fmt: skip


def _point(random: Random) -> dict[str, Any]:
    return {"system": random.choice(("phone", "email")), "value": random.choice(("555-0100", "a@example.org"))}


MAKERS: Mapping[str, Callable[[Random], Any]] = {
    "boolean": lambda random: random.random() < 0.5, "string": lambda random: random.choice(WORDS),
    "markdown": lambda random: random.choice(WORDS), "code": lambda random: random.choice(CODES),
    "id": lambda random: random.choice(CODES), "uri": lambda random: random.choice(URIS),
    "url": lambda random: random.choice(URIS), "canonical": lambda random: random.choice(URIS),
    "oid": lambda random: f"urn:oid:1.2.{random.randrange(3)}", "date": lambda random: random.choice(DATES),
    "dateTime": lambda random: random.choice(TIMES), "instant": lambda random: random.choice(INSTANTS),
    "decimal": lambda random: codec.Decimal(random.choice(NUMBERS)), "integer": lambda random: random.randrange(5),
    "positiveInt": lambda random: random.randrange(1, 5), "unsignedInt": lambda random: random.randrange(5),
    "Coding": _coding, "CodeableConcept": _concept, "Period": _period, "Quantity": _quantity,
    "Identifier": lambda random: {"system": random.choice(SYSTEMS), "value": random.choice(CODES)},
    "HumanName": _name, "Address": _address, "ContactPoint": _point,
}  # fmt: skip


def blank(random: Random, type: str, known: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """A backbone element with what it must have, None where that cannot be given."""
    made: dict[str, Any] = {}
    for name, row in elements(type).items():
        if not row.low or row.choice is not None:
            continue
        said = blank(random, row.type, known) if row.type.startswith(f"{type.partition('.')[0]}.") else None
        said = said if said is not None else value(random, row, known)
        if said is None:
            return None
        made[name] = [said] if row.high != 1 else said
    return made
