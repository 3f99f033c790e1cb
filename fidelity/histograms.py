"""Histograms on bins that are fixed by the decimal system: three leading digits of a number, or fewer where a measure has
too many. A bin is written as ``1.23e+02``, so no two lanes, machines or orders can disagree about it; sums are of decimals.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from fidelity.counts import Key, kept

GROUPS = 4_000
"""Measures (code and unit) that have a histogram: those of the smallest hash where there are more."""
BINS = 1_024
"""Bins of one measure: beyond it a digit less is kept of each number."""


@dataclass(kw_only=True, slots=True)
class Histogram:
    """``digits`` leading digits are kept, 3 down to 1."""

    bins: Counter[str] = field(default_factory=Counter)
    digits: int = 3

    def put(self, bin: str, number: int) -> None:
        """Counts numbers of a bin of three digits."""
        self.bins[coarse(bin, self.digits)] += number
        self._settle()

    def merge(self, other: "Histogram") -> None:
        """Adds another's counts to these."""
        digits = min(self.digits, other.digits)
        if digits < self.digits:
            self._coarsen(digits)
        for bin, number in other.bins.items():
            self.bins[coarse(bin, self.digits)] += number
        self._settle()

    def _settle(self) -> None:
        while len(self.bins) > BINS and self.digits > 1:
            self._coarsen(self.digits - 1)

    def _coarsen(self, digits: int) -> None:
        self.digits, bins = digits, self.bins
        self.bins = Counter()
        for bin, number in bins.items():
            self.bins[coarse(bin, digits)] += number


def coarse(bin: str, digits: int) -> str:
    """The same bin with fewer digits, cut off: ``1.23e+02`` → ``1.2e+02`` → ``1e+02``."""
    if digits == 3:
        return bin
    mantissa, _, exponent = bin.partition("e")
    return f"{mantissa[: len(mantissa.partition('.')[0]) + (2 if digits == 2 else 0)]}e{exponent}"


@dataclass(kw_only=True, slots=True)
class Histograms:
    """By measure: system, code, unit and form of the unit."""

    groups: dict[Key, Histogram] = field(default_factory=dict)

    def put(self, key: Key, number: int) -> None:
        """Counts numbers: the key is a measure and a bin."""
        measure = key[:-1]
        if (histogram := self.groups.get(measure)) is None:
            histogram = self.groups[measure] = Histogram()
        histogram.put(key[-1], number)
        if len(self.groups) > 2 * GROUPS:
            self.fold()

    def add(self, keys: Iterable[Key]) -> None:
        """Counts numbers, once each."""
        for key, number in Counter(keys).items():
            self.put(key, number)

    def merge(self, other: "Histograms") -> None:
        """Adds another's counts to these."""
        for measure, histogram in other.groups.items():
            self.groups.setdefault(measure, Histogram()).merge(histogram)
        if len(self.groups) > 2 * GROUPS:
            self.fold()

    def fold(self) -> None:
        """Gives up the measures beyond ``GROUPS``. One that was given up stays so: others of smaller hash stand for it."""
        if len(self.groups) > GROUPS:
            keep = kept(self.groups, GROUPS)
            self.groups = {measure: each for measure, each in self.groups.items() if measure in keep}


def ordered(bins: Mapping[str, int]) -> Iterator[tuple[Decimal, int]]:
    """Numbers and counts, smallest first."""
    yield from sorted((Decimal(bin), number) for bin, number in bins.items())


def total(bins: Mapping[str, int]) -> Decimal:
    """The sum of all numbers, as their bins tell them; exact."""
    return sum((Decimal(bin) * number for bin, number in bins.items()), Decimal(0))
