"""M-HAL-05, what a text left out, by its vectors; and what people say of a random sample."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring.entries import Entry, SentenceRead, Telling, TextChecked
from monitoring.grounding.checker import check, count
from monitoring.grounding.index import build
from monitoring.grounding.values import Snapshot
from monitoring.packing import pack, unpack
from monitoring.plan import Plan
from monitoring.watch import Watch
from tests.simulation import texts
from vocabulary.signal import Signal

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "monitoring" / "M-HAL-05.json").read_text())
ABOUT = {"model": "m", "version": "1", "ehr": "e"}
PATIENT = {"resourceType": "Patient", "id": "p1"}


@pytest.mark.parametrize("row", VECTORS["texts"], ids=lambda row: f"{row['chart']}: {row['text'][:30]}")
def test_what_had_to_be_said_is_counted(row: dict[str, Any]) -> None:
    resources = (PATIENT, *VECTORS["charts"][row["chart"]])
    index = build(Snapshot(patient="Patient/p1", as_of=1.8e9, resources=resources))
    found = count(check(row["text"], index), index=index, text=row["text"])
    assert (found.must, found.omitted) == (row["must"], row["omitted"])


def folded(told: list[Telling], watch: Watch | None = None) -> dict[tuple[str, str], Signal]:
    watch = watch or Watch(Plan(**ABOUT, numeric=False))
    watch.fold([Entry(id=n, at=float(n), told=each) for n, each in enumerate(told)])
    return {(each.monitor, each.source): each for each in watch.signals()}


def left_out(must: int, omitted: int, **counts: int) -> TextChecked:
    return TextChecked(**ABOUT, output="o", must=must, omitted=omitted, **counts)


@pytest.mark.parametrize("row", VECTORS["series"], ids=lambda row: str(row["told"]))
def test_a_series_comes_to_its_level(row: dict[str, Any]) -> None:
    told: list[Telling] = [left_out(must, omitted) for must, omitted, times in row["told"] for _ in range(times)]
    signal = folded(told).get(("M-HAL-05", "omitted"))
    if row["level"] == "absent":
        assert signal is None
        return
    assert signal is not None
    assert signal.level == row["level"]
    assert signal.value == pytest.approx(row["value"], abs=1e-4)
    assert signal.low - 1e-9 <= signal.value <= signal.high + 1e-9  # type: ignore[operator]


def read(verdict: str, times: int) -> list[Telling]:
    return [SentenceRead(**ABOUT, output="o", verdict=verdict)] * times


@pytest.mark.parametrize(
    ("told", "level", "coverage"),
    [
        ([("supported", 29)], "learning", "learning"),
        ([("supported", 98), ("unsupported", 2)], "quiet", "quiet"),
        ([("supported", 45), ("unsupported", 3), ("contradicted", 3)], "warning", "learning"),
        ([("supported", 30), ("contradicted", 8)], "critical", "learning"),
        ([("supported", 60), ("uncheckable", 140)], "quiet", "critical"),
    ],
)
def test_people_have_a_rate_with_its_interval_and_coverage(
    told: list[tuple[str, int]], level: str, coverage: str
) -> None:
    found = folded([each for verdict, times in told for each in read(verdict, times)])
    rate, covered = found["M-HAL-01", "people"], found["M-HAL-04", "people"]
    assert (rate.level, covered.level) == (level, coverage)
    assert 0 <= rate.low <= rate.high <= 1  # type: ignore[operator]
    assert covered.n == sum(times for _, times in told)


def test_a_state_of_before_goes_on_with_what_it_did_not_count() -> None:
    watch = Watch(Plan(**ABOUT, numeric=False))
    folded([left_out(0, 0, supported=10)] * 5, watch)
    state = unpack(pack(watch.state()))
    texts = state["texts"]
    del texts["omitting"], texts["heard"]
    texts["recent"] = [each[:8] for each in texts["recent"]]
    texts["sums"] = texts["sums"][:8]
    found = folded([left_out(1, 1, supported=10)] * 18, Watch.of(watch.plan, state))
    assert found["M-HAL-05", "omitted"].level == "warning"
    assert found["M-HAL-01", "unsupported"].n == 230


def test_few_alarms_at_the_usual_rate_and_twice_it_is_found() -> None:
    """The short form of docs/reference/monitors.md: 10⁶ texts of two such things each gave none."""
    random = np.random.default_rng(3)
    assert [texts.omissions(random, 0.035, 5000) for _ in range(5)] == [[]] * 5
    delays = [texts.omissions(random, 0.14, 2000, first=True) for _ in range(10)]
    assert all(delays)
    assert max(map(max, delays)) < 400
    assert texts.people(random, 0.06, 500)
