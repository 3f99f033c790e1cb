"""Levels of many signals at once, with hysteresis: raised at once, let down after five quiet evaluations in a row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

CLEAR_AFTER = 5
"""Evaluations at a lower level before a signal falls to it. Source: fidelity-monitoring §4, "clear-after-5"."""
QUIET, WARNING, CRITICAL = 0, 1, 2

Moves = list[tuple[int, int, int]]
"""Index, level before, level now: of those that changed."""


class Levels:
    """``held`` are the levels of ``count`` signals, ``since`` when each was reached (Unix seconds)."""

    def __init__(self, count: int) -> None:
        self.held = np.zeros(count, dtype=np.int8)
        self.lower = np.zeros(count, dtype=np.int8)
        self.beneath = np.zeros(count, dtype=np.int8)
        self.since = np.zeros(count)

    def lift(self, raw: "np.ndarray[Any, Any]", at: float) -> Moves:
        """Raises those whose raw level is above the held one. Never lets one down."""
        above = np.flatnonzero(raw > self.held)
        return self._set(above, raw, at) if above.size else []

    def settle(self, raw: "np.ndarray[Any, Any]", at: float, where: "np.ndarray[Any, Any] | None" = None) -> Moves:
        """One evaluation of the signals in the mask ``where`` (all without one): raises, and lets down those that have been
        lower for five in a row, to the highest that they had meanwhile."""
        chosen = np.ones(self.held.size, dtype=bool) if where is None else where
        moves = self.lift(np.where(chosen, raw, 0), at)
        below = chosen & (raw < self.held)
        self.beneath = np.where(below, np.maximum(self.beneath, raw), np.where(chosen, 0, self.beneath)).astype(np.int8)
        self.lower = np.where(below, self.lower + 1, np.where(chosen, 0, self.lower)).astype(np.int8)
        fallen = np.flatnonzero(self.lower >= CLEAR_AFTER)
        return moves + (self._set(fallen, self.beneath, at) if fallen.size else [])

    def _set(self, which: "np.ndarray[Any, Any]", to: "np.ndarray[Any, Any]", at: float) -> Moves:
        moves = [(int(i), int(self.held[i]), int(to[i])) for i in which]
        self.held[which] = to[which]
        self.since[which] = at
        self.lower[which] = self.beneath[which] = 0
        return moves

    def state(self) -> dict[str, Any]:
        """Everything, as arrays."""
        return dict(vars(self))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Levels":
        """The levels whose ``state`` this was."""
        made = cls(0)
        vars(made).update(state)
        return made
