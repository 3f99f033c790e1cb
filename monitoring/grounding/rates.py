"""Rates with their coverage and interval, and what a judge's rate is worth."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import sqrt

from monitoring.grounding.values import Counts

Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """``rate`` of ``of`` claims that could be checked, with a 95 % interval, and the ``coverage`` without which it says
    nothing: the share of all claims that could be checked. None where there is nothing to divide by."""

    rate: float | None
    low: float
    high: float
    of: int
    coverage: float | None


def wilson(hits: float, of: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson, J Am Stat Assoc 1927;22:209); of nothing it is [0, 1]."""
    if of <= 0:
        return 0.0, 1.0
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(counts: Counts) -> Rate:
    """(contradicted + unsupported) / checkable."""
    bad, of = counts.contradicted + counts.unsupported, counts.checkable
    low, high = wilson(bad, of)
    return Rate(rate=bad / of if of else None, low=low, high=high, of=of, coverage=counts.coverage)


def add(all: Iterable[Counts]) -> Counts:
    """The counts of several texts together."""
    totals = dict.fromkeys((each.name for each in fields(Counts)), 0)
    for counts in all:
        for name in totals:
            totals[name] += getattr(counts, name)
    return Counts(**totals)


def rogan_gladen(apparent: float, *, sensitivity: float, specificity: float) -> float:
    """The true rate behind the one that a fallible judge reports (Rogan and Gladen, Am J Epidemiol 1978;107:71), kept within
    [0, 1]. ``sensitivity`` and ``specificity`` are the judge's, measured on the human sample. Raises ValueError for a judge
    no better than chance: nothing can be worked out from it."""
    power = sensitivity + specificity - 1
    if not all(0 <= share <= 1 for share in (apparent, sensitivity, specificity)) or power <= 0:
        raise ValueError("shares must lie within 0 to 1, and the judge must be better than chance")
    return min(1.0, max(0.0, (apparent + specificity - 1) / power))
