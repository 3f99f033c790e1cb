"""A feed's window beside a reference profile: what only that comparison can tell. Both are counts; no record is needed.

VER-06 first-seen codes · VER-07 vanished codes · STR-06 the usual type of a value · UNI-05 the usual unit · PLA-02 learned
limits · PLA-06 spikes · TIM-08 a shift of the zone · VOL-01 the usual volume · STR-02 must-support rates.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

Key = tuple[str, str]
"""Code system and code, whatever types of record carry it."""
VANISHED = 1e-4
"""Chance below which the silence of a code is no chance: P = (1 − p)^n, p its share of its system's in the reference,
n the window's records that are coded in that system."""
POINTS, DEVIATIONS = 0.05, 4.0
"""A rate moved when it did by 5 points and by 4 standard errors (catalogue, default thresholds)."""
FEWEST = 200
SPIKE = 10.0
HOURS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeUse:
    """How one code was used: ``n`` records, units and forms of their values, ``low`` and ``high`` the 0.1 and 99.9 %
    quantiles in the commonest unit, ``top`` the commonest values and how often each, ``outside`` (of a window) how many
    values lie outside the reference's quantiles."""

    n: int
    units: Mapping[str, int] = field(default_factory=dict)
    choices: Mapping[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    top: Mapping[str, int] = field(default_factory=dict)
    values: int = 0
    outside: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """Counts of a reference, or of a window. ``hours``: records by hour of the day in UTC; ``absent``: must-support
    element → (records without it, all). ``patients`` and ``days`` are what the volume is counted over."""

    codes: Mapping[Key, CodeUse] = field(default_factory=dict)
    patients: int = 0
    days: float = 0.0
    resources: int = 0
    hours: Sequence[int] = ()
    absent: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Judged(NamedTuple):
    """One check on one stratum: how many of ``n`` failed. ``n`` counts records where records are at fault, else 1."""

    check: str
    code: str
    failed: int
    n: int


def compare(reference: Baseline, window: Baseline) -> Iterator[Judged]:
    """Every baseline check that the two can decide."""
    yield from _seen_first(reference, window)
    yield from _vanished(reference, window)
    for key, use in sorted(window.codes.items()):
        before = reference.codes.get(key)
        if before is not None:
            yield from _usual(key, before, use)
    yield from _shift(reference, window)
    yield from _volume(reference, window)
    for name, counted in sorted(window.absent.items()):
        if (before_absent := reference.absent.get(name)) is not None:
            yield Judged("STR-02", name, int(moved(before_absent, counted)), 1)


def _seen_first(reference: Baseline, window: Baseline) -> Iterator[Judged]:
    """VER-06: codes of the window that the reference has none of."""
    for key, use in sorted(window.codes.items() if reference.codes else ()):
        yield Judged("VER-06", "|".join(key), 0 if key in reference.codes else use.n, use.n)


def _vanished(reference: Baseline, window: Baseline) -> Iterator[Judged]:
    """VER-07: codes frequent in the reference and silent in a window too large for chance."""
    before, now = _by_system(reference), _by_system(window)
    for key, use in sorted(reference.codes.items()):
        n = now.get(key[0], 0)
        chance = (1 - use.n / before[key[0]]) ** n
        if chance < VANISHED:
            yield Judged("VER-07", "|".join(key), 0 if key in window.codes else 1, 1)


def _by_system(counted: Baseline) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for (system, _), use in counted.codes.items():
        found[system] = found.get(system, 0) + use.n
    return found


def _usual(key: Key, before: CodeUse, use: CodeUse) -> Iterator[Judged]:
    code = "|".join(key)
    for check, usual, seen in (("STR-06", before.choices, use.choices), ("UNI-05", before.units, use.units)):
        if usual and seen:
            kept = seen.get(modal(usual), 0)
            yield Judged(check, code, sum(seen.values()) - kept, sum(seen.values()))
    if before.low is not None and before.high is not None and use.values:
        yield Judged("PLA-02", code, use.outside, use.values)
    if spiky(before, use) is not None:
        yield Judged("PLA-06", code, int(spiky(before, use) or False), 1)


def modal(counts: Mapping[str, int]) -> str:
    """The commonest; of two as common the one that sorts first."""
    return min(counts, key=lambda name: (-counts[name], name))


def spiky(before: CodeUse, use: CodeUse) -> bool | None:
    """PLA-06: whether one value has ten times the share that any value had in training. None for too few values."""
    if not before.top or not use.top or min(before.values, use.values) < FEWEST:
        return None
    value = modal(use.top)
    share, most = use.top[value] / use.values, before.top.get(value, 0) / before.values
    floor = max(most, 1 / before.values)
    return share > SPIKE * floor and share > POINTS


def _shift(reference: Baseline, window: Baseline) -> Iterator[Judged]:
    """TIM-08: the hours of the day align best when one of the two is turned by a whole number of hours."""
    lag = best_lag(reference.hours, window.hours)
    if lag is not None:
        yield Judged("TIM-08", "", int(lag != 0), 1)


def best_lag(before: Sequence[int], now: Sequence[int]) -> int | None:
    """By how many hours the second histogram lags the first: the best circular correlation, and 0 unless another is
    better by a tenth. None when one is too small or has no shape."""
    if len(before) != HOURS or len(now) != HOURS or min(sum(before), sum(now)) < FEWEST:
        return None
    first, second = _centred(before), _centred(now)
    norm = sqrt(sum(x * x for x in first) * sum(y * y for y in second))
    if norm == 0:
        return None
    fits = [sum(first[h] * second[(h + lag) % HOURS] for h in range(HOURS)) / norm for lag in range(HOURS)]
    best = max(range(HOURS), key=lambda lag: fits[lag])
    return best if fits[best] > fits[0] + 0.1 else 0


def _centred(counts: Sequence[int]) -> list[float]:
    mean = sum(counts) / len(counts)
    total = sum(counts)
    return [(count - mean) / total for count in counts]


def _volume(reference: Baseline, window: Baseline) -> Iterator[Judged]:
    """VOL-01: records per patient and day against the reference's, by Poisson's standard error."""
    before, now = reference.patients * reference.days, window.patients * window.days
    if min(before, now) <= 0 or min(reference.resources, window.resources) < FEWEST:
        return
    rate = (reference.resources + window.resources) / (before + now)
    error = sqrt(rate * (1 / before + 1 / now))
    change = window.resources / now - reference.resources / before
    wide = abs(change) > DEVIATIONS * error and abs(change) > 0.2 * reference.resources / before
    yield Judged("VOL-01", "", int(wide), 1)


def moved(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Whether a rate moved: by 5 points and by 4 standard errors of the pooled rate."""
    if min(before[1], now[1]) < FEWEST:
        return False
    pooled = (before[0] + now[0]) / (before[1] + now[1])
    error = sqrt(pooled * (1 - pooled) * (1 / before[1] + 1 / now[1]))
    change = abs(now[0] / now[1] - before[0] / before[1])
    return change >= POINTS and (error == 0 or change / error > DEVIATIONS)
