"""Numbers of one sentence that stand for a change: ``from a to b``, ``b, down from a``, ``a -> b -> c`` (G-TMP-01)."""

from collections.abc import Iterator, Sequence

from monitoring.grounding.facts import Measured
from monitoring.grounding.mention import Number
from monitoring.grounding.units import in_unit, rounding
from monitoring.grounding.values import Verdict

STEADY, MOVED = 0.10, 0.25
"""Relative change up to which a series is stable, and from which it is not; between them nobody can say."""
Change = tuple[Verdict, str, tuple[Measured, ...]]


def matching(number: Number, candidates: Sequence[Measured], key: str) -> list[Measured]:
    """The values of the chart that are a number, at the precision written and in its unit."""
    unit, (low, high) = number.unit, rounding(number.value, number.decimals)
    return [
        each
        for each in candidates
        if (low <= each.value <= high if unit is None or unit == each.unit else _converted(each, unit, key, low, high))
    ]


def _converted(each: Measured, unit: str, key: str, low: float, high: float) -> bool:
    said = in_unit(each.value, each.unit, unit, key)
    return said is not None and low <= said <= high


def pairs(numbers: Sequence[Number]) -> Iterator[tuple[Number, Number]]:
    """``(earlier, later)`` of the changes that numbers tell of."""
    for at, number in enumerate(numbers):
        if number.turn == "to":
            yield numbers[at - 1], number
        elif number.turn == "from" and at and not (at + 1 < len(numbers) and numbers[at + 1].turn == "to"):
            yield number, numbers[at - 1]


def change(
    numbers: Sequence[Number], wanted: str, against: bool, series: Sequence[Measured], key: str
) -> Change | None:
    """What the chart and the numbers themselves say of a change; None where the sentence tells of none that can be found.
    ``wanted`` is ``up``, ``down``, ``stable`` or empty."""
    behind: tuple[Measured, ...] = ()
    told = [each for each in pairs(numbers) if _plain(each)]
    for earlier, later in told:
        before, after = matching(earlier, series, key), matching(later, series, key)
        if not before or not after:
            return None
        behind = (before[0], after[-1])
        if before[0].at > after[-1].at:
            return "contradicted", "G-TMP-01", behind
    if not told:
        return None
    held = _moved(told[0][0].value, told[-1][1].value, wanted)
    if held is None or (against and wanted):
        return "uncheckable", "", ()
    return ("supported", "", behind) if held else ("contradicted", "G-TMP-01", behind)


def _plain(pair: tuple[Number, Number]) -> bool:
    """Whether both are single numbers, and of one unit where both say one."""
    return not any(n.compare or n.upper or n.fellow for n in pair) and len({n.unit for n in pair} - {None}) < 2


def _moved(first: float, last: float, wanted: str) -> bool | None:
    """Whether numbers move as is said of them; None where nobody can say."""
    if not wanted:
        return True
    if wanted != "stable":
        return None if first == last else (last > first) == (wanted == "up")
    moved = abs(last - first) / max(abs(first), 1e-9)
    return True if moved <= STEADY else False if moved >= MOVED else None
