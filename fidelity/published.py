"""A published profile as what live data are compared with: the training set's, or the feed's at an earlier time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fidelity.document import FORMAT


class ProfileError(ValueError):
    """The document is no profile; the text says where, and repeats nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """Numbers in one unit. ``quantiles`` by share (0.001 … 0.999), empty of few; ``bins`` are ``(value, numbers)``."""

    n: int
    mean: float
    quantiles: Mapping[float, float]
    spike_value: float | None
    spike_share: float
    bins: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeUse:
    """One code: ``choices`` by ``value[x]``, ``units`` by ``(unit, form)``, ``values`` by unit (the coded one
    where there are both)."""

    n: int
    first: str | None = None
    last: str | None = None
    choices: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    delays: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def modal_choice(self) -> str | None:
        """The ``value[x]`` that most records have."""
        return max(sorted(self.choices), key=lambda each: self.choices[each], default=None)

    def modal_unit(self) -> str | None:
        """The unit coded in UCUM that most numbers have."""
        coded = {unit: number for (unit, form), number in self.units.items() if form == "coded" and unit[:1] != "("}
        return max(sorted(coded), key=lambda each: coded[each], default=None)

    def median(self, unit: str) -> float | None:
        """The median in a unit, where there are enough numbers."""
        values = self.values.get(unit)
        return values.quantiles.get(0.5) if values else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """``elements``: the share of a type's records that have an element; ``states``: the share in each form of a dimension
    (``fidelity.patterns.DIMENSIONS``); ``rare``: codes seen too seldom to be counted."""

    resources: Mapping[str, int]
    per_patient: Mapping[str, float]
    codes: Mapping[tuple[str, str], CodeUse]
    rare: frozenset[tuple[str, str]]
    elements: Mapping[tuple[str, str], float]
    states: Mapping[tuple[str, str, str], float]
    hours: Mapping[str, tuple[int, ...]]
    delays: Mapping[str, Mapping[str, int]]
    months: Mapping[str, Mapping[str, int]]


def parse_published(document: Any) -> Published:
    """A profile's document → Published. Raises ProfileError."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ProfileError(f"this is no profile: its format is not {FORMAT}")
    try:
        return _parse(document)
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise ProfileError("this is no profile: a member is missing or of another kind") from wrong


def _parse(document: Mapping[str, Any]) -> Published:
    types: Mapping[str, Any] = document["types"]
    return Published(
        resources={type: each["resources"] for type, each in types.items()},
        per_patient={type: each["resources"] / each["patients"] for type, each in types.items() if each["patients"]},
        codes={(each["system"], each["code"]): _code(each) for each in document["codes"]},
        rare=frozenset((system, code) for system, code in document["rare_codes"]),
        elements={
            (type, name): number / each["resources"]
            for type, each in types.items()
            for name, number in each["elements"].items()
        },
        states={
            (type, dimension, state): number / each["resources"]
            for type, each in types.items()
            for dimension, counts in each["states"].items()
            for state, number in counts.items()
        },
        hours={type: tuple(each["hours"]) for type, each in types.items() if each["hours"]},
        delays={type: each["delays"] for type, each in types.items()},
        months={type: each["months"] for type, each in types.items()},
    )


def _code(each: Mapping[str, Any]) -> CodeUse:
    values: dict[str, Values] = {}
    for found in sorted(each["values"], key=lambda found: found["form"] == "coded"):
        values[found["unit"]] = _values(found)
    return CodeUse(
        n=each["resources"], first=each["first"], last=each["last"], choices=each["choices"],
        units={(unit["unit"], unit["form"]): unit["numbers"] for unit in each["units"]}, values=values,
        delays=each["delays"], versions=each["versions"],
    )  # fmt: skip


def _values(found: Mapping[str, Any]) -> Values:
    common = found["common"]
    return Values(
        n=found["numbers"], mean=found["mean"], quantiles={float(share): value for share, value in found["quantiles"].items()},
        spike_value=common["value"] if common else None, spike_share=common["numbers"] / found["numbers"] if common else 0.0,
        bins=tuple((value, number) for value, number in found["bins"]),
    )  # fmt: skip
