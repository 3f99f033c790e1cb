"""Joint patterns: in which forms code, value, unit, time and references of a record come *together*, stratum by stratum.

A stratum is care setting, source and interpretation of a type, and the *kind* of value the record is about: what its code
usually holds, known even where the value itself was lost. Patterns of fewer records than may be told go into the stratum's
``rest``, which is told over all strata of a type and kind.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fidelity import disclosure
from fidelity.counts import Key
from fidelity.disclosure import LEAST, grouped, in_order
from fidelity.facts import Row
from fidelity.forms import CHOICES, code_form

DIMENSIONS = ("code", "value", "unit", "time", "status", "subject", "encounter", "category")
KINDS: Mapping[str, str] = {
    "quantity": "quantity", "censored": "quantity", "quantity-empty": "quantity", "number-text": "quantity",
    "coded": "coded", "null-flavour": "coded", "text-answer": "coded",
    "components": "components", "members": "members", "dose": "dose", "sig": "dose",
    **{name: name for name in CHOICES},
}  # fmt: skip
"""The kind of value that a form is a form of. A comment or nothing may stand for any."""
CHOICE_OF: Mapping[str, str] = {
    "quantity": "valueQuantity", "censored": "valueQuantity", "quantity-empty": "valueQuantity", "number-text": "valueString",
    "comment": "valueString", "coded": "valueCodeableConcept", "null-flavour": "valueCodeableConcept",
    "text-answer": "valueCodeableConcept", "components": "component", "members": "hasMember", "reason": "", "none": "",
}  # fmt: skip
"""The ``value[x]`` that a form is found in."""


class Pattern(NamedTuple):
    """One value for each of ``DIMENSIONS``; the last three say ``present`` or ``missing``."""

    code: str
    value: str
    unit: str
    time: str
    status: str
    subject: str
    encounter: str
    category: str


class Stratum(NamedTuple):
    """Which records share their patterns."""

    type: str
    setting: str
    source: str
    interpretation: str
    kind: str


REST = "(rest)"
SETTLED = "settled"
UNSETTLED = frozenset(
    {"preliminary", "registered", "entered-in-error", "unknown", "unconfirmed", "provisional", "differential", "draft"}
)
"""Statuses of records that are not to be believed, or not yet. All others (final, active, completed …) say what a record is, not
how the feed treats it, and are one."""


def pattern(row: Row) -> Pattern:
    """The pattern of a row."""
    return Pattern(
        code_form(row.system, row.code, row.worded), row.value, row.unit, row.time, _status(row.status),
        _there(row.subject), _there(row.encounter), _there(bool(row.category)),
    )  # fmt: skip


def _status(status: str) -> str:
    return status if status in UNSETTLED else SETTLED if status else "missing"


def _there(present: bool) -> str:
    return "present" if present else "missing"


def kinds(rows: Mapping[Key, int]) -> dict[Key, str]:
    """By system and code, the kind of value that most of its records have."""
    found: dict[Key, dict[str, int]] = {}
    for row, number in rows.items():
        if (kind := KINDS.get(row[9])) and row[7]:
            inner = found.setdefault((row[6], row[7]), {})
            inner[kind] = inner.get(kind, 0) + number
    return {code: max(sorted(inner), key=lambda kind: inner[kind]) for code, inner in found.items()}


def stratum(row: Row, usual: Mapping[Key, str]) -> Stratum:
    """The stratum of a row; the kind is empty where neither value nor code tells it."""
    kind = KINDS.get(row.value) or usual.get((row.system, row.code), "")
    return Stratum(row.type, row.setting, row.source, row.interpretation, kind)


def joint(rows: Mapping[Key, int]) -> dict[Stratum, dict[Pattern, int]]:
    """The patterns of each stratum, exactly."""
    usual = kinds(rows)
    made: dict[Stratum, dict[Pattern, int]] = {}
    for key, number in rows.items():
        row = Row(*key)
        inner, seen = made.setdefault(stratum(row, usual), {}), pattern(row)
        inner[seen] = inner.get(seen, 0) + number
    return made


def published(rows: Mapping[Key, int]) -> dict[str, Any]:
    """``strata`` and ``rests`` of the document, and ``categories``."""
    pooled: dict[Key, dict[Pattern, int]] = {}
    strata = []
    for key, found in sorted(_named(joint(rows)).items()):
        rest = {each: number for each, number in found.items() if number < LEAST}
        inner = pooled.setdefault((key.type, key.kind), {})
        for each, number in rest.items():
            inner[each] = inner.get(each, 0) + number
        strata.append(_told(key, found, sum(rest.values())))
    rests = [
        {"type": type, "kind": kind, "patterns": _list(found)}
        for (type, kind), found in sorted(pooled.items())
        if _list(found)
    ]
    return {"strata": [each for each in strata if each["resources"]], "rests": rests, "categories": _categories(rows)}


def _named(found: Mapping[Stratum, dict[Pattern, int]]) -> dict[Stratum, dict[Pattern, int]]:
    """Strata by names that may be told, those of fewer than ``LEAST`` records under OTHER names."""
    made: dict[Stratum, dict[Pattern, int]] = {}
    for key, inner in found.items():
        name = key._replace(
            setting=disclosure.word(key.setting), source=disclosure.address(key.source),
            interpretation=disclosure.word(key.interpretation),
        )  # fmt: skip
        if sum(inner.values()) < LEAST:
            name = name._replace(setting=disclosure.OTHER, source=disclosure.OTHER, interpretation=disclosure.OTHER)
        kept = made.setdefault(name, {})
        for each, number in inner.items():
            kept[each] = kept.get(each, 0) + number
    return made


def _told(key: Stratum, found: Mapping[Pattern, int], rest: int) -> dict[str, Any]:
    told = sum(number for number in found.values() if number >= LEAST)
    rest = rest if rest >= LEAST else 0
    return {**key._asdict(), "resources": told + rest, "rest": rest, "patterns": _list(found)}


def _list(found: Mapping[Pattern, int]) -> list[dict[str, Any]]:
    return [{**each._asdict(), "resources": number} for each, number in sorted(found.items()) if number >= LEAST]


def _categories(rows: Mapping[Key, int]) -> list[dict[str, Any]]:
    counts = grouped(
        ((row[0], disclosure.word(row[3]), disclosure.word(row[1])), number) for row, number in rows.items()
    )
    return [
        {"type": type, "category": category, "setting": setting, "resources": number}
        for (type, category, setting), number in in_order(counts)
        if number >= LEAST
    ]


def states(rows: Mapping[Key, int], type: str) -> dict[str, dict[str, int]]:
    """How often each dimension has each form, for one type."""
    found = grouped((pattern(Row(*row)), number) for row, number in rows.items() if row[0] == type)
    return {
        name: disclosure.told(marginal(found.items(), place))
        for place, name in enumerate(DIMENSIONS)
        if marginal(found.items(), place)
    }


def marginal(found: Iterable[tuple[Key, int]], place: int) -> dict[str, int]:
    """Counts by one dimension, where it says anything."""
    made = grouped(((each[place],), number) for each, number in found if each[place])
    return {name: number for (name,), number in made.items()}
