"""Two versions of one model side by side on the same charts: what both said, as one document of numbers. Pure.

``one`` and ``other`` are the versions; a pair is what they said of one patient at one time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np

from monitoring import ranking
from monitoring.paired import Estimate, agreement, distance, kappa, limits_of_agreement, mean_difference, surprise
from monitoring.quantiles import wilson

Answer = Literal["said", "abstained", "refused"]
Array = np.ndarray[Any, Any]
ANSWERS: tuple[Answer, ...] = ("said", "abstained", "refused")
BINS, QUANTILES = 10, (0.05, 0.25, 0.5, 0.75, 0.95)
ENOUGH = 100
"""Pairs below which the document says of itself that they are few: of 100, a share of one half is known to within a tenth."""
EVENTS = 10
"""Events and others below which nothing is said about how well a version tells them apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What one version said: ``value`` of a risk as a fraction, of a score as it is; ``word`` a tier or a class."""

    answer: Answer
    value: float | None = None
    word: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """``event`` is the mature outcome, None where none is known."""

    one: Said
    other: Said
    event: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How values are read: limits that are looked at, by name; the declared range; whether a value is a chance."""

    limits: tuple[tuple[str, float], ...] = ()
    range: tuple[float, float] | None = None
    chance: bool = False


def compare(pairs: Sequence[Pair], scale: Scale) -> dict[str, Any]:
    """``{"pairs", "few", "answers", "values", "limits", "words", "labels"}``: see docs/reference/model-versions.md. A number that
    cannot be had is None."""
    both = [each for each in pairs if each.one.value is not None and each.other.value is not None]
    one = np.array([each.one.value for each in both], dtype=float)
    other = np.array([each.other.value for each in both], dtype=float)
    return {
        "pairs": len(pairs), "few": len(pairs) < ENOUGH, "answers": _answers(pairs),
        "values": _values(one, other, scale) if both else None,
        "limits": [_limit(name, at, one, other) for name, at in scale.limits] if both else [],
        "words": _words(pairs), "labels": _labels(both, one, other, scale),
    }  # fmt: skip


def _answers(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """How often which answer of the one met which of the other."""
    counts = Counter((each.one.answer, each.other.answer) for each in pairs)
    return [{"one": one, "other": other, "n": counts[one, other]} for one in ANSWERS for other in ANSWERS]


def _values(one: Array, other: Array, scale: Scale) -> dict[str, Any]:
    spread = one.size > 1
    limits = limits_of_agreement(one, other) if spread else (float("nan"),) * 2
    return {
        "n": int(one.size),
        "one": {"mean": float(one.mean()), "sd": _number(one.std(ddof=1)) if spread else None},
        "other": {"mean": float(other.mean()), "sd": _number(other.std(ddof=1)) if spread else None},
        "difference": _said(mean_difference(one, other)),
        "limits_of_agreement": {"low": _number(limits[0]), "high": _number(limits[1])},
        "distance": _said(distance(one, other)),
        "quantiles": [
            {"share": share, "one": float(np.quantile(one, share)), "other": float(np.quantile(other, share))}
            for share in QUANTILES
        ],
        "bins": _bins(one, other, scale),
    }  # fmt: skip


def _bins(one: Array, other: Array, scale: Scale) -> list[dict[str, Any]]:
    """Ten bins of equal width over what was seen, or the declared range where that is no wider than needed."""
    low, high = min(one.min(), other.min()), max(one.max(), other.max())
    if scale.range is not None and (scale.range[1] - scale.range[0]) <= 2 * (high - low):
        low, high = scale.range
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = zip(*(np.histogram(each, bins=BINS, range=(low, high)) for each in (one, other)), strict=True)
    return [
        {"low": float(edges[0][n]), "high": float(edges[0][n + 1]), "one": int(counts[0][n]), "other": int(counts[1][n])}
        for n in range(BINS)
    ]  # fmt: skip


def _limit(name: str, at: float, one: Array, other: Array) -> dict[str, Any]:
    """How often which of the two reached a limit."""
    above, beyond = one >= at, other >= at
    counts = {
        "both": int((above & beyond).sum()), "only_one": int((above & ~beyond).sum()),
        "only_other": int((~above & beyond).sum()), "neither": int((~above & ~beyond).sum()),
    }  # fmt: skip
    same = counts["both"] + counts["neither"]
    return {
        "name": name, "at": at, **counts, "agreement": _said(agreement(same, int(one.size))),
        "chance": surprise(counts["only_one"], counts["only_other"]),
    }  # fmt: skip


def _words(pairs: Sequence[Pair]) -> dict[str, Any] | None:
    """Tiers or classes of both: each pair of words with its number, and how far they agree."""
    said = [(each.one.word, each.other.word) for each in pairs]
    words = [(one, other) for one, other in said if one is not None and other is not None]
    if not words:
        return None
    counts = Counter(words)
    return {
        "n": len(words), "agreement": _said(agreement(sum(one == other for one, other in words), len(words))),
        "kappa": _number(kappa(words)),
        "table": [{"one": one, "other": other, "n": n} for (one, other), n in sorted(counts.items())],
    }  # fmt: skip


def _labels(both: Sequence[Pair], one: Array, other: Array, scale: Scale) -> dict[str, Any] | None:
    """How either stands against what came true, on the same labelled pairs."""
    chosen = np.array([each.event is not None for each in both], dtype=bool)
    if not chosen.any():
        return None
    events = np.array([bool(each.event) for each in both], dtype=float)[chosen]
    judge = _chances if scale.chance else _ranked
    return {
        "n": int(chosen.sum()), "events": int(events.sum()),
        "one": judge(one[chosen], events), "other": judge(other[chosen], events),
    }  # fmt: skip


def _ranked(values: Array, events: Array) -> dict[str, Any]:
    """Discrimination: all that can be said of a score that is no chance."""
    if min(events.sum(), (1 - events).sum()) < EVENTS:
        return {"auroc": None}
    area, error = ranking.auroc(values, events)
    low, high = ranking.interval(area, error)
    return {"auroc": _said(Estimate(value=area, low=low, high=high))}


def _chances(values: Array, events: Array) -> dict[str, Any]:
    """Discrimination, observed over expected, and calibration."""
    ratio = None
    if values.sum() > 0:
        value, low, high = ranking.over_expected(values, int(events.sum()))
        ratio = _said(Estimate(value=value, low=low, high=high))
    error, usual, _ = ranking.calibration_error(values, events)
    return {
        **_ranked(values, events), "expected": float(values.sum()), "observed_over_expected": ratio,
        "brier": float(((values - events) ** 2).mean()),
        "calibration": {"error": _number(error), "by_chance": _number(usual), "slope": _number(_slope(values, events))},
        "bins": _calibration(values, events),
    }  # fmt: skip


def _slope(values: Array, events: Array) -> float:
    few = min(events.sum(), (1 - events).sum()) < EVENTS
    return float("nan") if few else ranking.slope(values, events)[0]


def _calibration(values: Array, events: Array) -> list[dict[str, Any]]:
    """Bins of equal counts: what was expected on average, what came true, with its Wilson interval."""
    parts = [part for part in np.array_split(np.argsort(values, kind="stable"), BINS) if part.size]
    found = []
    for part in parts:
        came = int(events[part].sum())
        low, high = wilson(came, part.size)
        found.append({
            "n": int(part.size), "expected": float(values[part].mean()), "observed": came / part.size, "low": low, "high": high,
        })  # fmt: skip
    return found


def _number(value: Any) -> float | None:
    return float(value) if isfinite(value) else None


def _said(estimate: Estimate) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(estimate).items()}
