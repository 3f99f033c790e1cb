"""The plots of a profile's report as geometry, ready for an SVG that needs no script. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

WIDTH, HEIGHT = 320.0, 120.0
LINE = 18.0
"""Height of a horizontal bar."""
NAMES: Mapping[str, str] = {
    "-1": "before", "60": "1 min", "900": "15 min", "3600": "1 h", "14400": "4 h", "43200": "12 h", "86400": "1 d",
    "259200": "3 d", "604800": "7 d", "2592000": "30 d", "31536000": "1 a", "inf": "longer",
}  # fmt: skip
"""Upper edges of the bins of delays, for people."""
MOST_CODES = 12


class Bar(NamedTuple):
    """One bar: ``share`` of the longest, its place and size in the box, and what it says."""

    name: str
    number: int
    x: float
    y: float
    width: float
    height: float


class Plot(NamedTuple):
    """One plot. ``flat``: horizontal bars, one a line."""

    title: str
    bars: tuple[Bar, ...]
    height: float
    flat: bool

    @property
    def told(self) -> str:
        """The plot in one sentence, for who does not see it."""
        return ", ".join(f"{bar.name} {bar.number}" for bar in self.bars)


class Page(NamedTuple):
    """The plots of one type."""

    type: str
    plots: tuple[Plot, ...]


def plots(document: Mapping[str, Any]) -> list[Page]:
    """By type: forms of each dimension, months, hours of the day, delays."""
    pages = []
    for type, each in document["types"].items():
        made = [lying(name, counts.items()) for name, counts in each["states"].items() if len(counts) > 1]
        if len(each["months"]) > 1:
            made.append(standing("Months", each["months"].items()))
        if each["hours"]:
            made.append(
                standing("Hours of the day", ((str(hour), number) for hour, number in enumerate(each["hours"])))
            )
        if each["delays"]:
            made.append(
                lying("Available after", ((NAMES.get(bin, bin), number) for bin, number in each["delays"].items()))
            )
        if made:
            pages.append(Page(type, tuple(made)))
    return pages


def lying(title: str, counts: Iterable[tuple[str, int]]) -> Plot:
    """Horizontal bars under their names."""
    found = list(counts)
    most = max(number for _, number in found)
    bars = (
        Bar(name, number, 110.0, place * LINE + 3.0, round(190.0 * number / most, 1), LINE - 5.0)
        for place, (name, number) in enumerate(found)
    )
    return Plot(title, tuple(bars), len(found) * LINE + 4.0, True)


def standing(title: str, counts: Iterable[tuple[str, int]]) -> Plot:
    """Vertical bars side by side."""
    found = list(counts)
    most, step = max((number for _, number in found), default=1) or 1, WIDTH / max(len(found), 1)
    bars = (
        Bar(name, number, round(place * step, 1), round(HEIGHT - HEIGHT * number / most, 1), round(max(step - 1.0, 0.5), 1),
            round(HEIGHT * number / most, 1))
        for place, (name, number) in enumerate(found)
    )  # fmt: skip
    return Plot(title, tuple(bars), HEIGHT, False)


class Stack(NamedTuple):
    """One day: its charts as three bars on top of each other, ``y`` and height of fit, caveats and unfit."""

    day: str
    charts: int
    told: str
    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]


def fitness(days: list[dict[str, Any]]) -> list[Stack]:
    """A trend of verdicts by day."""
    most, step = max((each["charts"] for each in days), default=1), min(WIDTH / max(len(days), 1), 40.0)
    made = []
    for place, each in enumerate(days):
        floor, parts = HEIGHT, []
        for name in ("fit", "caveats", "unfit"):
            height = round(HEIGHT * each[name] / most, 1)
            floor = round(floor - height, 1)
            parts.append((name, floor, height))
        told = f"{each['day']}: {each['fit']} fit, {each['caveats']} with caveats, {each['unfit']} unfit"
        made.append(
            Stack(each["day"], each["charts"], told, round(place * step, 1), round(step - 1.0, 1), tuple(parts))
        )
    return made
