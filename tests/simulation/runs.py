"""The simulations themselves: false alarms without drift, and delays of detection with it. Seeds are arguments."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from monitoring.board import Board
from monitoring.columns import FAULTS, MEAN, PSI, Columns
from monitoring.entries import Entry, Labelled, TextChecked
from monitoring.plan import Plan
from monitoring.quantiles import chi_square
from monitoring.reference import Reference
from monitoring.scalars import Silence
from monitoring.scores import Scores
from monitoring.watch import Watch
from tests.simulation.streams import CHUNK, DRIFTS, LIMITS, MISSING, REFERENCE, chunks, measured, watched

FAMILIES = {PSI: "M-IN-01", MEAN: "M-IN-02", FAULTS: "M-IN-03"}
BEFORE = 10_000
"""Encounters before a drift begins."""


@dataclass(kw_only=True)
class Alarms:
    """How often each monitor left quiet over so many encounters of all streams together."""

    encounters: int
    raised: dict[str, int] = field(default_factory=dict)

    def rate(self, *monitors: str) -> tuple[float, float]:
        """Per stream and 1,000 encounters, and the upper end of its exact 95 % interval; of all monitors together without one."""
        count = sum(self.raised.get(each, 0) for each in monitors or self.raised)
        return count * 1000 / self.encounters, chi_square(0.975, 2 * count + 2) / 2 * 1000 / self.encounters


def false_alarms(kind: str, *, streams: int, encounters: int, seed: int) -> Alarms:
    """Features of one kind, ``encounters`` each, without drift."""
    random = np.random.default_rng(seed)
    detector = watched(kind if kind != "every output counted" else "clustered by patient", random, streams)
    found = Alarms(encounters=streams * encounters, raised=dict.fromkeys(FAMILIES.values(), 0))
    for rows in chunks(kind, random, encounters, streams):
        detector.update(rows, np.zeros(len(rows)))
        for move in detector.moves:
            found.raised[FAMILIES[move.family]] += move.before == 0
        detector.moves.clear()
        detector.evaluated.clear()
    return found


def score_alarms(kind: str, *, streams: int, encounters: int, seed: int) -> Alarms:
    """Outputs of one kind, counted once an encounter, without drift: alerts, ADWIN, outputs that stick."""
    random = np.random.default_rng(seed)
    found = Alarms(encounters=streams * encounters, raised=dict.fromkeys(("M-OUT-02", "M-OUT-03", "M-OUT-04"), 0))
    values = np.vstack(list(chunks(kind, random, REFERENCE, streams)))
    columns = measured(values)
    numbers = Plan(model="m", version="1", ehr="e").numbers
    limits = np.nanquantile(values, 0.9, axis=0)
    rates = (values >= limits).mean(axis=0)
    scores, boards = [], [Board() for _ in range(streams)]
    for place, column in enumerate(columns):
        known = Reference(output=column, alert_at=float(limits[place]), alert_rate=float(rates[place]))
        scores.append(Scores(known, numbers))
    for rows in chunks(kind, random, encounters, streams):
        for place, (score, board) in enumerate(zip(scores, boards, strict=True)):
            for value in rows[:, place].tolist():
                for judged in score.update(value if value == value else None, ""):
                    moved = board.put(judged, 0.0)
                    found.raised[judged.monitor] += moved is not None and moved[0] == 0
    return found


def label_alarms(*, models: int, labels: int, seed: int) -> Alarms:
    """Labels of calibrated models: discrimination, observed over expected, monthly charts, two subgroups."""
    random = np.random.default_rng(seed)
    found = Alarms(encounters=models * labels)
    for _ in range(models):
        watch = Watch(_judged())
        for start in range(0, labels, 2000):
            for change in watch.fold(_labels(random, start, 2000, lambda chances: chances)):
                found.raised[change.signal.monitor] = found.raised.get(change.signal.monitor, 0) + (
                    change.before == "quiet"
                )
    return found


def _judged() -> Plan:
    return Plan(model="m", version="1", ehr="e", reference=Reference(auroc=0.70), calibrated=True)


def _labels(
    random: np.random.Generator, start: int, count: int, truth: Callable[[np.ndarray], np.ndarray]
) -> list[Entry]:
    """Labels of outputs whose events come with the chance ``truth`` makes of what was said; 100 a day. The AUROC of these
    chances is 0.78."""
    said = random.beta(1, 9, count)
    events = random.random(count) < truth(said)
    groups = np.where(random.random(count) < 0.4, "sex=female", "sex=male")
    return [
        Entry(
            id=start + number, at=(start + number) * 864.0, score=float(said[number]), strata=str(groups[number]),
            told=Labelled(output="o", model="m", version="1", ehr="e", event=bool(events[number])),
        )
        for number in range(count)
    ]  # fmt: skip


def delays(drift: str, *, streams: int, after: int, seed: int) -> dict[str, list[int]]:
    """For each monitor, after how many encounters with drift each stream that it found was raised (those that had been raised
    before are left out)."""
    draw, change = DRIFTS[drift]
    random = np.random.default_rng(seed)

    def rows(count: int) -> np.ndarray:
        made = draw(random, count, streams)
        made[random.random(made.shape) < MISSING] = np.nan
        return made

    detector = Columns(measured(rows(REFERENCE)), LIMITS, 2000)
    for _ in range(0, BEFORE, CHUNK):
        detector.update(rows(CHUNK), np.zeros(CHUNK))
    detector.moves.clear()
    already = detector.levels.held.reshape(3, streams) > 0
    found: dict[tuple[int, int], int] = {}
    for _ in range(0, after, CHUNK):
        detector.update(change(random, rows(CHUNK)), np.zeros(CHUNK))
    for move in detector.moves:
        if move.before == 0 and not already[move.family, move.column]:
            found.setdefault((move.family, move.column), move.row - BEFORE)
    return {
        monitor: [delay for (each, _), delay in sorted(found.items()) if each == family]
        for family, monitor in FAMILIES.items()
    }


def concept_delay(factor: float, *, models: int, after: int, seed: int) -> list[int]:
    """After how many labels observed over expected is raised when events come ``factor`` times as often as said."""
    random, found = np.random.default_rng(seed), []
    for _ in range(models):
        watch = Watch(_judged())
        watch.fold(_labels(random, 0, 2000, lambda chances: chances))
        changes = watch.fold(_labels(random, 2000, after, lambda chances: np.minimum(chances * factor, 0.95)))
        first = [each.signal.at for each in changes if each.signal.monitor == "M-PERF-02" and each.before == "quiet"]
        found += [round(first[0] / 864) - 1999] if first else []
    return found


def text_alarms(*, models: int, texts: int, seed: int) -> Alarms:
    """Texts of ten checkable claims, 1.5 % of them unsupported: the rate that M-HAL-01 takes for usual."""
    random, found = np.random.default_rng(seed), Alarms(encounters=models * texts, raised={"M-HAL-01": 0})
    about = {"output": "o", "model": "m", "version": "1", "ehr": "e"}
    for _ in range(models):
        watch = Watch(Plan(model="m", version="1", ehr="e", numeric=False))
        bad = random.binomial(10, 0.015, texts).tolist()
        told = [TextChecked(**about, supported=10 - each, unsupported=each) for each in bad]
        for change in watch.fold([Entry(id=n, at=float(n), told=each) for n, each in enumerate(told)]):
            if change.signal.monitor == "M-HAL-01":
                found.raised["M-HAL-01"] += change.before == "quiet"
    return found


def silence_alarms(*, models: int, outputs: int, seed: int) -> Alarms:
    """Outputs that come at random (Poisson); their usual gap learnt from what came, or measured before."""
    random, found = np.random.default_rng(seed), Alarms(encounters=models * outputs, raised={"M-OUT-04": 0})
    for number in range(models):
        usual = float(np.quantile(random.exponential(60, REFERENCE), 0.99)) if number % 2 else None
        detector = Silence(usual)
        for place, at in enumerate(np.cumsum(random.exponential(60, outputs)).tolist()):
            if place % 10 == 0 or usual is not None:
                limit = detector.limit()
            found.raised["M-OUT-04"] += limit is not None and (detector.quiet_for(at) or 0.0) > limit
            detector.update(at)
    return found


def stuck_delay(*, models: int, seed: int) -> list[int]:
    """After how many encounters with one and the same output it is found."""
    random, found = np.random.default_rng(seed), []
    for _ in range(models):
        scores = Scores(Reference(), Plan(model="m", version="1", ehr="e").numbers)
        for value in random.beta(1, 9, 500).tolist():
            scores.update(value, "")
        for number in range(1, 500):
            if any(each.source == "stuck" and each.level for each in scores.update(0.25, "")):
                found.append(number)
                break
    return found


def silence_delay(*, models: int, seed: int) -> list[float]:
    """After how many usual gaps without an output the silence is found."""
    random, found = np.random.default_rng(seed), []
    for _ in range(models):
        detector, at = Silence(), 0.0
        for gap in random.exponential(60, 600).tolist():
            at += gap
            detector.update(at)
        limit = detector.limit()
        found += [] if limit is None else [limit / 60]
    return found
