"""A signal: one monitor's series at one place, as it stands; and its change from one level to another."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["learning", "quiet", "warning", "critical"]
LEVELS: tuple[Level, ...] = ("learning", "quiet", "warning", "critical")
"""In order of weight. ``learning``: there is no reference yet, or too few encounters to say anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """``monitor`` is the catalogue id; ``source`` the feature, ``output``, or empty for the whole model; ``stratum`` a
    subgroup (``sex=female``) or empty. ``value`` is what is watched; ``low`` and ``high`` its 95 % interval or reference
    band; ``warn`` and ``critical`` the limits that it is held against (None: a rule without a number). ``n`` counts
    encounters, labels or claims. ``at`` and ``since`` are Unix seconds: last evaluated, and at this level since.
    ``thresholds`` is the version of the signed document (0: the defaults). Numbers and words, no patient datum."""

    monitor: str
    model: str
    version: str
    ehr: str
    source: str = ""
    stratum: str = ""
    level: Level = "learning"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    warn: float | None = None
    critical: float | None = None
    n: int = 0
    at: float = 0.0
    since: float = 0.0
    thresholds: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalChanged:
    """A signal is at another level than ``before``. Confirmation and clearing are in it already: a level is raised when
    its monitor's own rule is met (two evaluations running, where the rule says so) and falls after five quiet ones."""

    signal: Signal
    before: Level
