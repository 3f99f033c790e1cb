"""All monitors of one model version at one EHR: folds journal entries in order, and says which levels changed.

The state follows from the entries alone: in whatever portions they are folded, and whoever folds them, it is the same to the bit.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import nan
from typing import Any

import numpy as np

from monitoring import outcomes as judging
from monitoring import texts as claims
from monitoring.board import Board
from monitoring.columns import FAULTS, LEAST, MEAN, PSI, Columns, Move
from monitoring.domain import tell_apart
from monitoring.entries import Entry, Labelled, Observed, SentenceRead, Ticked
from monitoring.outcomes import Judged, Outcomes
from monitoring.plan import Plan
from monitoring.ranking import expected_auroc
from monitoring.scores import Scores
from monitoring.texts import Texts
from vocabulary.signal import Level, Signal, SignalChanged

DAY = 86400.0
ROWS = 300
"""Rows of the sample that M-IN-04 keeps of the first encounters, and of the newest."""
NAMES: tuple[Level, ...] = ("quiet", "warning", "critical")
BLOCKING = frozenset({"out_of_range", "not_finite", "wrong_unit", "wrong_type"})
"""Words of the gate's refusals that are M-OUT-01."""
COLUMN_MONITORS = {PSI: "M-IN-01", MEAN: "M-IN-02", FAULTS: "M-IN-03"}
OUTPUT_SOURCES = {PSI: "distribution", MEAN: "mean", FAULTS: "missing"}


def counts(entry: Entry) -> bool:
    """Whether a watch takes it: of an output that does not count, nobody needs to know a label any more."""
    return not isinstance(entry.told, Labelled) or (entry.first and entry.score is not None)


class Watch:
    """``fold`` is the update of all; ``signals`` is how everything stands. ``dirty`` says that there is something to save,
    ``evaluated`` that there is something to plot: who saves sets them back."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.columns = Columns(plan.columns(), plan.limits, plan.reference.learn)
        self.scores = Scores(plan.reference, plan.numbers)
        self.outcomes = Outcomes()
        self.texts: Texts | None = None
        self.board = Board()
        self.sample: list[bytes] = []
        self.recent: list[bytes] = []
        self.day, self.last, self.dirty, self.evaluated = -1, 0.0, False, False
        self._begin()

    def _begin(self) -> None:
        self._found: list[tuple[int, int, SignalChanged]] = []
        self._collect()

    def _collect(self) -> None:
        self._rows: list[bytes] = []
        self._values: list[float] = []
        self._times: list[float] = []
        self._places: list[int] = []

    def fold(self, entries: Sequence[Entry]) -> list[SignalChanged]:
        """Takes entries of this model, or ticks, in the journal's order; the changes of level in that order too."""
        self._begin()
        for place, entry in enumerate(entries):
            self._one(place, entry)
        self._flush()
        return [change for *_, change in sorted(self._found, key=lambda found: found[:2])]

    def _one(self, place: int, entry: Entry) -> None:
        told = entry.told
        if not counts(entry):
            return
        self.last = entry.at
        if isinstance(told, Ticked):
            self._tick(place, entry.at)
            return
        self.dirty = True
        if isinstance(told, Observed):
            self._observe(place, entry, told)
        elif isinstance(told, Labelled):
            self._label(place, entry, told)
        elif isinstance(told, SentenceRead):
            self._put(place, entry.at, claims.read(self._texts(), told.verdict, self.plan.numbers))
        else:
            texts = self._texts()
            self._put(place, entry.at, claims.judge(texts, told, texts.update(told), self.plan.numbers))

    def _observe(self, place: int, entry: Entry, told: Observed) -> None:
        blocked = bool(told.refusal) and told.refusal in BLOCKING
        if blocked or self.board.level("M-OUT-01", "range"):
            self._put(
                place,
                entry.at,
                [Judged(monitor="M-OUT-01", source="range", level=2 * blocked, value=float(blocked), n=1)],
            )
        if over := self.scores.heard(entry.at):
            self._put(place, entry.at, over)
        if not entry.first:
            return
        if self.plan.numeric:
            if judged := self.scores.update(told.value, told.strata):
                self._put(place, entry.at, judged)
            self._values.append(nan if told.value is None else told.value)
        self._rows.append(told.features)
        self._times.append(entry.at)
        self._places.append(place)

    def _flush(self) -> None:
        """The collected rows through the columns, whose moves become changes at their entries' places."""
        if not self._rows or not self.columns.size.size:
            return self._collect()
        rows = np.frombuffer(b"".join(self._rows), dtype="<f8").reshape(len(self._rows), -1)
        if self.plan.numeric:
            rows = np.column_stack([rows, self._values])
        before = self.columns.total + self.columns.learned
        self.columns.update(rows, np.array(self._times))
        self._keep(rows[:, : len(self.plan.features)])
        shift = self.columns.learned - before - 1
        for move in self.columns.moves:
            signal = self._column(move.family, move.column, move)
            self._found.append((self._places[move.row + shift], 1 + move.family, self._changed(signal, move.before)))
        self.evaluated = self.evaluated or bool(self.columns.evaluated)
        for row, at, beyond in self.columns.evaluated:
            self._many(self._places[row + shift], at, int(beyond[: len(self.plan.features)].sum()))
        self.columns.moves.clear()
        self.columns.evaluated.clear()
        return self._collect()

    def _keep(self, rows: "np.ndarray[Any, Any]") -> None:
        """Samples of the first and of the newest encounters, for M-IN-04."""
        packed = [row.tobytes() for row in rows.astype("<f4")]
        room = max(0, ROWS - len(self.sample))
        self.sample += packed[:room]
        self.recent += packed[room:]
        del self.recent[:-ROWS]

    def _many(self, place: int, at: float, beyond: int) -> None:
        """M-IN-01 of the whole model: a fifth of its features, and two at least, are beyond their limit."""
        count, limit = len(self.plan.features), self.plan.numbers["M-IN-01"]["share"]
        share = beyond / max(1, count)
        level = 2 if beyond >= 2 and share >= limit else 0
        self._put(place, at, [Judged(monitor="M-IN-01", source="", level=level, value=share, critical=limit, n=count)])

    def _label(self, place: int, entry: Entry, told: Labelled) -> None:
        moment = datetime.fromtimestamp(entry.at, UTC)
        month = moment.year * 12 + moment.month
        if self.outcomes.month not in (-1, month) and self.plan.calibrated:
            self._put(
                place, entry.at, judging.chart(self.outcomes, self.outcomes.month, self.plan.numbers["M-PERF-03"])
            )
        self.outcomes.month = month
        if self.outcomes.update(entry.score or 0.0, told.event, entry.strata, month):
            self.evaluated = True
            self._put(place, entry.at, self._judge())

    def _judge(self) -> list[Judged]:
        numbers, (scores, events) = self.plan.numbers, self.outcomes.arrays()
        area = judging.discriminate(scores, events, self.plan.reference.auroc, numbers["M-PERF-01"])
        found = [] if area is None else [area]
        overall = 1.0
        if self.plan.calibrated and scores.sum() > 0:
            found.append(judging.expect(scores, events, numbers["M-PERF-02"]))
            overall = found[-1].value
        return found + judging.subgroups(self.outcomes, calibrated=self.plan.calibrated, of=numbers, overall=overall)

    def _texts(self) -> Texts:
        if self.texts is None:
            self.texts = Texts.begin(self.plan.numbers)
        return self.texts

    def _tick(self, place: int, at: float) -> None:
        self._flush()
        found = self.scores.silence_at(at)
        settled = not any(each.level for each in found) and not self.board.level("M-OUT-04", "silence")
        day = int(at // DAY)
        if not settled or day != self.day:
            self.dirty = True
            self._put(place, at, found)
        if day != self.day:
            self.day, self.evaluated = day, True
            self._put(place, at, self._nightly(day))

    def _nightly(self, day: int) -> list[Judged]:
        found = []
        if len(self.recent) == ROWS:
            numbers = self.plan.numbers["M-IN-04"]
            rows = [np.frombuffer(b"".join(part), dtype="<f4").reshape(ROWS, -1) for part in (self.sample, self.recent)]
            area, chance = tell_apart(rows[0], rows[1], seed=day, above=numbers["warn"])
            level = (chance <= numbers["alpha"]) * (int(area > numbers["warn"]) + int(area > numbers["critical"]))
            found.append(
                Judged(
                    monitor="M-IN-04", source="", level=level, value=round(area, 6), warn=numbers["warn"],
                    critical=numbers["critical"], n=2 * ROWS,
                )
            )  # fmt: skip
        if self.plan.calibrated and len(self.scores.recent) >= judging.LEAST:
            value = expected_auroc(np.array(self.scores.recent))
            if value == value:  # a number
                found.append(
                    Judged(monitor="M-PERF-04", source="auroc", level=0, value=value, n=len(self.scores.recent))
                )
        return found

    def _put(self, place: int, at: float, judged: Sequence[Judged]) -> None:
        for each in judged:
            moved = self.board.put(each, at)
            if moved is not None:
                self._found.append(
                    (place, 0, self._changed(self._held((each.monitor, each.source, each.stratum)), moved[0]))
                )

    def _changed(self, signal: Signal, before: int) -> SignalChanged:
        return SignalChanged(signal=signal, before=NAMES[before])

    def _held(self, key: tuple[str, str, str]) -> Signal:
        held, plan = self.board.held[key], self.plan
        judged = held.judged
        return Signal(
            monitor=key[0], model=plan.model, version=plan.version, ehr=plan.ehr, source=key[1], stratum=key[2],
            level=NAMES[held.level] if held.known else "learning", value=judged.value, low=judged.low, high=judged.high,
            warn=judged.warn, critical=judged.critical, n=judged.n, at=held.at, since=held.since,
            thresholds=plan.thresholds.version,
        )  # fmt: skip

    def _column(self, family: int, column: int, move: Move | None = None) -> Signal:
        """The signal of one column: as it was when it moved, or as it stands."""
        plan, columns = self.plan, self.columns
        level = int(columns.levels.held[family * len(columns.size) + column]) if move is None else move.now
        since = float(columns.levels.since[family * len(columns.size) + column]) if move is None else move.at
        value, warn, critical, n = columns.numbers(family, column) if move is None else move[6:]
        output = column == len(plan.features)
        learning = columns.open or (family == PSI and n < LEAST)
        return Signal(
            monitor="M-OUT-02" if output else COLUMN_MONITORS[family], model=plan.model, version=plan.version, ehr=plan.ehr,
            source=OUTPUT_SOURCES[family] if output else plan.features[column], level="learning" if learning else NAMES[level],
            value=None if learning else value, warn=warn, critical=critical, n=columns.learned if columns.open else n,
            at=self.last if move is None else move.at, since=since, thresholds=plan.thresholds.version,
        )  # fmt: skip

    def signals(self) -> list[Signal]:
        """Every signal as it stands, columns first."""
        count = self.columns.size.size
        columns = [self._column(family, column) for family in (PSI, MEAN, FAULTS) for column in range(count)]
        return columns + [self._held(key) for key in sorted(self.board.held)]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays; what ``of`` takes back exactly."""
        return {
            "columns": self.columns.state(), "scores": self.scores.state(), "outcomes": self.outcomes.state(),
            "texts": None if self.texts is None else self.texts.state(), "board": self.board.state(), "sample": self.sample,
            "recent": self.recent, "day": self.day, "last": self.last, "features": list(self.plan.features),
        }  # fmt: skip

    @classmethod
    def of(cls, plan: Plan, state: Mapping[str, Any]) -> "Watch":
        """The watch whose ``state`` this was; a new one where the model's features are others than then."""
        made = cls(plan)
        if state["features"] != list(plan.features) or len(state["columns"]["size"]) != made.columns.size.size:
            return made
        made.columns = Columns.of(state["columns"], plan.limits)
        made.scores = Scores.of(state["scores"], plan.reference, plan.numbers)
        made.outcomes, made.board = Outcomes.of(state["outcomes"]), Board.of(state["board"])
        made.texts = None if state["texts"] is None else Texts.of(state["texts"], plan.numbers)
        made.sample, made.recent = state["sample"], state["recent"]
        made.day, made.last = state["day"], state["last"]
        return made
