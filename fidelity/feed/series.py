"""The values of one patient beside one another: a value in another unit (UNI-06, for what is plausible in both) and a step
that no body takes (PLA-05). Judged at the end, so that the order in which records came decides nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from fidelity.swaps import BY_UNIT

LIKE = 0.05
"""How far a ratio may be from the factor between two units and still be it (catalogue: within 5 %)."""
FEWEST = 2
"""Other values that a value is held against, at least."""
ADULT = 18 * 365.25 * 86400.0
DAY = 86400.0


class Step(NamedTuple):
    """The widest step within a time: ``most`` in the code's customary unit or, with ``share``, as part of the first value."""

    most: float
    within: float
    share: bool = False
    source: str = ""


STEPS: Mapping[str, Step] = {
    # Wider than delta-check limits of laboratories (CLSI EP33), which ask for a second look: beyond these it is another
    # patient's specimen or another unit. Proposed by the project, signed by nobody yet.
    "2951-2": Step(40, DAY), "2947-0": Step(40, DAY),
    "2823-3": Step(6, DAY), "6298-4": Step(6, DAY),
    "718-7": Step(10, DAY),
    "787-2": Step(30, 3 * DAY),
    "29463-7": Step(0.4, 7 * DAY, share=True), "3141-9": Step(0.4, 7 * DAY, share=True),
    "8302-2": Step(25, 30 * DAY),
}  # fmt: skip
SWAPPED = frozenset({"29463-7", "3141-9", "8302-2"})
"""Body weight and height: plausible in both units, so only the patient's other values can tell."""
KEPT = frozenset(STEPS) | SWAPPED


class Point(NamedTuple):
    """One value of a series: when (Unix seconds), how much, in what, and where its count and pointer stand."""

    at: float
    value: float
    unit: str
    place: Any


def swapped(code: str, points: Sequence[Point], born: float | None) -> Iterator[tuple[Point, bool]]:
    """UNI-06 of each adult value: whether its ratio to the median of the patient's others is the factor to another unit."""
    if code not in SWAPPED or born is None:
        return
    grown = [point for point in points if point.at - born >= ADULT]
    for point in grown:
        others = [each.value for each in grown if each is not point and each.unit == point.unit]
        if len(others) < FEWEST or (middle := median(others)) <= 0:
            continue
        ratio = point.value / middle
        factors = [swap.slope for swap in BY_UNIT.get(point.unit, ()) if not swap.offset]
        yield point, any(abs(ratio / factor - 1) <= LIKE for factor in factors)


def stepped(code: str, points: Sequence[Point]) -> Iterator[tuple[Point, bool]]:
    """PLA-05 of each value but the first: whether the step to it is wider than a body takes in that time."""
    step = STEPS.get(code)
    ordered = sorted(points, key=lambda point: (point.at, point.value))
    for before, after in pairwise(ordered):
        if step is None or before.unit != after.unit or after.at - before.at > step.within:
            continue
        wide = abs(after.value - before.value)
        yield after, wide > (step.most * abs(before.value) if step.share else step.most)
