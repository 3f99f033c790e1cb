"""Detectors of one number at a time: sums of evidence, a changed mean, outputs that stick, outputs that stop.

Each is ``update(x)`` and a ``state()`` of plain values that ``of`` takes back exactly.
"""

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from math import comb, log
from typing import Any


class Cusum:
    """Two-sided CUSUM of a standardised number (Page, Biometrika 41, 1954): slack ``k``, sums in standard deviations.
    The sums stop at ``most``, so that a drift that ends is over soon."""

    def __init__(self, k: float = 0.25, most: float = 100.0) -> None:
        self.k, self.most, self.up, self.down = k, most, 0.0, 0.0

    def update(self, z: float) -> float:
        """The larger of both sums after ``z``."""
        self.up = min(self.most, max(0.0, self.up + z - self.k))
        self.down = min(self.most, max(0.0, self.down - z - self.k))
        return max(self.up, self.down)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"k": self.k, "most": self.most, "up": self.up, "down": self.down}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Cusum":
        """The detector whose ``state`` this was."""
        made = cls(state["k"], state["most"])
        made.up, made.down = state["up"], state["down"]
        return made


def evidence(p0: float, p1: float) -> tuple[float, float]:
    """What an event, and what its absence, adds to the log likelihood ratio of rate ``p1`` to ``p0``."""
    return log(p1 / p0), log((1 - p1) / (1 - p0))


class BernoulliCusum:
    """CUSUM of events at rate ``p0`` against ``p1`` (Reynolds and Stoumbos, J Quality Technology 31, 1999)."""

    def __init__(self, p0: float, p1: float, most: float = 40.0) -> None:
        self.p0, self.p1, self.most, self.sum = p0, p1, most, 0.0
        self._event, self._none = evidence(p0, p1)

    def update(self, event: bool) -> float:
        """The sum after one more trial."""
        self.sum = min(self.most, max(0.0, self.sum + (self._event if event else self._none)))
        return self.sum

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"p0": self.p0, "p1": self.p1, "most": self.most, "sum": self.sum}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "BernoulliCusum":
        """The detector whose ``state`` this was."""
        made = cls(state["p0"], state["p1"], state["most"])
        made.sum = state["sum"]
        return made


class PageHinkley:
    """Two-sided Page-Hinkley test against the running mean (Page 1954; Mouss et al., Asian Control Conference 2004), with
    the fading factor and the limits that river has. It begins anew after a detection."""

    def __init__(self, delta: float = 0.005, threshold: float = 50.0, fading: float = 0.9999, least: int = 30) -> None:
        self.delta, self.threshold, self.fading, self.least = delta, threshold, fading, least
        self._forget()

    def _forget(self) -> None:
        self.n, self.mean, self.up, self.down = 0, 0.0, 0.0, 0.0
        self.lowest, self.highest = float("inf"), -1.0

    def update(self, x: float) -> bool:
        """Whether the mean has changed, up or down."""
        self.n += 1
        self.mean += (x - self.mean) / self.n
        off = x - self.mean
        self.up = self.fading * self.up + off - self.delta
        self.down = self.fading * self.down + off + self.delta
        self.lowest, self.highest = min(self.lowest, self.up), max(self.highest, self.down)
        if self.n < self.least:
            return False
        if max(self.up - self.lowest, self.highest - self.down) <= self.threshold:
            return False
        self._forget()
        return True

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return dict(vars(self))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "PageHinkley":
        """The detector whose ``state`` this was."""
        made = cls()
        vars(made).update(state)
        return made


STUCK_WINDOW = 100
STUCK_SHARE = 0.95
STUCK_CHANCE = 1e-7
"""How likely so many equal outputs in one window may be by chance, at most."""


@lru_cache(maxsize=64)
def stuck_at(usual: float) -> int | None:
    """Of 100 outputs, how many equal ones are stuck: 95, or more where the most frequent output has the share ``usual``
    anyway; None where even 100 would be no surprise."""
    least = round(STUCK_SHARE * STUCK_WINDOW)
    tail, found = 0.0, None
    for count in range(STUCK_WINDOW, least - 1, -1):
        tail += comb(STUCK_WINDOW, count) * usual**count * (1 - usual) ** (STUCK_WINDOW - count)
        if tail > STUCK_CHANCE:
            break
        found = count
    return found


class Stuck:
    """How many of the last 100 outputs are the same one."""

    def __init__(self) -> None:
        self.last: deque[float] = deque()
        self.counts: dict[float, int] = {}

    def update(self, x: float) -> int:
        """The count of the most frequent one, where it can be 95 at all; 0 before there are 100, or when it cannot."""
        self.last.append(x)
        self.counts[x] = self.counts.get(x, 0) + 1
        if len(self.last) > STUCK_WINDOW:
            gone = self.last.popleft()
            self.counts[gone] -= 1
            if not self.counts[gone]:
                del self.counts[gone]
        full = len(self.last) == STUCK_WINDOW
        return max(self.counts.values()) if full and len(self.counts) <= STUCK_WINDOW // 20 + 1 else 0

    @staticmethod
    def limit(usual: float | None) -> int | None:
        """The count from which it is stuck, given the usual share of the most frequent output (None: not known yet)."""
        return stuck_at(0.5 if usual is None else usual)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"last": list(self.last)}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Stuck":
        """The detector whose ``state`` this was."""
        made = cls()
        for each in state["last"]:
            made.update(each)
        return made


SILENCE_FACTOR = 4.0
GAPS = 500
"""Gaps that are kept for their 99th percentile, and from which it is told."""
GAPS_LEAST = 200


HOUR, DAY_HOURS, WEEK_HOURS = 3600.0, 24, 168
MISSED = 10.0
"""Outputs that the same hours of the two weeks before had, from which their silence is no chance (e⁻¹⁰): a ward at night and
a clinic at the weekend are silent rightly. Where outputs come evenly, four times the 99th percentile stands for 18."""


class Silence:
    """How long since the last output, in multiples of what is usual. ``usual`` is the 99th percentile of the gaps, seconds,
    from the reference; None: that of the last 500 gaps, once there are 200. ``hours`` counts outputs by the hour."""

    def __init__(self, usual: float | None = None) -> None:
        self.usual, self.last, self.gaps = usual, None, []  # type: tuple[float | None, float | None, list[float]]
        self.hours: dict[int, int] = {}
        self.began: int | None = None

    def update(self, at: float) -> None:
        """An output at ``at``, Unix seconds."""
        hour = int(at // HOUR)
        if hour not in self.hours:
            self.began = hour if self.began is None else self.began
            old = hour - 2 * WEEK_HOURS - DAY_HOURS
            self.hours = {each: count for each, count in self.hours.items() if each >= old}
        self.hours[hour] = self.hours.get(hour, 0) + 1
        if self.last is not None and self.usual is None:
            self.gaps.append(max(0.0, at - self.last))
            del self.gaps[:-GAPS]
        self.last = at if self.last is None else max(at, self.last)

    def limit(self) -> float | None:
        """Seconds after which silence is an alarm; None while that is not known."""
        if self.usual is not None:
            return SILENCE_FACTOR * self.usual
        if len(self.gaps) < GAPS_LEAST:
            return None
        return SILENCE_FACTOR * sorted(self.gaps)[int(0.99 * (len(self.gaps) - 1))]

    def quiet_for(self, at: float) -> float | None:
        """Seconds since the last output; None before the first."""
        return None if self.last is None else max(0.0, at - self.last)

    def missed(self, at: float) -> float | None:
        """How many outputs the same hours of the two weeks before had on average since the last one (in the first week: the
        hours of the day before); None where there is nothing to compare with."""
        if self.last is None or self.began is None:
            return None
        total, hour = 0.0, int(self.last // HOUR)
        while hour * HOUR < at and total < MISSED:
            usual = self._usual(hour)
            if usual is None:
                return None
            total += usual * (min(at, (hour + 1) * HOUR) - max(self.last, hour * HOUR)) / HOUR
            hour += 1
        return total

    def _usual(self, hour: int) -> float | None:
        before = [hour - WEEK_HOURS, hour - 2 * WEEK_HOURS]
        known = [each for each in before if self.began is not None and each >= self.began]
        if not known and self.began is not None and hour - DAY_HOURS >= self.began:
            known = [hour - DAY_HOURS]
        return sum(self.hours.get(each, 0) for each in known) / len(known) if known else None

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "usual": self.usual, "last": self.last, "gaps": self.gaps, "hours": sorted(self.hours.items()), "began": self.began,
        }  # fmt: skip

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Silence":
        """The detector whose ``state`` this was."""
        made = cls(state["usual"])
        made.last, made.gaps = state["last"], list(state["gaps"])
        made.hours, made.began = dict(state.get("hours", ())), state.get("began")
        return made
