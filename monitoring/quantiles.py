"""Quantiles and intervals of counts, without scipy: chi-square, normal, Wilson, exact Poisson-binomial."""

from functools import lru_cache
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np


def normal(share: float) -> float:
    """The quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(share)


@lru_cache(maxsize=256)
def chi_square(share: float, freedom: int) -> float:
    """The quantile of the chi-square distribution, by bisection of its distribution function; 0 without freedom."""
    if freedom < 1:
        return 0.0
    low, high = 0.0, float(freedom)
    while _below(high, freedom) < share:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _below(x: float, freedom: int) -> float:
    """P(chi-square ≤ x): the regularised incomplete gamma function by its series (Abramowitz and Stegun 6.5.29)."""
    a, x = freedom / 2, x / 2
    if x <= 0:
        return 0.0
    term = total = 1 / a
    n = a
    while term > total * 1e-17:
        n += 1
        term *= x / n
        total += term
    return min(1.0, total * exp(a * log(x) - x - lgamma(a)))


def wilson(events: int, trials: int, share: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a rate (Wilson, JASA 22, 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = normal(0.5 + share / 2)
    rate, weight = events / trials, z * z / trials
    middle = (rate + weight / 2) / (1 + weight)
    half = z * sqrt(rate * (1 - rate) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson_binomial(chances: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The distribution of how many of independent events come true: entry k is P(k). By convolution, half with half."""
    parts = [np.array([1 - p, p]) for p in chances] or [np.ones(1)]
    while len(parts) > 1:
        paired = [_together(one, two) for one, two in zip(parts[::2], parts[1::2], strict=False)]
        parts = paired + ([parts[-1]] if len(parts) % 2 else [])
    return parts[0]


def _together(
    one: "np.ndarray[tuple[int], np.dtype[np.float64]]", two: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = np.convolve(one, two)
    return found


def tails(chances: "np.ndarray[tuple[int], np.dtype[np.float64]]", observed: int) -> tuple[float, float]:
    """P(at most ``observed``) and P(at least ``observed``) when each event has its own chance."""
    mass = poisson_binomial(chances)
    return float(mass[: observed + 1].sum()), float(mass[observed:].sum())
