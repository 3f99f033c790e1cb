"""Hallucination rates of texts (M-HAL), from counts of verdicts on their claims (Wilson interval; never without coverage)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.entries import COUNTS, TextChecked
from monitoring.outcomes import Judged
from monitoring.quantiles import wilson
from monitoring.scalars import BernoulliCusum
from monitoring.thresholds import Numbers

WINDOW = 500
"""Texts of which the rates are told."""


@dataclass(kw_only=True)
class Texts:
    """``sums`` count over the newest texts, ``recent`` holds them one by one."""

    rising: BernoulliCusum
    recent: list[list[int]] = field(default_factory=list)
    sums: list[int] = field(default_factory=lambda: [0] * len(COUNTS))

    def update(self, told: TextChecked) -> float:
        """One more text; the highest that the evidence for a higher rate of unsupported claims came to in it."""
        counts = [getattr(told, name) for name in COUNTS]
        self.recent.append(counts)
        gone = self.recent.pop(0) if len(self.recent) > WINDOW else [0] * len(COUNTS)
        self.sums = [held + new - old for held, new, old in zip(self.sums, counts, gone, strict=True)]
        bad, highest = told.contradicted + told.unsupported, self.rising.sum
        for claim in range(bad + told.supported):  # the order within one text is not known: the bad ones first
            highest = max(highest, self.rising.update(claim < bad))
        return highest

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"rising": self.rising.state(), "recent": self.recent, "sums": self.sums}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Texts":
        """The collection whose ``state`` this was."""
        return cls(rising=BernoulliCusum.of(state["rising"]), recent=state["recent"], sums=state["sums"])


def judge(texts: Texts, told: TextChecked, highest: float, of: Mapping[str, Numbers]) -> list[Judged]:
    """What one more text says, monitor by monitor."""
    count = dict(zip(COUNTS, texts.sums, strict=True))
    bad = count["contradicted"] + count["unsupported"]
    checked = bad + count["supported"]
    numbers = of["M-HAL-01"]
    low, high = wilson(bad, checked)
    level = int(highest >= numbers["warn"]) + int(highest >= numbers["critical"])
    return [
        Judged(
            monitor="M-HAL-01", source="unsupported", level=level, value=bad / max(1, checked), low=low, high=high,
            warn=numbers["p1"], n=checked,
        ),
        _rule("M-HAL-02", "citations", told.missing, count["missing"] + count["foreign"], count["citations"], of["M-HAL-02"],
              at_once=told.foreign > 0),
        _rule("M-HAL-03", "contradicted", told.numbers, count["numbers"], checked, of["M-HAL-03"], at_once=False),
        _coverage(checked, count["uncheckable"], of["M-HAL-04"]),
    ]  # fmt: skip


def _rule(monitor: str, source: str, new: int, bad: int, n: int, numbers: Numbers, *, at_once: bool) -> Judged:
    """Any is a warning; too large a share of enough, or ``at_once``, is critical."""
    share = bad / max(1, n)
    often = n >= numbers["least"] and share > numbers["critical"]
    level = 2 if at_once or (often and new) else int(new > 0)
    low, high = wilson(bad, n)
    return Judged(
        monitor=monitor, source=source, level=level, value=share, low=low, high=high, critical=numbers["critical"], n=n
    )


def _coverage(checked: int, uncheckable: int, numbers: Numbers) -> Judged:
    n = checked + uncheckable
    share = checked / max(1, n)
    low, high = wilson(checked, n)
    level = None if n < numbers["least"] else int(high < numbers["warn"]) + int(high < numbers["critical"])
    return Judged(
        monitor="M-HAL-04", source="coverage", level=level, value=share, low=low, high=high, warn=numbers["warn"],
        critical=numbers["critical"], n=n,
    )  # fmt: skip
