"""Rates of texts (M-HAL), from counts of verdicts on their claims, of what they left out, and of what people say of a random
sample of their sentences: with Wilson intervals, and never without coverage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitoring.entries import COUNTS, TextChecked
from monitoring.outcomes import Judged
from monitoring.quantiles import wilson
from monitoring.scalars import BernoulliCusum
from monitoring.thresholds import Numbers

WINDOW = 500
"""Texts, and sentences that people read, of which the rates are told."""
VERDICTS = ("supported", "contradicted", "unsupported", "uncheckable")
READ = 30
"""Sentences that people must have called something, before their rate raises anything."""


class Highest(NamedTuple):
    """How high the evidence came in one text: for more unsupported claims, and for more that is left out."""

    unsupported: float
    omitted: float


@dataclass(kw_only=True)
class Texts:
    """``sums`` count over the newest texts, ``recent`` holds them one by one; ``heard`` are the places in VERDICTS of what people
    said of the newest sentences."""

    rising: BernoulliCusum
    omitting: BernoulliCusum
    recent: list[list[int]] = field(default_factory=list)
    sums: list[int] = field(default_factory=lambda: [0] * len(COUNTS))
    heard: list[int] = field(default_factory=list)

    @classmethod
    def begin(cls, of: Mapping[str, Numbers]) -> "Texts":
        """Nothing is known yet."""
        return cls(rising=_cusum(of["M-HAL-01"]), omitting=_cusum(of["M-HAL-05"]))

    def update(self, told: TextChecked) -> Highest:
        """One more text."""
        counts = [getattr(told, name) for name in COUNTS]
        self.recent.append(counts)
        gone = self.recent.pop(0) if len(self.recent) > WINDOW else [0] * len(COUNTS)
        self.sums = [held + new - old for held, new, old in zip(self.sums, counts, gone, strict=True)]
        bad = told.contradicted + told.unsupported
        return Highest(
            _most(self.rising, bad, bad + told.supported),
            _most(self.omitting, told.omitted, max(told.must, told.omitted)),
        )

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "rising": self.rising.state(), "omitting": self.omitting.state(), "recent": self.recent, "sums": self.sums,
            "heard": self.heard,
        }  # fmt: skip

    @classmethod
    def of(cls, state: Mapping[str, Any], of: Mapping[str, Numbers]) -> "Texts":
        """The collection whose ``state`` this was, held against the rates of ``of`` from here on; one of before there was more to
        count goes on with it from nothing."""
        made = cls.begin(of)
        made.rising.sum = state["rising"]["sum"]
        if "omitting" in state:
            made.omitting.sum = state["omitting"]["sum"]
        made.recent, made.sums = [_padded(each) for each in state["recent"]], _padded(state["sums"])
        made.heard = state.get("heard", [])
        return made


def _cusum(numbers: Numbers) -> BernoulliCusum:
    return BernoulliCusum(numbers["p0"], numbers["p1"])


def _padded(counts: list[int]) -> list[int]:
    return [*counts, *[0] * (len(COUNTS) - len(counts))]


def _most(detector: BernoulliCusum, bad: int, of: int) -> float:
    """The order within one text is not known: the bad ones first."""
    highest = detector.sum
    for trial in range(of):
        highest = max(highest, detector.update(trial < bad))
    return highest


def judge(texts: Texts, told: TextChecked, highest: Highest, of: Mapping[str, Numbers]) -> list[Judged]:
    """What one more text says, monitor by monitor."""
    count = dict(zip(COUNTS, texts.sums, strict=True))
    bad = count["contradicted"] + count["unsupported"]
    checked = bad + count["supported"]
    left_out = [_rate("M-HAL-05", "omitted", count["omitted"], count["must"], highest.omitted, of["M-HAL-05"])]
    return [
        _rate("M-HAL-01", "unsupported", bad, checked, highest.unsupported, of["M-HAL-01"]),
        _rule("M-HAL-02", "citations", told.missing, count["missing"] + count["foreign"], count["citations"], of["M-HAL-02"],
              at_once=told.foreign > 0),
        _rule("M-HAL-03", "contradicted", told.numbers, count["numbers"], checked, of["M-HAL-03"], at_once=False),
        _coverage("coverage", checked, count["uncheckable"], of["M-HAL-04"]),
        *(left_out if count["must"] else ()),
    ]  # fmt: skip


def read(texts: Texts, verdict: str, of: Mapping[str, Numbers]) -> list[Judged]:
    """What a person says of one more sentence of the random sample. It warns when the interval's lower end is over the rate that
    the claims are tested against, and is critical over twice that."""
    texts.heard = [*texts.heard, VERDICTS.index(verdict)][-WINDOW:]
    said = [texts.heard.count(place) for place in range(len(VERDICTS))]
    bad, checked = said[1] + said[2], said[0] + said[1] + said[2]
    low, high = wilson(bad, checked)
    warn = of["M-HAL-01"]["p1"]
    level = None if checked < READ else int(low > warn) + int(low > 2 * warn)
    return [
        Judged(
            monitor="M-HAL-01", source="people", level=level, value=bad / max(1, checked), low=low, high=high, warn=warn,
            critical=2 * warn, n=checked,
        ),
        _coverage("people", checked, said[3], of["M-HAL-04"]),
    ]  # fmt: skip


def _rate(monitor: str, source: str, bad: int, n: int, highest: float, numbers: Numbers) -> Judged:
    """A rate whose evidence is a Bernoulli CUSUM's."""
    low, high = wilson(bad, n)
    level = int(highest >= numbers["warn"]) + int(highest >= numbers["critical"])
    return Judged(
        monitor=monitor, source=source, level=level, value=bad / max(1, n), low=low, high=high, warn=numbers["p1"], n=n
    )


def _rule(monitor: str, source: str, new: int, bad: int, n: int, numbers: Numbers, *, at_once: bool) -> Judged:
    """Any is a warning; too large a share of enough, or ``at_once``, is critical."""
    share = bad / max(1, n)
    often = n >= numbers["least"] and share > numbers["critical"]
    level = 2 if at_once or (often and new) else int(new > 0)
    low, high = wilson(bad, n)
    return Judged(
        monitor=monitor, source=source, level=level, value=share, low=low, high=high, critical=numbers["critical"], n=n
    )


def _coverage(source: str, checked: int, uncheckable: int, numbers: Numbers) -> Judged:
    n = checked + uncheckable
    share = checked / max(1, n)
    low, high = wilson(checked, n)
    level = None if n < numbers["least"] else int(high < numbers["warn"]) + int(high < numbers["critical"])
    return Judged(
        monitor="M-HAL-04", source=source, level=level, value=share, low=low, high=high, warn=numbers["warn"],
        critical=numbers["critical"], n=n,
    )  # fmt: skip
