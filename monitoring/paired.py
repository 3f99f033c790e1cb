"""Two series of the same cases: how far they lie apart, and how often they fall on either side of a limit. Pure.

The two are not independent (one chart, two models), so every interval below is of the pairs or holds whatever the dependence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, exp, lgamma, log, log1p, sqrt
from typing import Any

import numpy as np

from monitoring.quantiles import normal, wilson

Array = np.ndarray[Any, Any]
SHARE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its interval; NaN where there is none."""

    value: float
    low: float
    high: float


@lru_cache(maxsize=64)
def student(share: float, freedom: int) -> float:
    """The quantile of Student's t distribution, above its median, by bisection of its distribution function."""
    low, high = 0.0, 2.0
    while _student_below(high, freedom) < share:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _student_below(t: float, freedom: int) -> float:
    """P(T ≤ t) for t ≥ 0 by the incomplete beta function (Abramowitz and Stegun 26.7.1)."""
    return 1 - _beta_below(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8), on the side where
    that converges."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_below(1 - x, b, a)
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    up, down = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = down
    for m in range(1, 300):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            down, up = 1 / (1 + term * down), 1 + term / up
            value *= down * up
        if abs(down * up - 1) < 1e-15:
            break
    return front * value


def mean_difference(one: Array, other: Array) -> Estimate:
    """``other`` minus ``one`` on average, with the interval of a paired t test; NaN bounds below two pairs."""
    apart = other - one
    mean = float(apart.mean())
    if apart.size < 2:
        return Estimate(value=mean, low=float("nan"), high=float("nan"))
    half = student(0.5 + SHARE / 2, apart.size - 1) * float(apart.std(ddof=1)) / sqrt(apart.size)
    return Estimate(value=mean, low=mean - half, high=mean + half)


def limits_of_agreement(one: Array, other: Array) -> tuple[float, float]:
    """Between which 95 % of the differences lie (Bland and Altman, Lancet 327, 1986). Needs two pairs."""
    apart = other - one
    mean, half = float(apart.mean()), normal(0.5 + SHARE / 2) * float(apart.std(ddof=1))
    return mean - half, mean + half


def distance(one: Array, other: Array) -> Estimate:
    """The largest gap between the two distribution functions (Kolmogorov and Smirnov). The interval is the sum of both
    series' own bands (Massart's constant in the inequality of Dvoretzky, Kiefer and Wolfowitz, Ann. Probab. 18, 1990, at half
    the miss each), which holds though the two depend on one another; it is wide where pairs are few."""
    points = np.union1d(one, other)
    gaps = _below(one, points) - _below(other, points)
    value = float(abs(gaps).max())
    band = sum(sqrt(log(4 / (1 - SHARE)) / (2 * each.size)) for each in (one, other))
    return Estimate(value=value, low=max(0.0, value - band), high=min(1.0, value + band))


def _below(values: Array, points: Array) -> Array:
    found: Array = np.searchsorted(np.sort(values), points, side="right") / values.size
    return found


def surprise(only_one: int, only_other: int) -> float:
    """How likely so uneven a split of the disagreements is by chance: McNemar's test in its exact form, two-sided."""
    n, least = only_one + only_other, min(only_one, only_other)
    if n > 1000:  # the same by the normal approximation, with its correction
        return min(1.0, 2 * (1 - _normal_below((abs(only_one - only_other) - 1) / sqrt(n))))
    return min(1.0, float(2 * sum(comb(n, k) for k in range(least + 1)) / 2**n))


def _normal_below(z: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(z)


def agreement(same: int, pairs: int) -> Estimate:
    """The share of pairs that agree, with its Wilson interval."""
    low, high = wilson(same, pairs)
    return Estimate(value=same / pairs if pairs else float("nan"), low=low, high=high)


def kappa(words: Sequence[tuple[str, str]]) -> float:
    """Agreement beyond what the two rates alone would bring (Cohen, Educ. Psychol. Meas. 20, 1960); NaN when both say but one
    word."""
    n = len(words)
    same = sum(one == other for one, other in words) / n
    names = {each for pair in words for each in pair}
    chance = sum(sum(w[0] == name for w in words) * sum(w[1] == name for w in words) for name in names) / n**2
    return float("nan") if chance == 1 else (same - chance) / (1 - chance)
