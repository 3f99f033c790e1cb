"""A chart: what was read about one patient, as of one time, and where each value came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]
Value = float | int | bool | str


FAILURES: Mapping[str, str] = {
    "forbidden": "forbidden: the EHR does not allow it", "not_granted": "this launch was not granted it",
    "absent": "the EHR has none at its address", "unsupported": "the EHR does not offer it",
    "refused": "the EHR did not accept the search", "unavailable": "unavailable", "unreadable": "unreadable",
}  # fmt: skip
"""Why a read failed, and how that is said to people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """The answer to one planned search: its resources in the order received, whether the last page was reached, and
    when it failed, why (a word of ``FAILURES``). An empty complete read means "none"."""

    resources: tuple[Resource, ...] = ()
    complete: bool = True
    failure: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """One planned read of a chart: a resource type and its search parameters besides the patient.
    For ``type == "Patient"`` it is a read by id."""

    type: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureValue:
    """``value`` is in the manifest's unit. ``sources`` are versioned references (``Observation/1/_history/2``);
    ``at`` is the time the value describes, Unix seconds; ``caveats`` are sentences that travel with the answer."""

    value: Value
    unit: str | None = None
    sources: tuple[str, ...] = ()
    at: float | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """``features`` holds only those found; ``absent`` says why each other one was not. ``as_of`` is Unix seconds."""

    patient: str
    as_of: float
    features: Mapping[str, FeatureValue] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[Search, Read] = field(default_factory=dict)
