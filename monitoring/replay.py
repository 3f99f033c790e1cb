"""Recorded outputs and labels through the same detectors, before go-live: what would have been raised, and how often.

A line of the file is one object::

    {"type": "output", "at": "2026-01-02T03:04:05Z", "output": "o1", "encounter": "e1", "value": 0.12,
     "features": {"pulse": 88, "sex": "female"}, "strata": {"sex": "female", "age": "65-79"}}
    {"type": "label", "at": "2026-02-01T00:00:00Z", "output": "o1", "label": true}

``value`` is in the manifest's unit, or the label of a classification; features are in the manifest's units, absent or null where
missing. ``confidence``, ``strata`` and ``refusal`` may be left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from monitoring.entries import MISSING, UNSEEN, Entry, Labelled, Observed, Ticked, pack_cells
from monitoring.folding import Place, fold
from monitoring.observations import AGAIN
from monitoring.plan import Plan
from monitoring.quantiles import chi_square
from monitoring.reference import Column
from monitoring.watch import DAY, Watch
from vocabulary.instant import parse_instant
from vocabulary.signal import Signal

PORTION = 20
"""Entries between two looks at how high each signal stands."""
TICK = 60.0
Key = tuple[str, str, str]


class LineInvalid(ValueError):
    """The text names the member and what it must be."""


def read(line: Any, plan: Plan, *, percent: bool = False) -> tuple[float, Observed | Labelled]:
    """One parsed line → its time and what the monitors are told. ``percent`` says that risks are so. Raises LineInvalid."""
    if not isinstance(line, dict) or line.get("type") not in ("output", "label"):
        raise LineInvalid("type must be output or label")
    try:
        at = parse_instant(str(line.get("at")))
    except ValueError as wrong:
        raise LineInvalid("at must be an instant") from wrong
    about = {"model": plan.model, "version": plan.version, "ehr": plan.ehr, "output": _word(line, "output")}
    if line["type"] == "label":
        if not isinstance(line.get("label"), bool):
            raise LineInvalid("label must be true or false")
        return at, Labelled(**about, event=line["label"])
    features = line.get("features", {})
    if not isinstance(features, dict):
        raise LineInvalid("features must be an object")
    known = plan.reference.features
    value = _value(line, plan)
    score = line.get("confidence", value)
    if isinstance(score, bool) or not isinstance(score, int | float | None):
        raise LineInvalid("confidence must be a number")
    return at, Observed(
        **about, encounter=_word(line, "encounter"), value=value, strata=_strata(line.get("strata", {})),
        features=pack_cells(_cell(features.get(name), known.get(name), name) for name in plan.features),
        score=None if score is None else float(score) / (100 if percent else 1),
        refusal=_word(line, "refusal") if "refusal" in line else "",
    )  # fmt: skip


def _word(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, str) or not value:
        raise LineInvalid(f"{name} must be a non-empty string")
    return value


def _value(line: Mapping[str, Any], plan: Plan) -> float | None:
    value = line.get("value")
    if value is None:
        return None
    cell = _cell(value, plan.reference.output, "value")
    return cell if cell == cell else None


def _cell(value: Any, column: Column | None, name: str) -> float:
    if value is None:
        return MISSING
    if isinstance(value, str):
        categories = column.categories if column is not None else ()
        if not categories:
            return 0.0
        return float(categories.index(value)) if value in categories else UNSEEN
    if not isinstance(value, int | float) or not isfinite(value):
        raise LineInvalid(f"{name} must be a number, a word or null")
    return float(value)


def _strata(table: Any) -> str:
    if not isinstance(table, dict) or not all(isinstance(each, str) for each in table.values()):
        raise LineInvalid("strata must be an object of strings")
    return ";".join(f"{name}={value}".replace(";", " ") for name, value in table.items())


def entries(told: Iterable[tuple[float, Observed | Labelled]]) -> Iterator[Entry]:
    """Tellings in order of time as journal entries: an encounter's first output marked, labels joined to their outputs, and
    ticks where an evaluator would have noticed silence or a new day."""
    seen: dict[str, float] = {}
    scored: dict[str, float] = {}
    given: dict[str, tuple[Observed, bool]] = {}
    last, number = None, 0
    for at, each in sorted(told, key=lambda pair: pair[0]):
        if last is not None and (at - last > TICK or at // DAY != last // DAY):
            number += 1
            yield Entry(id=number, at=at, told=Ticked())
        last, number = at, number + 1
        if isinstance(each, Observed):
            first, again = _anew(seen, each.encounter, at), each.output in given
            counts = each.score is not None and _anew(scored, each.encounter, at)
            if not again:  # recorded twice, it keeps its label
                given[each.output] = (each, counts)
            yield Entry(id=number, at=at, told=each, first=first)
        elif each.output in given:
            output, first = given[each.output]
            given[each.output] = output, False  # a label counts once
            yield Entry(id=number, at=at, told=each, first=first, score=output.score, strata=output.strata)


def _anew(last: dict[str, float], encounter: str, at: float) -> bool:
    """Whether an encounter counts: the evaluator knows one again for so long only. Remembers it."""
    before, last[encounter] = last.get(encounter), at
    return before is None or before < at - AGAIN


@dataclass(kw_only=True)
class Seen:
    """One signal over a replay: ``raised`` counts how often it left quiet, ``peak`` is the highest value it came to."""

    signal: Signal
    raised: int = 0
    critical: int = 0
    first: float | None = None
    peak: float | None = None


@dataclass(kw_only=True)
class Replayed:
    """``encounters`` are those after a reference was learnt, where one had to be."""

    encounters: int = 0
    learnt: int = 0
    labels: int = 0
    seen: dict[Key, Seen] = field(default_factory=dict)

    def rate(self, raised: int) -> tuple[float, float]:
        """Raised per 1,000 encounters, and the upper end of its exact 95 % interval."""
        thousands = max(self.encounters, 1) / 1000
        return raised / thousands, chi_square(0.975, 2 * raised + 2) / 2 / thousands


def run(plan: Plan, told: Sequence[Entry]) -> Iterator[tuple[int, Replayed]]:
    """The replay, portion by portion: how many entries are through, and what was seen so far (one value, growing)."""
    watch, found = Watch(plan), Replayed()
    place: Place = (plan.model, plan.version, plan.ehr)
    for start in range(0, len(told), PORTION):
        portion = told[start : start + PORTION]
        for change in fold({place: watch}, portion):
            _note(found, watch, change.signal, change.before)
        for signal in watch.signals():
            seen = found.seen.setdefault((signal.monitor, signal.source, signal.stratum), Seen(signal=signal))
            seen.signal = signal
            if signal.value is not None and (seen.peak is None or signal.value > seen.peak):
                seen.peak = signal.value
        found.labels += sum(isinstance(each.told, Labelled) and each.first for each in portion)
        found.encounters, found.learnt = watch.columns.total, watch.columns.learned
        yield start + len(portion), found


def _note(found: Replayed, watch: Watch, signal: Signal, before: str) -> None:
    seen = found.seen.setdefault((signal.monitor, signal.source, signal.stratum), Seen(signal=signal))
    if before == "quiet" and signal.level in ("warning", "critical"):
        seen.raised += 1
        seen.first = signal.since if seen.first is None else seen.first
    seen.critical += signal.level == "critical"
