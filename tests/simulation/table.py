"""The campaign as a table: run, kept in ``benchmarks/results/monitors.json``, and shown in docs/reference/monitors.md.

``python -m tests.simulation.table`` puts the kept results into the document.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from tests.simulation import runs
from tests.simulation.streams import DRIFTS, INDEPENDENT

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "monitors.json"
DOCUMENT = ROOT / "docs" / "reference" / "monitors.md"
BEGIN, END = "<!-- simulation: python -m tests.simulation.table -->", "<!-- end of simulation -->"
SEED = 20261126
BAR = 0.01
"""False alarms in 1,000 encounters of a stream, at most, at the upper end of the 95 % interval."""
KINDS = (*INDEPENDENT, "clustered by patient")
CONTRAST = "every output counted"

Size = Mapping[str, int]
FULL: Size = {
    "streams": 1000, "encounters": 30_000, "scores": 100, "score_encounters": 20_000, "models": 100, "labels": 10_000,
    "texts": 10_000, "outputs": 20_000, "delay_streams": 1000, "after": 5000, "delay_models": 40,
}  # fmt: skip
SHORT: Size = {"streams": 200, "encounters": 5000, "delay_streams": 60, "after": 3000}

PUBLISHED: Mapping[str, Mapping[str, int]] = {
    "mean +0.25 SD": {"M-IN-01": 1000, "M-IN-02": 551},
    "mean +0.5 SD": {"M-IN-01": 500, "M-IN-02": 89},
    "spread × 1.5": {"M-IN-01": 600},
    "10 % of rows in the wrong unit (× 88.4)": {"M-IN-01": 900, "M-IN-02": 117},
    "missing 2 → 20 %": {"M-IN-01": 400, "M-IN-03": 44},
}
"""Median delays that were measured when the monitors were designed: ours are to be no longer."""


def measure(size: Size, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Every row of the table; a row says what was simulated, the figures, and its bar where it has one."""
    for place, kind in enumerate((*KINDS, CONTRAST)):
        found = runs.false_alarms(kind, streams=size["streams"], encounters=size["encounters"], seed=seed + place)
        yield from _alarms("features", kind, found, bar=kind != CONTRAST)
    for place, kind in enumerate(KINDS):
        found = runs.score_alarms(kind, streams=size["scores"], encounters=size["score_encounters"], seed=seed + place)
        yield from _alarms("output", kind, found)
    found = runs.label_alarms(models=size["models"], labels=size["labels"], seed=seed)
    yield from _alarms("labels", "calibrated risks, two subgroups", found)
    yield from _alarms(
        "texts", "1.5 % unsupported", runs.text_alarms(models=size["models"], texts=size["texts"], seed=seed)
    )
    silent = runs.silence_alarms(models=size["models"], outputs=size["outputs"], seed=seed)
    yield from _alarms("silence", "outputs at random", silent)
    for drift in DRIFTS:
        by_monitor = runs.delays(drift, streams=size["delay_streams"], after=size["after"], seed=seed)
        for monitor, delays in by_monitor.items():
            yield _delay(drift, monitor, delays, size["delay_streams"], PUBLISHED.get(drift, {}).get(monitor))
    models = size["delay_models"]
    yield _delay("one output for everybody", "M-OUT-04", runs.stuck_delay(models=models, seed=seed), models)
    yield _delay("no output (in usual gaps)", "M-OUT-04", runs.silence_delay(models=models, seed=seed), models)
    concept = runs.concept_delay(1.74, models=models, after=4000, seed=seed)
    yield _delay("events 1.74 times as often as said (in labels)", "M-PERF-02", concept, models)


def _alarms(about: str, kind: str, found: runs.Alarms, *, bar: bool = True) -> Iterator[dict[str, Any]]:
    for monitor in (*sorted(found.raised), "all"):
        rate, upper = found.rate(*([] if monitor == "all" else [monitor]))
        yield {
            "what": "false alarms", "about": about, "kind": kind, "monitor": monitor, "encounters": found.encounters,
            "rate": round(rate, 6), "upper": round(upper, 6), "bar": BAR if bar else None,
        }  # fmt: skip


def _delay(
    drift: str, monitor: str, delays: list[int] | list[float], streams: int, bar: int | None = None
) -> dict[str, Any]:
    return {
        "what": "delay", "about": drift, "monitor": monitor, "streams": streams, "found": len(delays),
        "median": round(median(delays), 1) if delays else None, "bar": bar,
    }  # fmt: skip


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table for people, as Markdown."""
    alarms = [row for row in rows if row["what"] == "false alarms"]
    delays = [row for row in rows if row["what"] == "delay" and row["found"]]
    return [
        "False alarms without drift, in 1,000 encounters of a stream:", "",
        "| what | kind | monitor | encounters | rate | 95 % at most | bar |", "|---|---|---|---|---|---|---|",
        *(
            f"| {row['about']} | {row['kind']} | {row['monitor']} | {row['encounters']:,} | {row['rate']:.4f} | {row['upper']:.4f} "
            f"| {row['bar'] if row['bar'] is not None else 'none: why encounters are counted'} |"
            for row in alarms
        ), "",
        "Encounters until a drift is found (median of the streams in which it was):", "",
        "| drift | monitor | found | median delay | bar |", "|---|---|---|---|---|",
        *(
            f"| {row['about']} | {row['monitor']} | {row['found']}/{row['streams']} | {row['median']:g} | {row['bar'] or ''} |"
            for row in delays
        ),
    ]  # fmt: skip


def keep(rows: list[dict[str, Any]]) -> None:
    """The rows as they stand in the repository, and in the document."""
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    show()


def kept() -> list[dict[str, Any]]:
    """The rows of the last campaign that was kept."""
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text())
    return found


def shown() -> str:
    """The table as the document has it."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def show() -> None:
    """Puts the kept rows into the document."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines(kept())) + f"\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    show()
