"""The output's distribution in subgroups (part of M-SUB-01): each against its own first encounters, for groups differ."""

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np

from monitoring.outcomes import Judged
from monitoring.quantiles import chi_square
from monitoring.thresholds import Numbers

LEARN, WINDOW, EVERY, MOST = 500, 500, 100, 24
"""Encounters that a group is learnt from and judged by, between two evaluations; and how many groups are followed."""
FLOOR = 1e-3


class Strata:
    """``groups`` by name: counts of the reference, the newest bins, how many there were, evaluations in a row beyond."""

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.groups: dict[str, dict[str, Any]] = {}

    def update(self, strata: str, bin: int) -> list[str]:
        """One more encounter; the groups that are to be evaluated now."""
        due = []
        for name in strata.split(";") if strata else ():
            group = self.groups.get(name)
            if group is None:
                if len(self.groups) >= MOST:
                    continue
                group = self.groups[name] = {"reference": [0] * self.bins, "recent": [], "total": 0, "streak": 0}
            group["total"] += 1
            if group["total"] <= LEARN:
                group["reference"][bin] += 1
                continue
            group["recent"].append(bin)
            del group["recent"][:-WINDOW]
            if (group["total"] - LEARN) % EVERY == 0:
                due.append(name)
        return due

    def judge(self, name: str, numbers: Numbers, alpha: float, floor: float) -> Judged | None:
        """The index of one group; None before it has enough encounters. Warns after two evaluations running."""
        group = self.groups[name]
        n = len(group["recent"])
        if n < numbers["least"]:
            return None
        usual, now = group["reference"], np.bincount(group["recent"], minlength=self.bins)
        index = 0.0
        for had, has in zip(usual, now.tolist(), strict=True):
            one, two = max(had / LEARN, FLOOR), max(has / n, FLOOR)
            index += (two - one) * log(two / one)
        warn = max(floor, chi_square(1 - alpha, self.bins - 1) * (1 / n + 1 / LEARN))
        group["streak"] = min(2, group["streak"] + 1) if index > warn else 0
        return Judged(
            monitor="M-SUB-01", source="distribution", stratum=name, level=int(group["streak"] == 2), value=index, warn=warn,
            critical=None, n=n,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"bins": self.bins, "groups": self.groups}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Strata":
        """The collection whose ``state`` this was."""
        made = cls(state["bins"])
        made.groups = state["groups"]
        return made
