"""Many columns at once, one row an encounter: the population stability index, CUSUM of the mean, Bernoulli CUSUM of what is
missing or unusable (M-IN-01 to M-IN-03, and M-OUT-02 for the column that is the output).

A cell is a number, NaN where it is missing, +inf where its code or category is not one of the reference, -inf where it came
in a unit that could not be converted. Rows in any batches give the same state, to the bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from monitoring.levels import Levels, Moves
from monitoring.quantiles import chi_square
from monitoring.reference import Column

Array = np.ndarray[Any, Any]

WINDOW, EVERY, LEAST = 1000, 50, 200
"""Encounters in the window, between two evaluations, and before the first. Source: M-IN-01."""
FLOOR, MOSTLY = 1e-4, 0.995
"""The least share of a bin: an empty one weighs, and is not infinite; and from where a feature cannot be missing too often."""
CLIP = 4.0
"""Standard deviations to which a number is clipped before it is summed. Source: M-IN-02."""
PSI, MEAN, FAULTS = 0, 1, 2
"""The three families of signals of each column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the columns are held against: the M-IN part of the thresholds."""

    psi_floor: float
    psi_alpha: float
    psi_critical: float
    slack: float
    mean_warn: float
    mean_critical: float
    fault_ratios: tuple[float, ...]
    fault_warn: float
    fault_critical: float
    fault_floor: float


class Move(NamedTuple):
    """A level that changed at row ``row`` (counted from 1, after those that were learnt from), with the numbers as they were."""

    row: int
    at: float
    family: int
    column: int
    before: int
    now: int
    value: float
    warn: float
    critical: float
    n: int


class Columns:
    """``update(rows)`` takes a matrix, columns in the order of the reference. ``moves`` collects changes of level, and
    ``evaluated`` (row, time, columns whose distribution is beyond) of each evaluation, until they are emptied."""

    def __init__(self, columns: Sequence[Column], limits: Limits, learn: int) -> None:
        self.limits, self.learn = limits, learn
        count = len(columns)
        inner = [column.edges for column in columns]
        self.width = max((len(edges) for edges in inner), default=0) + 1
        self.edges = np.full((count, self.width - 1), np.inf)
        for row, edges in enumerate(inner):
            self.edges[row, : len(edges)] = edges
        self.bins = np.array([len(edges) + 3 for edges in inner], dtype=np.int64)
        self.open = any(column.shares is None for column in columns)
        self.learned = 0
        self.sums = np.zeros((3, count))
        self._take(columns)
        self.counts = np.zeros((count, self.width + 2), dtype=np.int64)
        self.ring = np.zeros((WINDOW, count), dtype=np.uint8)
        self.total = 0
        self.evidence = np.zeros((2 + len(limits.fault_ratios), count))
        self.psi, self.streaks = np.zeros(count), np.zeros((2, count), dtype=np.int8)
        self.levels = Levels(3 * count)
        self.moves: list[Move] = []
        self.evaluated: list[tuple[int, float, Array]] = []
        self._prepare()

    def _take(self, columns: Sequence[Column]) -> None:
        """The reference's shares in the common width: a column's own bins, then missing, then unseen."""
        count = len(columns)
        self.shares = np.zeros((count, self.width + 2))
        for row, column in enumerate(columns):
            if column.shares is not None:
                own = len(column.edges) + 1
                self.shares[row, :own] = column.shares[:own]
                self.shares[row, self.width :] = column.shares[own:]
        self.size = np.array([float(column.n) for column in columns])
        self.centre = np.array([column.mean for column in columns])
        self.scale = np.array([column.sd for column in columns])

    def _prepare(self) -> None:
        """What follows from reference and limits, and is no state."""
        limits, count = self.limits, self.size.size
        self._offsets = np.arange(count) * (self.width + 2)
        self._known = np.maximum(self.shares, FLOOR)
        self._quantile = np.array([chi_square(1 - limits.psi_alpha, int(bins) - 1) for bins in self.bins])
        faults = self.shares[:, self.width :].sum(axis=1)
        doubt = np.sqrt(faults * (1 - faults) / np.maximum(self.size, 1.0))  # a rate that was measured low would alarm
        rate = np.clip(faults + doubt, limits.fault_floor, MOSTLY)
        ratios = np.array(limits.fault_ratios)[:, None]
        higher = np.minimum(ratios * rate, (1 + rate) / 2)
        self._gain, self._loss = np.log(higher / rate), np.log((1 - higher) / (1 - rate))
        self._gain[:, rate >= MOSTLY] = 0.0  # what is missing as a rule cannot be missing too often
        self._scale = np.where(self.scale > 0, self.scale, np.inf)
        warn = [limits.mean_warn] * 2 + [limits.fault_warn] * len(limits.fault_ratios)
        critical = [limits.mean_critical] * 2 + [limits.fault_critical] * len(limits.fault_ratios)
        self._warn, self._critical = np.array(warn)[:, None], np.array(critical)[:, None]
        self._most = 2 * self._critical
        self._next()

    def _next(self) -> None:
        """What the evidence must reach to raise a level: nothing, where the highest is held."""
        count = self.size.size
        mean, faults = self.levels.held[count : 2 * count], self.levels.held[2 * count :]
        held = np.vstack([mean, mean, *([faults] * len(self.limits.fault_ratios))])
        self._goal = np.choose(held, [self._warn + 0 * held, self._critical + 0 * held, np.inf + 0 * held])

    def update(self, rows: Array, at: Array) -> None:
        """Takes rows of shape (n, columns) with their times, Unix seconds."""
        done = 0
        while done < len(rows):
            room = self.learn - self.learned if self.open else EVERY - self.total % EVERY
            part = slice(done, min(len(rows), done + room))
            self._learn(rows[part]) if self.open else self._watch(rows[part], at[part])
            done = part.stop

    def codes(self, rows: Array) -> Array:
        """The bin of every cell."""
        found: Array = (rows[:, :, None] >= self.edges[None]).sum(axis=2)
        found[np.isnan(rows)] = self.width
        found[np.isinf(rows)] = self.width + 1
        return found

    def _learn(self, rows: Array) -> None:
        """Counts towards a reference of its own; it is taken when there are enough."""
        np.add.at(self.counts, (np.arange(self.size.size), self.codes(rows)), 1)
        for row in np.where(np.isfinite(rows), rows, np.nan):
            told = np.isfinite(row)
            self.sums += np.where(told, np.vstack([np.ones_like(row), row, row * row]), 0.0)
        self.learned += len(rows)
        if self.learned == self.learn:
            self._take(fit(self.edges, self.counts, self.sums, self.bins.tolist()))
            self.counts[:] = 0
            self.open = False
            self._prepare()

    def _watch(self, rows: Array, at: Array) -> None:
        """At most as many rows as there are to the next evaluation."""
        codes = self.codes(rows)
        z = np.clip((np.where(np.isfinite(rows), rows, self.centre) - self.centre) / self._scale, -CLIP, CLIP)
        faults = (codes >= self.width)[:, None, :]
        steps = np.concatenate(
            [
                (z - self.limits.slack)[:, None],
                (-z - self.limits.slack)[:, None],
                np.where(faults, self._gain, self._loss),
            ],
            axis=1,
        )
        history = np.empty_like(steps)
        sums = self.evidence
        for step, after in zip(steps, history, strict=True):
            np.add(sums, step, out=after)
            np.maximum(after, 0.0, out=after)
            np.minimum(after, self._most, out=after)
            sums = after
        self._lift(history, at)
        self.evidence = sums.copy()
        self._count(codes)
        self.total += len(rows)
        if self.total % EVERY == 0:
            self._evaluate(float(at[-1]))

    def _lift(self, history: Array, at: Array) -> None:
        """Raises what reached its goal, row by row: each raise sets the goal anew."""
        row = 0
        while row < len(history):
            reached = (history[row:] >= self._goal).any(axis=(1, 2))
            if not reached.any():
                return
            row += int(reached.argmax())
            self.evidence = history[row]
            self._note(self.total + row + 1, float(at[row]), self.levels.lift(self._raw(), float(at[row])))
            self._next()
            row += 1

    def _count(self, codes: Array) -> None:
        """The window's counts: new rows in, the oldest out."""
        place = np.arange(self.total, self.total + len(codes)) % WINDOW
        cells = self.counts.size
        if self.total >= WINDOW:
            gone = (self.ring[place] + self._offsets).ravel()
            self.counts -= np.bincount(gone, minlength=cells).reshape(self.counts.shape)
        self.ring[place] = codes
        self.counts += np.bincount((codes + self._offsets).ravel(), minlength=cells).reshape(self.counts.shape)

    def _evaluate(self, at: float) -> None:
        n = min(self.total, WINDOW)
        if n < LEAST:
            return self._settle(at)
        share = np.maximum(self.counts / n, FLOOR)
        self.psi = ((share - self._known) * np.log(share / self._known)).sum(axis=1)
        beyond = np.vstack([self.psi > self.warns(), self.psi > np.maximum(self.limits.psi_critical, self.warns())])
        self.streaks = np.where(beyond, np.minimum(self.streaks + 1, 2), 0).astype(np.int8)
        self._settle(at)
        self.evaluated.append((self.total, at, self.levels.held[: self.size.size] > 0))
        return None

    def warns(self) -> Array:
        """The index at which each column warns: what chance gives in one of ten thousand windows, at least the floor."""
        n = min(self.total, WINDOW)
        chance = self._quantile * (1 / max(n, 1) + 1 / np.maximum(self.size, 1.0))
        found: Array = np.maximum(self.limits.psi_floor, chance)
        return found

    def _settle(self, at: float) -> None:
        self._note(self.total, at, self.levels.settle(self._raw(), at))
        self._next()

    def _raw(self) -> Array:
        """Levels as the numbers are now, family by family."""
        reached = (self.evidence >= self._warn).astype(np.int8) + (self.evidence >= self._critical)
        found: Array = np.concatenate(
            [(self.streaks >= 2).sum(axis=0), reached[:2].max(axis=0), reached[2:].max(axis=0)]
        )
        return found

    def _note(self, row: int, at: float, moves: Moves) -> None:
        count = self.size.size
        for i, before, now in moves:
            family, column = divmod(i, count)
            value, warn, critical, _ = self.numbers(family, column)
            n = min(row, WINDOW) if family == PSI else row
            self.moves.append(Move(row, at, family, column, before, now, value, warn, critical, n))

    def numbers(self, family: int, column: int) -> tuple[float, float, float, int]:
        """Value, limit of a warning, limit of a critical, and encounters behind it, of one signal as it stands."""
        if family == PSI:
            warn = float(self.warns()[column])
            return float(self.psi[column]), warn, max(warn, self.limits.psi_critical), min(self.total, WINDOW)
        if family == MEAN:
            return float(self.evidence[:2, column].max()), self.limits.mean_warn, self.limits.mean_critical, self.total
        return float(self.evidence[2:, column].max()), self.limits.fault_warn, self.limits.fault_critical, self.total

    def rates(self) -> Array:
        """The share of missing and unusable cells of each column in the window."""
        found: Array = self.counts[:, self.width :].sum(axis=1) / max(1, min(self.total, WINDOW))
        return found

    def state(self) -> dict[str, Any]:
        """Everything that is not derived, as arrays and plain values."""
        return {"levels": self.levels.state(), **{name: getattr(self, name) for name in _KEPT}}

    @classmethod
    def of(cls, state: Mapping[str, Any], limits: Limits) -> "Columns":
        """The detector whose ``state`` this was, held against ``limits`` from here on."""
        made = cls.__new__(cls)
        made.limits = limits
        for name in _KEPT:
            setattr(made, name, state[name])
        made.levels = Levels.of(state["levels"])
        made.moves, made.evaluated = [], []
        made._prepare()
        return made


_KEPT = ("learn", "learned", "open", "width", "edges", "bins", "shares", "size", "centre", "scale", "sums", "counts", "ring",
         "total", "evidence", "psi", "streaks")  # fmt: skip


def fit(edges: Array, counts: Array, sums: Array, bins: Sequence[int]) -> list[Column]:
    """Columns out of what was counted: ``counts`` in the common width (bins, missing, unseen), ``sums`` of ones, numbers
    and squares of those that are finite."""
    found = []
    for row, own in enumerate(np.asarray(bins) - 2):
        width = counts.shape[1] - 2
        shares = np.concatenate([counts[row, :own], counts[row, width:]]) / counts[row].sum()
        n, total, squares = sums[:, row]
        mean = total / n if n else 0.0
        variance = max(0.0, squares / n - mean * mean) if n else 0.0
        found.append(
            Column(
                edges=tuple(edges[row, : own - 1]), shares=tuple(map(float, shares)), n=int(counts[row].sum()),
                mean=float(mean), sd=float(variance**0.5),
            )
        )  # fmt: skip
    return found
