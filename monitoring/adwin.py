"""ADWIN: a window that shrinks when its older and newer parts have different means.

Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, SIAM SDM 2007 (algorithm ADWIN2, exponential
histogram with at most five buckets of each size; every cut between buckets is tried each 32 values).
"""

from collections.abc import Iterator, Mapping
from math import log, sqrt
from typing import Any

BUCKETS = 5
CLOCK = 32
LEAST = 5
"""Values that each part of a cut has at least."""
GRACE = 10

Bucket = tuple[float, float]
"""Sum and sum of squared deviations of a bucket's values."""


class Adwin:
    """``update(x)`` says whether the mean has changed. State: some hundred numbers whatever the window's length."""

    def __init__(self, delta: float = 0.002) -> None:
        self.delta = delta
        self.rows: list[list[Bucket]] = [[]]
        """``rows[i]`` holds buckets of ``2**i`` values, the oldest first; the last row is the oldest."""
        self.width, self.total, self.spread, self.ticks = 0, 0.0, 0.0, 0

    def update(self, x: float) -> bool:
        """Takes a finite number; True when the older part of the window was dropped."""
        if self.width:
            off = x - self.total / self.width
            self.spread += self.width * off * off / (self.width + 1)
        self.width += 1
        self.total += x
        self.rows[0].append((x, 0.0))
        self._merge()
        self.ticks += 1
        changed = False
        if self.ticks % CLOCK == 0:
            while self.width > GRACE and any(self._differs(*cut) for cut in self._cuts()):
                self._drop()
                changed = True
        return changed

    def mean(self) -> float | None:
        """Of the window as it is."""
        return self.total / self.width if self.width else None

    def _merge(self) -> None:
        """Where a size has a bucket too many, its two oldest become one of the next size."""
        for size, row in enumerate(self.rows):
            if len(row) <= BUCKETS:
                return
            (one, first), (two, second) = row[0], row[1]
            del row[:2]
            n = 2**size
            off = (one - two) / n
            if size + 1 == len(self.rows):
                self.rows.append([])
            self.rows[size + 1].append((one + two, first + second + n * off * off / 2))

    def _cuts(self) -> Iterator[tuple[int, float]]:
        """Length and sum of the older part, for every cut between two buckets."""
        n, total = 0, 0.0
        for size in range(len(self.rows) - 1, -1, -1):
            for bucket, _ in self.rows[size]:
                n += 2**size
                total += bucket
                yield n, total

    def _differs(self, n: int, total: float) -> bool:
        """Whether the means of both parts differ by more than chance: the paper's normal bound, δ' = δ / ln n."""
        other = self.width - n
        if n < LEAST or other < LEAST:
            return False
        bound = log(2 * log(self.width) / self.delta)
        weight = 1 / (n - LEAST + 1) + 1 / (other - LEAST + 1)
        variance = max(0.0, self.spread) / self.width
        most = sqrt(2 * weight * variance * bound) + 2 / 3 * bound * weight
        return abs(total / n - (self.total - total) / other) > most

    def _drop(self) -> None:
        """Forgets the oldest bucket."""
        size = len(self.rows) - 1
        total, spread = self.rows[size].pop(0)
        n = 2**size
        self.width -= n
        self.total -= total
        off = total / n - self.total / self.width
        self.spread -= spread + n * self.width * off * off / (n + self.width)
        while len(self.rows) > 1 and not self.rows[-1]:
            self.rows.pop()

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "delta": self.delta, "rows": self.rows, "width": self.width, "total": self.total, "spread": self.spread,
            "ticks": self.ticks,
        }  # fmt: skip

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Adwin":
        """The detector whose ``state`` this was."""
        made = cls(state["delta"])
        made.rows = [[(one, two) for one, two in row] for row in state["rows"]]
        made.width, made.total, made.spread = state["width"], state["total"], state["spread"]
        made.ticks = state["ticks"]
        return made
