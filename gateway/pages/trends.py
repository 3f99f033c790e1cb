"""Trend plots of observations as geometry: points in a box, ready for an SVG that needs no script. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.pages.showing import concept, rows, table, when

WIDTH, HEIGHT, MARGIN = 320.0, 120.0, 8.0
MOST_POINTS = 120


class Point(NamedTuple):
    """Unix seconds, and the value as a number and as it is written."""

    at: float
    number: float
    written: str


class Line(NamedTuple):
    """One measure: its name, ``path`` for a polyline and ``dots`` in the box, oldest first."""

    name: str
    path: str
    dots: tuple[tuple[float, float], ...]
    points: tuple[Point, ...]


class Trend(NamedTuple):
    """One plot. ``code`` is ``system|code``; ``low`` and ``high`` bound its values, ``first`` and ``last`` its days;
    ``other`` counts values that are in another unit or no numbers and are not drawn."""

    title: str
    code: str
    unit: str
    lines: tuple[Line, ...]
    low: str
    high: str
    first: str
    last: str
    other: int

    @property
    def told(self) -> str:
        """The plot in one sentence, for who does not see it."""
        parts = [f"{line.name} from {line.points[0].written} to {line.points[-1].written}" for line in self.lines]
        span = f"{self.first} to {self.last}" if self.first != self.last else self.first
        return f"{'; '.join(parts)} {self.unit}, {span}, {sum(len(line.points) for line in self.lines)} values."


def trends(observations: Iterable[Mapping[str, Any]], *, least: int = 2) -> list[Trend]:
    """A plot for each code with at least so many values in one unit, in order of their names; a code is named as the first
    of its observations names it."""
    groups: dict[str, dict[str, dict[str, list[Point]]]] = {}
    titles: dict[str, str] = {}
    for each in observations:
        at = _seconds(when(each))
        name = _code(each.get("code"))
        if at is None or not name or each.get("status") == "entered-in-error":
            continue
        group, title = groups.setdefault(name, {}), titles.setdefault(name, concept(each.get("code")))
        for measure, unit, written in _measures(each, title):
            point = Point(at, float(written), written)
            group.setdefault(unit, {}).setdefault(measure, []).append(point)
    made = (_trend(titles[code], code, units, least) for code, units in groups.items())
    return sorted((each for each in made if each is not None), key=lambda each: each.title.casefold())


def _trend(title: str, code: str, units: dict[str, dict[str, list[Point]]], least: int) -> Trend | None:
    if not units:
        return None
    counts = {unit: sum(map(len, measures.values())) for unit, measures in units.items()}
    unit = max(counts, key=lambda each: (counts[each], each))
    lines = {name: sorted(points)[-MOST_POINTS:] for name, points in units[unit].items()}
    every = [point for points in lines.values() for point in points]
    if max(map(len, lines.values())) < least:
        return None
    low, high = min(every, key=lambda each: each.number), max(every, key=lambda each: each.number)
    first, last = min(every), max(every)
    return Trend(
        title=title, code=code, unit=unit,
        lines=tuple(_line(name, points, first.at, last.at, low.number, high.number) for name, points in lines.items()),
        low=low.written, high=high.written, first=_day(first.at), last=_day(last.at), other=sum(counts.values()) - counts[unit],
    )  # fmt: skip


def _line(name: str, points: list[Point], start: float, end: float, low: float, high: float) -> Line:
    dots = tuple(
        (
            round(MARGIN + _share(point.at, start, end) * (WIDTH - 2 * MARGIN), 1),
            round(HEIGHT - MARGIN - _share(point.number, low, high) * (HEIGHT - 2 * MARGIN), 1),
        )
        for point in points
    )
    return Line(name, " ".join(f"{x},{y}" for x, y in dots), dots, tuple(points))


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high == low else (value - low) / (high - low)


def _measures(observation: Mapping[str, Any], title: str) -> Iterator[tuple[str, str, str]]:
    """Name, unit and number of the value, which is named as its plot, and of each component that has one."""
    for element in (observation, *rows(observation.get("component"))):
        measured = table(element.get("valueQuantity"))
        try:
            drawn = math.isfinite(float(measured["value"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if not drawn:
            continue
        unit = measured.get("code") or measured.get("unit") or ""
        name = title if element is observation else concept(element.get("code")).casefold().capitalize()
        yield name, str(unit), str(measured["value"])


def _code(value: Any) -> str:
    for coding in rows(table(value).get("coding")):
        if coding.get("system") and coding.get("code"):
            return f"{coding['system']}|{coding['code']}"
    return ""


def _seconds(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
