"""How a feed comes: gaps (VOL-02), searches that were cut short (VOL-03), the lag of arrival (TIM-07)."""

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

GAP = 4.0
"""Times the 99th percentile of the time between arrivals."""
FEWEST, DAYS = 200, 7
"""Arrivals, and days that they are spread over, from which on their rhythm is known."""
FLOOR = 3600.0
"""Seconds below which no pause is a gap."""
DAY = 86400.0


class Stream(NamedTuple):
    """One source and type."""

    source: str
    type: str


class Flow:
    """When records arrived (``meta.lastUpdated``), by stream."""

    def __init__(self) -> None:
        self._arrivals: dict[Stream, array[float]] = {}
        self._lags: dict[Stream, array[float]] = {}

    def arrived(self, stream: Stream, at: float, true_at: float | None) -> None:
        """One record that arrived at ``at`` and speaks of ``true_at``, Unix seconds."""
        self._arrivals.setdefault(stream, array("d")).append(at)
        if true_at is not None:
            self._lags.setdefault(stream, array("d")).append(at - true_at)

    def gaps(self) -> Iterator[tuple[Stream, bool | None]]:
        """VOL-02 of each stream: whether it never paused longer than it does; None while its rhythm is not known."""
        for stream, arrivals in sorted(self._arrivals.items()):
            yield stream, steady(sorted(arrivals))

    def lags(self, allowed: float | None) -> Iterator[tuple[Stream, bool | None]]:
        """TIM-07 of each stream: whether 95 of 100 records arrive within the time agreed; None when none is agreed."""
        for stream, lags in sorted(self._lags.items()):
            yield stream, None if allowed is None or len(lags) < FEWEST else quantile(sorted(lags), 0.95) <= allowed


def steady(arrivals: list[float]) -> bool | None:
    """Whether no time between arrivals (sorted) is longer than four times the 99th percentile of them."""
    if len(arrivals) < FEWEST or arrivals[-1] - arrivals[0] < DAYS * DAY:
        return None
    between = sorted(then - now for now, then in pairwise(arrivals))
    return between[-1] <= max(GAP * quantile(between, 0.99), FLOOR)


def quantile(ordered: list[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
