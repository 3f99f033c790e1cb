"""All monitors of one model together: portions and restarts change nothing, and each failure raises its monitor."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitoring.entries import Entry, Labelled, Observed, Telling, TextChecked, Ticked, pack_cells, unpack_cells
from monitoring.packing import pack, unpack
from monitoring.plan import Plan
from monitoring.thresholds import Thresholds
from monitoring.watch import Watch
from tests.monitored import ABOUT, plan, portions, tellings
from vocabulary.signal import SignalChanged


def journal(told: Sequence[Telling], *, step: float = 600.0) -> list[Entry]:
    """Entries one after the other; labels bring along what their output said."""
    given = {each.output: each for each in told if isinstance(each, Observed)}
    made, seen = [], set()
    for number, each in enumerate(told):
        first, score, strata = True, None, ""
        if isinstance(each, Observed):
            first = each.encounter not in seen
            seen.add(each.encounter)
        if isinstance(each, Labelled):
            score, strata = given[each.output].score, given[each.output].strata
        made.append(Entry(id=number, at=number * step / 2, told=each, first=first, score=score, strata=strata))
    return made


def raised(changes: Sequence[SignalChanged]) -> set[tuple[str, str, str]]:
    return {
        (each.signal.monitor, each.signal.source, each.signal.level) for each in changes if each.signal.level != "quiet"
    }


@pytest.mark.parametrize("ticks", [True, False])
def test_any_portions_and_any_restarts_give_the_same_state_and_the_same_changes(ticks: bool) -> None:
    told = [each for each in tellings(1000, seed=2, drift_from=400) if ticks or not isinstance(each, Ticked)]
    entries = journal(told)
    whole = Watch(plan())
    changes = whole.fold(entries)
    part, seen = Watch(plan()), []
    for portion in portions(len(entries), seed=5):
        seen += part.fold(entries[portion])
        part = Watch.of(plan(), unpack(pack(part.state())))
    assert pack(part.state()) == pack(whole.state())
    assert seen == changes
    assert part.signals() == whole.signals()
    assert raised(changes)


def test_thresholds_that_were_signed_since_are_what_the_kept_state_is_held_against() -> None:
    def signed(**monitors: dict[str, float]) -> Plan:
        return replace(
            plan(), thresholds=Thresholds(version=1, monitors={n.replace("_", "-"): v for n, v in monitors.items()})
        )

    told = [*tellings(100, seed=3), TextChecked(**ABOUT, output="t", supported=10, must=2)]
    first = Watch(plan())
    first.fold(journal(told))
    kept = unpack(pack(first.state()))
    other = signed(
        M_HAL_01={"p0": 0.02, "p1": 0.08}, M_HAL_05={"p1": 0.2}, M_OUT_02={"delta": 0.01, "page_hinkley": 50.0},
        M_OUT_03={"high": 2.0, "low": 0.25},
    )  # fmt: skip
    before, watch = Watch.of(plan(), kept), Watch.of(other, kept)
    assert watch.texts is not None
    assert (watch.texts.rising.p0, watch.texts.rising.p1, watch.texts.omitting.p1) == (0.02, 0.08, 0.2)
    assert (watch.scores.adwin.delta, watch.scores.hinkley is None) == (0.01, False)
    assert {name: each.p1 / each.p0 for name, each in watch.scores.rates.items()} == pytest.approx(
        {"high": 2, "low": 0.25}
    )
    for name, each in watch.scores.rates.items():
        assert (each.p0, each.sum) == (before.scores.rates[name].p0, before.scores.rates[name].sum)
    assert Watch.of(plan(), unpack(pack(watch.state()))).scores.hinkley is None


def test_no_signal_leaves_quiet_without_drift() -> None:
    assert raised(Watch(plan()).fold(journal(list(tellings(1200, seed=3))))) == set()


def test_a_wrong_unit_in_a_tenth_raises_the_features_distribution() -> None:
    found = raised(
        Watch(plan()).fold(
            journal([each for each in tellings(4500, seed=4, drift_from=1500) if isinstance(each, Observed)])
        )
    )
    assert ("M-IN-01", "f0", "warning") in found
    assert not {each for each in found if each[1] == "f1"}


def test_an_output_out_of_range_is_critical_at_the_first_one_and_for_both_teams() -> None:
    refused = Observed(**ABOUT, output="o", encounter="e", features=pack_cells((0.0, 0.0)), refusal="out_of_range")
    other = Observed(**ABOUT, output="p", encounter="f", features=pack_cells((0.0, 0.0)), refusal="chart_unfit")
    assert raised(Watch(plan()).fold(journal([other]))) == set()
    assert raised(Watch(plan()).fold(journal([other, refused]))) == {("M-OUT-01", "range", "critical")}


def test_silence_raises_at_a_tick_and_ends_with_outputs() -> None:
    watch = Watch(plan())
    entries = journal([each for each in tellings(400, seed=6) if isinstance(each, Observed)], step=60)
    last = entries[-1].at
    late = [Entry(id=10_000 + n, at=last + 60 * n, told=Ticked()) for n in range(1, 10)]
    assert ("M-OUT-04", "silence", "critical") in raised(watch.fold([*entries, *late]))
    again = [Entry(id=20_000 + n, at=last + 600 + n, told=entries[n].told) for n in range(6)]
    changes = [each for each in watch.fold(again) if each.signal.source == "silence"]
    assert [each.signal.level for each in changes] == ["quiet"]


def test_more_events_than_expected_raise_observed_over_expected_and_not_fewer_than_chance() -> None:
    told = list(tellings(1500, seed=7))
    more = [Labelled(**ABOUT, output=each.output, event=True) if isinstance(each, Labelled) and number % 5 == 0 else each
            for number, each in enumerate(told)]  # fmt: skip
    assert ("M-PERF-02", "observed_over_expected", "critical") in raised(Watch(plan()).fold(journal(more)))
    assert not {each for each in raised(Watch(plan()).fold(journal(told))) if each[0].startswith("M-PERF")}


def test_an_encounter_counts_once() -> None:
    one = Observed(**ABOUT, output="o", encounter="e", features=pack_cells((0.0, 0.0)), value=0.1, score=0.1)
    watch = Watch(plan())
    watch.fold([Entry(id=n, at=float(n), told=one, first=n == 0) for n in range(20)])
    assert watch.columns.total == 1


def test_two_features_and_a_fifth_of_all_that_drift_are_critical_for_the_model() -> None:
    told = [
        Observed(**ABOUT, output=each.output, encounter=each.encounter, value=each.value,
                 features=pack_cells(cell + 2 for cell in unpack_cells(each.features)))
        for each in tellings(800, seed=8) if isinstance(each, Observed)
    ]  # fmt: skip
    assert ("M-IN-01", "", "critical") in raised(Watch(plan()).fold(journal(told)))


def text(**counts: int) -> TextChecked:
    return TextChecked(**ABOUT, output="t", **counts)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([text(supported=10, citations=10)] * 20, set()),
        ([text(supported=8, unsupported=2, citations=8)] * 20, {("M-HAL-01", "unsupported", "critical")}),
        ([text(supported=9, contradicted=1, numbers=1)], {("M-HAL-03", "contradicted", "warning")}),
        ([text(supported=9, citations=9, missing=1)], {("M-HAL-02", "citations", "warning")}),
        ([text(supported=9, citations=9, foreign=1)], {("M-HAL-02", "citations", "critical")}),
        ([text(supported=3, uncheckable=7)] * 20, {("M-HAL-04", "coverage", "critical")}),
        ([text(supported=3, uncheckable=7)] * 9, set()),
    ],
)
def test_texts_raise_their_monitors(told: list[TextChecked], found: set[tuple[str, str, str]]) -> None:
    watch = Watch(Plan(**ABOUT, numeric=False))
    assert found <= raised(watch.fold(journal(told)))
    assert bool(raised(watch.fold([]))) is False
    if not found:
        assert not [each for each in watch.signals() if each.level in ("warning", "critical")]


def test_a_model_whose_features_are_others_than_then_begins_anew() -> None:
    watch = Watch(plan())
    watch.fold(journal(list(tellings(300, seed=1))))
    assert Watch.of(plan(features=3), unpack(pack(watch.state()))).columns.total == 0
    assert Watch.of(plan(), unpack(pack(watch.state()))).columns.total > 0


def test_a_watch_stays_small() -> None:
    watch = Watch(plan(features=50))
    told = list(tellings(1500, seed=1, features=50))
    watch.fold(journal([each for number, each in enumerate(told) if number < 500 or not isinstance(each, Labelled)]))
    assert len(pack(watch.state())) < 1_000_000
