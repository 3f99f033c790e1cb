"""How well numbers tell events from others, and whether they say how often: AUROC, calibration, and both without labels."""

from math import exp, log, sqrt
from typing import Any

import numpy as np

from monitoring.quantiles import normal, tails

Array = np.ndarray[Any, Any]


def ranks(values: Array) -> Array:
    """Ranks from 1 on; equal values share the middle of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right")
    found = np.empty(values.size)
    found[order] = (first + 1 + last) / 2
    return found


def auroc(scores: Array, events: Array) -> tuple[float, float]:
    """The area under the ROC curve and its standard error (DeLong et al., Biometrics 44, 1988; the placements by ranks as in
    Sun and Xu, IEEE Signal Processing Letters 21, 2014). Needs two of either class, else NaN."""
    true = events.astype(bool)
    ones, zeros = scores[true], scores[~true]
    m, n = ones.size, zeros.size
    if m < 2 or n < 2:
        return float("nan"), float("nan")
    together = ranks(np.concatenate([ones, zeros]))
    above = (together[:m] - ranks(ones)) / n
    below = 1 - (together[m:] - ranks(zeros)) / m
    return float(above.mean()), sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)


def expected_auroc(chances: Array) -> float:
    """AUROC as it is if every chance is true (CBPE): assumes calibration. NaN without two different chances."""
    ordered = np.sort(chances)
    if ordered.size < 2 or ordered[0] == ordered[-1]:
        return float("nan")
    sums = np.concatenate([[0.0], np.cumsum(1 - ordered)])
    first, last = (np.searchsorted(ordered, ordered, side=side) for side in ("left", "right"))
    below = (sums[first] + sums[last]) / 2  # of equal chances, half
    return float((ordered * below).sum() / (ordered.sum() * sums[-1]))


def over_expected(chances: Array, events: int, share: float = 0.95) -> tuple[float, float, float]:
    """Observed over expected events with its exact interval: the calibrations, all chances shifted alike on the logit scale,
    under which so many or so few are no less likely than half of what is left."""
    expected = float(chances.sum())
    miss = (1 - share) / 2
    low = 0.0 if events == 0 else _shifted(chances, events, miss, upper=False) / expected
    high = chances.size / expected if events == chances.size else _shifted(chances, events, miss, upper=True) / expected
    return events / expected, low, high


def _shifted(chances: Array, events: int, miss: float, *, upper: bool) -> float:
    """The expectation at the end of the interval. How unlikely the observed number is, said as a normal deviate, is nearly
    linear in the shift: the secant method is there in a few steps."""
    held = np.clip(chances, 1e-9, 1 - 1e-9)
    odds = np.log(held / (1 - held))

    def far(shift: float) -> tuple[float, float]:
        moved = 1 / (1 + np.exp(-(odds + shift)))
        most, least = tails(moved, events)
        beyond = min(max(most if upper else least, 1e-15), 1 - 1e-15)
        return normal(beyond) - normal(miss), float(moved.sum())

    spread = sqrt(max(float((held * (1 - held)).sum()), 1e-9))
    before = log((events + 0.5) / (held.size - events + 0.5)) - log(float(held.sum()) / (held.size - float(held.sum())))
    shift = before + (2.0 if upper else -2.0) / spread
    (was, _), (off, expected) = far(before), far(shift)
    for _ in range(12):
        if abs(off) < 1e-4 or off == was:
            break
        before, shift, was = shift, shift - off * (shift - before) / (off - was), off
        off, expected = far(shift)
    return expected


def brier_excess(chances: Array, events: Array) -> tuple[float, float]:
    """Brier score minus what it is if every chance is true, and the standard deviation of that difference then."""
    variance = chances * (1 - chances)
    excess = float(((chances - events) ** 2).mean() - variance.mean())
    return excess, sqrt(float((variance * (1 - 2 * chances) ** 2).sum())) / chances.size


def calibration_error(chances: Array, events: Array, bins: int = 10) -> tuple[float, float, float]:
    """Expected calibration error over bins of equal counts; its mean and standard deviation if every chance is true."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    weights = np.array([part.size for part in parts]) / chances.size
    gaps = np.array([abs(float((events[part] - chances[part]).mean())) if part.size else 0.0 for part in parts])
    spreads = np.array(
        [sqrt(float((chances[part] * (1 - chances[part])).sum())) / part.size if part.size else 0.0 for part in parts]
    )
    half = 2 / np.pi
    return (
        float(weights @ gaps),
        float(weights @ spreads * sqrt(half)),
        sqrt(float((weights**2) @ spreads**2) * (1 - half)),
    )


def slope(chances: Array, events: Array) -> tuple[float, float]:
    """The logistic slope of events on the logit of the chances (1 when they are as spread as they should be) and its standard
    error (Cox, Biometrika 45, 1958), by Newton's method. NaN where it does not exist."""
    held = np.clip(chances, 1e-9, 1 - 1e-9)
    design = np.column_stack([np.ones(held.size), np.log(held / (1 - held))])
    weights = np.array([0.0, 1.0])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -35, 35)))
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        if abs(np.linalg.det(information)) < 1e-9:
            return float("nan"), float("nan")
        step = np.linalg.solve(information, design.T @ (events - fitted))
        weights = weights + np.clip(step, -2, 2)
        if abs(step).max() < 1e-9:
            return float(weights[1]), sqrt(float(np.linalg.inv(information)[1, 1]))
    return float("nan"), float("nan")


def interval(value: float, error: float, share: float = 0.95) -> tuple[float, float]:
    """The AUROC's interval on the logit scale, where it cannot leave (0, 1)."""
    if not 0 < value < 1 or error == 0:
        return value, value
    half = normal(0.5 + share / 2) * error / (value * (1 - value))
    odds = value / (1 - value)
    return 1 / (1 + exp(half) / odds), 1 / (1 + exp(-half) / odds)
