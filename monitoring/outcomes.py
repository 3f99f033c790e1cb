"""Accuracy and calibration from labels that came later (M-PERF), for everybody and for subgroups (M-SUB).

One label an encounter, mature by the model's own window. ``update`` collects; ``evaluate`` judges the newest 2,000.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, log, nan
from typing import Any

import numpy as np

from monitoring import ranking
from monitoring.quantiles import band, tails
from monitoring.thresholds import Numbers

Array = np.ndarray[Any, Any]
WINDOW, EVERY, LEAST = 2000, 100, 100
"""Labels that are judged, between two evaluations, and before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One finding: ``level`` 0 quiet, 1 warning, 2 critical; None where too little is known."""

    monitor: str
    source: str
    level: int | None
    value: float
    low: float | None = None
    high: float | None = None
    warn: float | None = None
    critical: float | None = None
    n: int = 0
    stratum: str = ""


@dataclass(kw_only=True)
class Outcomes:
    """The newest labels with the chance (or score) that had been given, and whom they are of (``strata`` as text)."""

    scores: list[float] = field(default_factory=list)
    events: list[bool] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    total: int = 0
    month: int = -1
    beyond: dict[str, int] = field(default_factory=dict)
    """How many monthly points in a row were beyond the limits, by source."""

    def update(self, score: float, event: bool, strata: str, month: int) -> bool:
        """One more label; True when it is time to evaluate."""
        self.total += 1
        self.scores.append(score)
        self.events.append(event)
        self.strata.append(strata)
        self.months.append(month)
        for held in (self.scores, self.events, self.strata, self.months):
            del held[:-WINDOW]
        return self.total % EVERY == 0 and self.total >= LEAST

    def arrays(self) -> tuple[Array, Array]:
        """Scores and events of the window."""
        return np.array(self.scores), np.array(self.events, dtype=float)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return dict(vars(self))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Outcomes":
        """The collection whose ``state`` this was."""
        return cls(**state)


def discriminate(scores: Array, events: Array, reference: float | None, numbers: Numbers) -> Judged | None:
    """M-PERF-01. Alarms where even the upper end of a wide interval (1 − alpha) is under the reference: it is looked at
    again and again. None before there are enough events and others."""
    if min(events.sum(), (1 - events).sum()) < numbers["events"]:
        return None
    area, error = ranking.auroc(scores, events)
    low, high = ranking.interval(area, error)
    level, warn, critical = None, None, None
    if reference is not None:
        warn, critical = reference, reference - numbers["drop"]
        most = ranking.interval(area, error, 1 - numbers["alpha"])[1]
        level = int(most < warn) + int(most < critical)
    return Judged(
        monitor="M-PERF-01", source="auroc", level=level, value=area, low=low, high=high, warn=warn, critical=critical,
        n=scores.size,
    )  # fmt: skip


def expect(scores: Array, events: Array, numbers: Numbers, *, closely: bool = True) -> Judged:
    """M-PERF-02: observed over expected. Alarms where it is out of the band and chance alone (alpha) does not explain it. With
    its interval; else, which costs a thirtieth, with the band in which chance alone would keep it."""
    observed, expected = int(events.sum()), float(scores.sum())
    if closely:
        ratio, low, high = ranking.over_expected(scores, observed)
    else:
        ratio, low, high = observed / expected, *(each / expected for each in band(scores))
    fewer, more = tails(scores, observed)
    surprising = min(fewer, more) < numbers["alpha"] / 2
    warn = not numbers["warn_low"] <= ratio <= numbers["warn_high"]
    critical = not numbers["critical_low"] <= ratio <= numbers["critical_high"]
    return Judged(
        monitor="M-PERF-02", source="observed_over_expected", level=surprising * (int(warn) + int(critical)), value=ratio,
        low=low, high=high, warn=numbers["warn_high"], critical=numbers["critical_high"], n=scores.size,
    )  # fmt: skip


def chart(outcomes: Outcomes, month: int, numbers: Numbers) -> list[Judged]:
    """M-PERF-03, when a month is over: each number against three deviations of what it is under calibration; two points
    running are critical. Empty where the month had fewer labels than are needed."""
    chosen = np.array(outcomes.months) == month
    if chosen.sum() < LEAST:
        return []
    scores, events = (each[chosen] for each in outcomes.arrays())
    excess, spread = ranking.brier_excess(scores, events)
    error, usual, deviation = ranking.calibration_error(scores, events)
    steep, doubt = ranking.slope(scores, events)
    k = numbers["deviations"]
    points = (("brier", excess, -k * spread, k * spread), ("ece", error, 0.0, usual + k * deviation),
              ("slope", steep, 1 - k * doubt, 1 + k * doubt))  # fmt: skip
    found = []
    for source, value, low, high in points:
        if not isfinite(value) or not isfinite(low):
            continue
        outcomes.beyond[source] = 0 if low <= value <= high else outcomes.beyond.get(source, 0) + 1
        found.append(
            Judged(
                monitor="M-PERF-03", source=source, level=min(2, outcomes.beyond[source]), value=value, low=low,
                high=high, warn=high, n=int(chosen.sum()),
            )
        )  # fmt: skip
    return found


def subgroups(outcomes: Outcomes, *, calibrated: bool, of: "Mapping[str, Numbers]", overall: float) -> list[Judged]:
    """M-SUB-01 from labels: observed over expected of each subgroup (critical also where it is off twice as far as
    everybody's, ``overall``), and AUROC against everybody's."""
    scores, events = outcomes.arrays()
    own, found = of["M-SUB-01"], []
    everybody = ranking.auroc(scores, events)[0]
    for name in sorted({part for strata in set(outcomes.strata) for part in strata.split(";") if part}):
        chosen = np.array([name in strata.split(";") for strata in outcomes.strata])
        if chosen.sum() < own["least"]:
            continue
        judged = discriminate(scores[chosen], events[chosen], everybody, {**of["M-PERF-01"], "drop": 0.1})
        found += [] if judged is None else [_sub(judged, name)]
        if calibrated and scores[chosen].sum() > 0:
            judged = expect(scores[chosen], events[chosen], of["M-PERF-02"], closely=False)
            far = judged.value <= 0 or abs(log(judged.value)) > own["gap"] * abs(log(overall) if overall > 0 else nan)
            found.append(_sub(judged, name, level=2 if judged.level and far else judged.level))
    return found


def _sub(judged: Judged, stratum: str, level: int | None = None) -> Judged:
    return Judged(
        monitor="M-SUB-01", source=judged.source, stratum=stratum, level=judged.level if level is None else level,
        value=judged.value, low=judged.low, high=judged.high, warn=judged.warn, critical=judged.critical, n=judged.n,
    )  # fmt: skip
