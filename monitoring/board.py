"""The signals of one model that are no columns, as they stand: raised at once, let down after five quiet evaluations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from monitoring.levels import CLEAR_AFTER
from monitoring.outcomes import Judged

Key = tuple[str, str, str]
"""Monitor, source, stratum."""


@dataclass(kw_only=True, slots=True)
class Held:
    """The last judgement of a signal and the level it holds; ``known`` is False while it is learning."""

    judged: Judged
    level: int = 0
    known: bool = False
    lower: int = 0
    beneath: int = 0
    at: float = 0.0
    since: float = 0.0


class Board:
    """``put`` a judgement: the level before and the one held now, where it changed."""

    def __init__(self) -> None:
        self.held: dict[Key, Held] = {}

    def put(self, judged: Judged, at: float) -> tuple[int, int] | None:
        """One evaluation. A judgement without a level (too little is known) leaves the held one."""
        key = (judged.monitor, judged.source, judged.stratum)
        held = self.held.get(key)
        if held is None:
            held = self.held[key] = Held(judged=judged, since=at)
        held.judged, held.at = judged, at
        if judged.level is None:
            return None
        held.known = True
        if judged.level >= held.level:
            held.lower = held.beneath = 0
            return self._move(held, judged.level, at)
        held.beneath = max(held.beneath, judged.level)
        held.lower += 1
        return self._move(held, held.beneath, at) if held.lower >= CLEAR_AFTER else None

    def level(self, monitor: str, source: str, stratum: str = "") -> int:
        """The level that is held; 0 for what was never judged."""
        held = self.held.get((monitor, source, stratum))
        return 0 if held is None else held.level

    def _move(self, held: Held, to: int, at: float) -> tuple[int, int] | None:
        before = held.level
        if to == before:
            return None
        held.level, held.since, held.lower, held.beneath = to, at, 0, 0
        return before, to

    def state(self) -> list[list[Any]]:
        """Everything, as plain values, by key: which signal came first depends on how entries were portioned."""
        return [
            [*key, _numbers(held.judged), held.level, held.known, held.lower, held.beneath, held.at, held.since]
            for key, held in sorted(self.held.items())
        ]

    @classmethod
    def of(cls, state: list[list[Any]]) -> "Board":
        """The board whose ``state`` this was."""
        made = cls()
        for monitor, source, stratum, numbers, level, known, lower, beneath, at, since in state:
            judged = replace(Judged(monitor=monitor, source=source, stratum=stratum, level=0, value=0.0), **numbers)
            made.held[monitor, source, stratum] = Held(
                judged=judged, level=level, known=known, lower=lower, beneath=beneath, at=at, since=since
            )
        return made


def _numbers(judged: Judged) -> Mapping[str, Any]:
    names = ("level", "value", "low", "high", "warn", "critical", "n")
    return {name: getattr(judged, name) for name in names}
