"""Quantiles and intervals of counts, without scipy: chi-square, normal, Wilson, exact Poisson-binomial."""

from functools import lru_cache
from math import exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import Any

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


Chances = np.ndarray[Any, Any]


def poisson_binomial(chances: Chances) -> Chances:
    """The distribution of how many of independent events come true: entry k is P(k). Polynomials are multiplied pair by pair,
    all pairs of a size at once by Fourier transform: exact but for rounding (1e-15)."""
    size = 1 << max(0, int(chances.size - 1).bit_length())
    held = np.zeros(size)
    held[: chances.size] = chances
    mass = np.column_stack([1 - held, held])
    while len(mass) > 1:
        length = mass.shape[1] * 2 - 1
        if length < 32:
            mass = _multiply(mass[::2], mass[1::2])
        else:
            terms = np.fft.rfft(mass, 1 << length.bit_length(), axis=1)
            mass = np.fft.irfft(terms[::2] * terms[1::2], axis=1)[:, :length]
    return np.maximum(mass[0, : chances.size + 1], 0.0)


def _multiply(one: Chances, two: Chances) -> Chances:
    """Products of short polynomials, row by row."""
    found = np.zeros((len(one), one.shape[1] + two.shape[1] - 1))
    for place in range(two.shape[1]):
        found[:, place : place + one.shape[1]] += one * two[:, place : place + 1]
    return found


def tails(chances: Chances, observed: int) -> tuple[float, float]:
    """P(at most ``observed``) and P(at least ``observed``) when each event has its own chance."""
    mass = poisson_binomial(chances)
    return float(mass[: observed + 1].sum()), float(mass[observed:].sum())


def band(chances: Chances, share: float = 0.95) -> tuple[int, int]:
    """The numbers of events between which chance alone stays, with at most half of the rest beyond either."""
    below = np.cumsum(poisson_binomial(chances))
    return int(np.searchsorted(below, 0.5 - share / 2)), int(np.searchsorted(below, 0.5 + share / 2))
