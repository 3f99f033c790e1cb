"""Two versions side by side, for people: the document of ``model_versions.compared`` as tables and plots. Pure.

Every plot stands beside the table of its numbers, so that nothing is only drawn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
WIDTH, HEIGHT, MARGIN = 320.0, 120.0, 8.0
ANSWERS = {"said": "said something", "abstained": "abstained", "refused": "refused by the gate"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Of the ``series`` 0 or 1, in a box of 320 by 120."""

    x: float
    y: float
    width: float
    height: float
    series: int
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    """One bin of a calibration plot with the interval of what was observed."""

    x: float
    y: float
    low: float
    high: float
    series: int
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A table, and the plot of it where there is one. ``note`` says how to read it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    told: str = ""
    ends: tuple[str, str] = ("", "")
    """What stands at the left and at the right of the plot."""


def sheets(document: Document) -> list[Sheet]:
    """As many as there is something to say for."""
    return [sheet for make in SHEETS for sheet in make(document)]


def _answers(said: Document) -> Iterator[Sheet]:
    counts = {(each["one"], each["other"]): each["n"] for each in said["answers"]}
    rows = tuple((ANSWERS[one], *(str(counts[one, other]) for other in ANSWERS)) for one in ANSWERS)
    note = "Charts that both versions were asked about at the same time. Off the diagonal one of them said nothing."
    yield Sheet(
        title="Answers", heads=(said["one"], *(f"{said['other']} {words}" for words in ANSWERS.values())), rows=rows, note=note
    )  # fmt: skip


def _values(said: Document) -> Iterator[Sheet]:
    found = said["values"]
    if found is None:
        return
    one, other = found["one"], found["other"]
    limits = found["limits_of_agreement"]
    rows = (
        ("mean", number(one["mean"]), number(other["mean"]), estimate(found["difference"])),
        ("standard deviation", number(one["sd"]), number(other["sd"]), "–"),
        *(
            (f"{each['share'] * 100:.0f} % lie below", number(each["one"]), number(each["other"]),
             number(each["other"] - each["one"]))
            for each in found["quantiles"]
        ),
        ("95 % of the differences", "–", "–", f"{number(limits['low'])} to {number(limits['high'])}"),
        ("largest gap between the distributions", "–", "–", estimate(found["distance"])),
    )  # fmt: skip
    yield Sheet(
        title="Values", heads=("", said["one"], said["other"], "difference (95 % interval)"), rows=rows,
        note=f"{found['n']} pairs with a value on both sides; {said['other']} minus {said['one']}.",
    )  # fmt: skip
    yield _distribution(said, found["bins"])


def _distribution(said: Document, bins: Sequence[Mapping[str, Any]]) -> Sheet:
    rows = tuple((f"{number(e['low'])} to {number(e['high'])}", str(e["one"]), str(e["other"])) for e in bins)
    most = max(max(each["one"], each["other"]) for each in bins) or 1
    step = (WIDTH - 2 * MARGIN) / len(bins)
    bars = []
    for place, each in enumerate(bins):
        for series, name in enumerate(("one", "other")):
            height = each[name] / most * (HEIGHT - 2 * MARGIN)
            bars.append(Bar(
                x=round(MARGIN + place * step + 1 + series * (step / 2 - 1), 1), y=round(HEIGHT - MARGIN - height, 1),
                width=round(step / 2 - 2, 1), height=round(height, 1), series=series,
                told=f"{said[name]}, {rows[place][0]}: {each[name]}",
            ))  # fmt: skip
    return Sheet(
        title="Distribution of the values", heads=("value", said["one"], said["other"]), rows=rows, bars=tuple(bars),
        told=f"Counts of both versions in {len(bins)} bins of their values; the table has the numbers.",
        ends=(number(bins[0]["low"]), number(bins[-1]["high"])),
    )  # fmt: skip


def _limits(said: Document) -> Iterator[Sheet]:
    if not said["limits"]:
        return
    rows = tuple(
        (
            f"{each['name']} (from {number(each['at'])})", str(each["both"]), str(each["only_one"]), str(each["only_other"]),
            str(each["neither"]), percent(each["agreement"]), number(each["chance"]),
        )
        for each in said["limits"]
    )  # fmt: skip
    yield Sheet(
        title="Crossings of limits", rows=rows,
        heads=("limit", "both reach it", f"only {said['one']}", f"only {said['other']}", "neither", "agree", "by chance"),
        note="By chance: how likely so uneven a split of the disagreements is if neither version reaches the limit more often.",
    )  # fmt: skip


def _words(said: Document) -> Iterator[Sheet]:
    found = said["words"]
    if found is None:
        return
    counts = {(each["one"], each["other"]): each["n"] for each in found["table"]}
    names = list(dict.fromkeys(name for each in found["table"] for name in (each["one"], each["other"])))
    rows = tuple((one, *(str(counts.get((one, other), 0)) for other in names)) for one in names)
    beyond = "" if found["kappa"] is None else f", beyond chance (kappa) {number(found['kappa'])}"
    yield Sheet(
        title="Classes" if said["kind"] == "classification" else "Tiers", rows=rows,
        heads=(said["one"], *(f"{said['other']} {name}" for name in names)),
        note=f"{found['n']} pairs; the same on both sides: {percent(found['agreement'])}{beyond}.",
    )  # fmt: skip


def _labels(said: Document) -> Iterator[Sheet]:
    found = said["labels"]
    if found is None:
        return
    one, other = found["one"], found["other"]
    lines: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        ("area under the ROC curve", lambda side: estimate(side["auroc"])),
    ]  # fmt: skip
    if "expected" in one:
        lines += [
            ("events expected", lambda side: number(side["expected"])),
            ("observed over expected", lambda side: estimate(side["observed_over_expected"])),
            ("Brier score", lambda side: number(side["brier"])),
            ("calibration slope", lambda side: number(side["calibration"]["slope"])),
            ("calibration error", lambda side: number(side["calibration"]["error"])),
            ("the same by chance alone", lambda side: number(side["calibration"]["by_chance"])),
        ]
    rows = tuple((title, tell(one), tell(other)) for title, tell in lines)
    yield Sheet(
        title="Against what came true", heads=("", said["one"], said["other"]), rows=rows,
        note=f"{found['n']} pairs with a mature outcome, {found['events']} events. What people did about the version that is "
        "live is in the outcomes of both.",
    )  # fmt: skip
    if "bins" in one:
        yield _calibration(said, one["bins"], other["bins"])


def _calibration(said: Document, one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> Sheet:
    series = ((said["one"], one), (said["other"], other))
    most = max((max(each["expected"], each["high"]) for _, bins in series for each in bins), default=1.0) or 1.0
    dots = tuple(
        Dot(
            x=_x(each["expected"] / most), y=_y(each["observed"] / most), low=_y(each["low"] / most),
            high=_y(each["high"] / most), series=place, told=f"{name}: expected {number(each['expected'])}, observed "
            f"{number(each['observed'])}",
        )
        for place, (name, bins) in enumerate(series) for each in bins
    )  # fmt: skip
    rows = tuple(
        (name, str(each["n"]), number(each["expected"]), estimate({**each, "value": each["observed"]}))
        for name, bins in series for each in bins
    )  # fmt: skip
    return Sheet(
        title="Calibration", heads=("version", "pairs", "expected", "observed (95 % interval)"), rows=rows, dots=dots,
        told="Expected against observed shares in bins of equal counts; on the line they are the same.",
        ends=("0 expected", f"{number(most)} expected"),
    )  # fmt: skip


def _x(share: float) -> float:
    return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)


def _y(share: float) -> float:
    return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


SHEETS: tuple[Callable[[Document], Iterator[Sheet]], ...] = (_answers, _values, _limits, _words, _labels)


def number(value: float | None) -> str:
    """With three digits."""
    return "–" if value is None else f"{value:.3g}"


def estimate(said: Mapping[str, Any] | None) -> str:
    """``0.83 (0.79 to 0.87)``."""
    if said is None or said["value"] is None:
        return "–"
    if said["low"] is None:
        return number(said["value"])
    return f"{number(said['value'])} ({number(said['low'])} to {number(said['high'])})"


def percent(said: Mapping[str, Any]) -> str:
    """``83 % (79 to 87)``."""
    if said["value"] is None:
        return "–"
    return f"{100 * said['value']:.0f} % ({100 * said['low']:.0f} to {100 * said['high']:.0f})"
