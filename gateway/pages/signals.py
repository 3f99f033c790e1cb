"""Signals as plots: a series with its band, its limits and the marks it is read against, as geometry for an SVG. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from monitoring.alerting.marks import Marker
from monitoring.catalogue import MONITORS
from vocabulary.signal import LEVELS, Level, Signal

WIDTH, HEIGHT, MARGIN = 320.0, 120.0, 8.0
AREAS: Mapping[str, str] = {
    "M-IN": "Inputs", "M-OUT": "Outputs", "M-PERF": "Accuracy", "M-SUB": "Subgroups", "M-HAL": "Groundedness",
}  # fmt: skip
"""What a monitor's id begins with, and what that part of the page is called."""
Key = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """One signal. Coordinates are in a box of 320 by 120; ``warn`` and ``critical`` are heights of lines, None where they are
    outside the box or there are none; ``marks`` are (x, words); ``told`` says the plot in a sentence."""

    signal: Signal
    title: str
    path: str
    band: str
    warn: float | None
    critical: float | None
    marks: tuple[tuple[float, str], ...]
    first: str
    last: str
    low: str
    high: str
    told: str


def area(monitor: str) -> str:
    """Which part of the page a monitor belongs to."""
    return next((name for start, name in AREAS.items() if monitor.startswith(start)), "Other")


def worst(signals: Iterable[Signal]) -> Level:
    """The gravest level; ``learning`` when there is no signal."""
    return max((each.level for each in signals), key=LEVELS.index, default="learning")


def plots(
    signals: Sequence[Signal], history: Sequence[tuple[float, Sequence[Signal]]], markers: Sequence[Marker]
) -> list[Plot]:
    """A plot for each signal that has a number, the gravest first."""
    series: dict[Key, list[Signal]] = {}
    for _, point in history:
        for each in point:
            if each.value is not None:
                series.setdefault(_key(each), []).append(each)
    order = sorted(signals, key=lambda each: (-LEVELS.index(each.level), each.monitor, each.source, each.stratum))
    return [_plot(each, [*series.get(_key(each), []), each], markers) for each in order if each.value is not None]


def _key(signal: Signal) -> Key:
    return signal.monitor, signal.source, signal.stratum


def title(signal: Signal) -> str:
    """What it watches, in words."""
    monitor = MONITORS.get(signal.monitor)
    about = ", ".join(each for each in (signal.source, signal.stratum) if each)
    return f"{monitor.title if monitor else signal.monitor}{f': {about}' if about else ''}"


def _plot(signal: Signal, points: Sequence[Signal], markers: Sequence[Marker]) -> Plot:
    start, end = points[0].at, points[-1].at
    numbers = [n for each in points for n in (each.value, each.low, each.high) if n is not None]
    limits = [n for n in (signal.warn, signal.critical) if n is not None]
    low, high = min([*numbers, *limits]), max([*numbers, *limits])

    def x(at: float) -> float:
        return round(MARGIN + _share(at, start, end) * (WIDTH - 2 * MARGIN), 1)

    def y(value: float) -> float:
        return round(HEIGHT - MARGIN - _share(value, low, high) * (HEIGHT - 2 * MARGIN), 1)

    banded = [each for each in points if each.low is not None and each.high is not None]
    upper = [f"{x(each.at)},{y(each.high or 0.0)}" for each in banded]
    lower = [f"{x(each.at)},{y(each.low or 0.0)}" for each in reversed(banded)]
    return Plot(
        signal=signal, title=title(signal), path=" ".join(f"{x(each.at)},{y(each.value or 0.0)}" for each in points),
        band=" ".join([*upper, *lower]) if len(banded) > 1 else "",
        warn=None if signal.warn is None else y(signal.warn), critical=None if signal.critical is None else y(signal.critical),
        marks=tuple((x(each.at), each.what) for each in markers if start <= each.at <= end),
        first=day(start), last=day(end), low=f"{low:.4g}", high=f"{high:.4g}", told=_told(signal, points),
    )  # fmt: skip


def _told(signal: Signal, points: Sequence[Signal]) -> str:
    limits = ", ".join(
        f"{word} at {limit:.4g}"
        for word, limit in (("warns", signal.warn), ("critical", signal.critical))
        if limit is not None
    )
    last = points[-1].value or 0.0
    return f"From {points[0].value or 0.0:.4g} to {last:.4g} over {len(points)} evaluations{f'; {limits}' if limits else ''}."


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high == low else (value - low) / (high - low)


def day(at: float) -> str:
    """The date of a time, in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
