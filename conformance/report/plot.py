"""The summary of a report as an SVG within the page: a bar for each suite, its parts by result, with their numbers in words."""

from collections.abc import Iterator, Mapping
from html import escape

from conformance.report.showing import Shown

ORDER = ("pass", "fail", "error", "skip")
WIDTH, LEFT, ROW, BAR = 440, 80, 40, 16


def plot(shown: Shown) -> str:
    """The bars, as wide as the largest suite has checks."""
    rows = [(name, shown.counts(name)) for name in shown.report.suites]
    largest = max([sum(counts.values()) for _, counts in rows] + [1])
    body = "".join(_row(place, name, counts, largest) for place, (name, counts) in enumerate(rows))
    says = "; ".join(f"{name}: {_words(counts)}" for name, counts in rows)
    return (
        f'<svg viewBox="0 0 {WIDTH} {ROW * len(rows) + 4}" role="img" aria-label="Results by suite. {escape(says)}">'
        f"{body}</svg>"
    )


def _row(place: int, name: str, counts: Mapping[str, int], largest: int) -> str:
    top = place * ROW + 4
    return (
        f'<text x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>{"".join(_parts(top, counts, largest))}'
        f'<text class="quiet" x="{LEFT}" y="{top + 30}">{escape(_words(counts))}</text>'
    )


def _parts(top: int, counts: Mapping[str, int], largest: int) -> Iterator[str]:
    left = float(LEFT)
    for word in ORDER:
        width = counts[word] * (WIDTH - LEFT) / largest
        if width:
            yield f'<rect class="bar-{word}" x="{left:.1f}" y="{top}" width="{max(width - 1, 1):.1f}" height="{BAR}"/>'
        left += width


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[word]} {word}" for word in ORDER if counts[word]) or "nothing"
