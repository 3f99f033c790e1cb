"""The output as a stream (M-OUT-02 to M-OUT-04): alerts too often or too seldom, a changed mean, outputs that stick or stop."""

from bisect import bisect_right
from collections.abc import Mapping
from math import sqrt
from typing import Any

from monitoring.adwin import Adwin
from monitoring.levels import CLEAR_AFTER
from monitoring.outcomes import Judged
from monitoring.reference import Reference
from monitoring.scalars import MISSED, STUCK_WINDOW, BernoulliCusum, PageHinkley, Silence, Stuck
from monitoring.strata import Strata
from monitoring.thresholds import Numbers

EVERY, RECENT = 20, 1000
"""Encounters between two evaluations of what is quiet; newest outputs that are kept."""


class Scores:
    """``update(value)`` once an encounter; ``heard(at)`` at every output; ``silence_at(at)`` when time has passed. Each gives
    judgements: those that are not quiet at once, and all of them each 20 encounters, so that levels can fall."""

    def __init__(self, reference: Reference, numbers: Mapping[str, Numbers]) -> None:
        self.numbers, self.reference = numbers, reference
        self.adwin = Adwin(numbers["M-OUT-02"]["delta"])
        hinkley = numbers["M-OUT-02"]["page_hinkley"]
        self.hinkley = PageHinkley(threshold=hinkley) if hinkley else None
        self.stuck, self.silence, self.strata = (
            Stuck(),
            Silence(reference.gap_p99),
            Strata(len(reference.output.edges) + 2),
        )
        self.seen: dict[str, int] = {}
        self.usual: float | None = None
        self.alerts, self.counted = 0, 0
        self.rates: dict[str, BernoulliCusum] = {}
        self.recent: list[float] = []
        self.total, self.silent = 0, 0
        if reference.alert_rate is not None:
            self._expect(reference.alert_rate, reference.output.n)

    def _expect(self, rate: float, n: int) -> None:
        """Watch the rate of alerts from here on; it was measured on ``n`` encounters, and is taken for higher, or lower, by its
        standard error: else what was measured too low would alarm by itself."""
        numbers, doubt = self.numbers["M-OUT-03"], sqrt(rate * (1 - rate) / max(n, 1)) if n else 0.0
        usual = {"high": min(max(rate + doubt, 0.005), 0.6), "low": min(max(rate - doubt, 0.005), 0.6)}
        self.rates = {name: _cusum(each, numbers[name]) for name, each in usual.items()}

    def heard(self, at: float) -> list[Judged]:
        """An output came, whatever it was."""
        self.silence.update(at)
        if not self.silent:
            return []
        self.silent -= 1
        return [self._silence(0, 0.0)]

    def silence_at(self, at: float) -> list[Judged]:
        """Whether the outputs have stopped. Empty while it is not known how often they come."""
        limit, quiet = self.silence.limit(), self.silence.quiet_for(at)
        if limit is None or quiet is None:
            return []
        limit *= self.numbers["M-OUT-04"]["factor"] / 4.0
        over = quiet > limit
        if over and not self.silent:  # begun is begun: the hours may be quiet ones by now
            missed = self.silence.missed(at)
            over = missed is None or missed >= MISSED
        if over:
            self.silent = CLEAR_AFTER
        return [self._silence(2 * over, quiet, limit)]

    def _silence(self, level: int, quiet: float, limit: float | None = None) -> Judged:
        return Judged(monitor="M-OUT-04", source="silence", level=level, value=quiet, critical=limit, n=self.total)

    def update(self, value: float | None, strata: str) -> list[Judged]:
        """The first output of one more encounter; None when it carried no number."""
        edges = self.reference.output.edges
        bin = len(edges) + 1 if value is None else bisect_right(edges, value)
        found = self._groups(strata, bin) if strata else []
        if value is None:
            return found
        self.total += 1
        self.recent.append(value)
        if len(self.recent) > RECENT:
            del self.recent[0]
        self._learn(value)
        whole = self.total % EVERY == 0
        alike = self.stuck.update(value)
        if whole or alike >= STUCK_WINDOW * 0.95:
            found += self._alike(alike)
        if (changed := self.adwin.update(float(bin) if edges else value)) or whole:  # by bin: tails do not move it
            found.append(self._window("window", self.adwin.mean() or 0.0, changed))
        if self.hinkley is not None and ((changed := self.hinkley.update(value)) or whole):
            found.append(self._window("page_hinkley", self.hinkley.mean, changed))
        if self.rates:
            found += self._rate(value, whole)
        return found

    def _learn(self, value: float) -> None:
        """From the first encounters: how often the most frequent output comes, and how often it is an alert."""
        limit = self.reference.alert_at
        if self.usual is None:
            self.seen[repr(value)] = self.seen.get(repr(value), 0) + 1
            if self.total == RECENT:
                self.usual, self.seen = max(self.seen.values()) / RECENT, {}
        if limit is not None and not self.rates:
            self.counted, self.alerts = self.counted + 1, self.alerts + (value >= limit)
            if self.counted == self.reference.learn:
                self._expect(self.alerts / self.counted, self.counted)

    def _alike(self, alike: int) -> list[Judged]:
        """Stuck, where so many equal ones are more than is usual here (95 until that is known)."""
        limit = self.stuck.limit(self.usual)
        if limit is None:
            return []
        return [Judged(monitor="M-OUT-04", source="stuck", level=2 * (alike >= limit), value=alike / STUCK_WINDOW,
                       critical=limit / STUCK_WINDOW, n=self.total)]  # fmt: skip

    def _window(self, source: str, mean: float, changed: bool) -> Judged:
        return Judged(monitor="M-OUT-02", source=source, level=int(changed), value=mean, n=self.total)

    def _rate(self, value: float, whole: bool) -> list[Judged]:
        numbers, found = self.numbers["M-OUT-03"], []
        event = self.reference.alert_at is not None and value >= self.reference.alert_at
        for name, detector in self.rates.items():
            sum = detector.update(event)
            if whole or sum >= numbers["warn"]:
                level = int(sum >= numbers["warn"]) + int(sum >= numbers["critical"])
                found.append(Judged(monitor="M-OUT-03", source=name, level=level, value=sum, warn=numbers["warn"],
                                    critical=numbers["critical"], n=self.total))  # fmt: skip
        return found

    def _groups(self, strata: str, bin: int) -> list[Judged]:
        shift = self.numbers["M-IN-01"]
        judged = [
            self.strata.judge(name, self.numbers["M-SUB-01"], shift["alpha"], shift["warn"])
            for name in self.strata.update(strata, bin)
        ]
        return [each for each in judged if each is not None]

    def state(self) -> dict[str, Any]:
        """Everything that is not the reference or a threshold, as plain values."""
        return {
            "adwin": self.adwin.state(), "hinkley": None if self.hinkley is None else self.hinkley.state(),
            "stuck": self.stuck.state(), "silence": self.silence.state(), "strata": self.strata.state(),
            "rates": {name: each.state() for name, each in self.rates.items()}, **{name: getattr(self, name) for name in _KEPT},
        }  # fmt: skip

    @classmethod
    def of(cls, state: Mapping[str, Any], reference: Reference, numbers: Mapping[str, Numbers]) -> "Scores":
        """The detectors whose ``state`` this was, held against ``numbers`` from here on."""
        made, own = cls(reference, numbers), numbers["M-OUT-02"]
        made.adwin, made.stuck = Adwin.of({**state["adwin"], "delta": own["delta"]}), Stuck.of(state["stuck"])
        if made.hinkley is not None and state["hinkley"] is not None:
            made.hinkley = PageHinkley.of({**state["hinkley"], "threshold": own["page_hinkley"]})
        made.silence, made.strata = Silence.of(state["silence"]), Strata.of(state["strata"])
        made.rates = {
            name: _cusum(each["p0"], numbers["M-OUT-03"][name], each["sum"]) for name, each in state["rates"].items()
        }
        for name in _KEPT:
            setattr(made, name, state[name])
        return made


def _cusum(rate: float, times: float, sum: float = 0.0) -> BernoulliCusum:
    """Evidence for a rate so many times the usual one, and never for certainty."""
    made = BernoulliCusum(rate, min(rate * times, (1 + rate) / 2))
    made.sum = sum
    return made


_KEPT = ("seen", "usual", "alerts", "counted", "recent", "total", "silent")
