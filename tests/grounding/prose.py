"""Sentences of ``notes/`` with their labels, and what the checker makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from monitoring.grounding.checker import check
from monitoring.grounding.index import Index
from tests.grounding import charts, stays
from tests.grounding.stay_rows import STAYS

NOTES = Path(__file__).parent / "notes"
LABELS = {"c": "clean", "x": "contradicted", "u": "unsupported", "n": "uncheckable"}


@dataclass(frozen=True)
class Note:
    """One sentence of one chart; ``held`` is every third of the first set and all of the third set: kept aside while the
    checker was mended, and opened after their rates had been taken."""

    chart: str
    name: str
    label: str
    text: str
    held: bool


def index_of(chart: str) -> Index:
    if chart in STAYS:
        return stays.index_of(chart)
    return charts.index_of(next(name for name in charts.charts() if name.startswith(f"Patient/{chart}")))


@cache
def notes() -> tuple[Note, ...]:
    return tuple(_read())


def _read() -> Iterator[Note]:
    for path in sorted(NOTES.glob("*.txt")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        for place, line in enumerate(lines):
            chart, _, later = path.stem.partition(".")
            held = later == "third" or (not later and place % 3 == 2)
            yield Note(chart, f"{path.stem}-{place}", LABELS[line[0]], line[2:], held)


def worst(note: Note) -> str:
    """The gravest verdict of its claims."""
    found = {each.verdict for each in check(note.text, index_of(note.chart))}
    return next((each for each in ("contradicted", "unsupported", "supported") if each in found), "uncheckable")
