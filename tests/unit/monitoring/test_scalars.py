"""Detectors of one number at a time: what they see, and that a restart changes nothing."""

import random
from dataclasses import replace
from typing import Any

import pytest

from monitoring.adwin import Adwin
from monitoring.packing import pack, unpack
from monitoring.scalars import MISSED, BernoulliCusum, Cusum, PageHinkley, Silence, Stuck, stuck_at
from monitoring.scores import Scores
from tests.monitored import plan


@pytest.mark.parametrize(
    "detector",
    [Cusum(), BernoulliCusum(0.1, 0.2), PageHinkley(threshold=20), Adwin(), Stuck(), Silence()],
    ids=lambda each: type(each).__name__,
)
def test_a_detector_restarted_at_any_time_goes_on_as_if_nothing_had_been(detector: Any) -> None:
    source = random.Random(5)
    values = [round(source.gauss(0, 1), 1) for _ in range(400)] + [source.gauss(1, 1) for _ in range(300)]
    if isinstance(detector, Silence):
        values = sorted(values)
    if isinstance(detector, BernoulliCusum):
        values = [value > 1 for value in values]  # type: ignore[misc]
    other = type(detector).of(detector.state())
    for value in values:
        assert detector.update(value) == other.update(value)
        if source.random() < 0.1:
            other = type(detector).of(unpack(pack(other.state())))
    assert pack(detector.state()) == pack(other.state())


def test_a_sum_of_evidence_grows_with_a_shift_and_stops_at_its_most() -> None:
    detector = Cusum(most=10)
    assert [detector.update(1.25) for _ in range(3)] == [1.0, 2.0, 3.0]
    assert max(detector.update(4) for _ in range(10)) == 10
    assert detector.update(-4) == pytest.approx(10 - 4.25)


def test_the_evidence_of_events_follows_the_likelihoods() -> None:
    detector = BernoulliCusum(0.1, 0.2)
    assert detector.update(False) == 0
    assert detector.update(True) == pytest.approx(0.6931, abs=1e-4)
    assert detector.update(False) == pytest.approx(0.6931 - 0.1178, abs=1e-4)


def test_outputs_stick_when_95_of_100_are_one_and_not_when_that_is_usual() -> None:
    detector = Stuck()
    counts = [detector.update(value) for value in [0.1, 0.2, 0.3, 0.4, *[0.5] * 96]]
    assert counts[:99] == [0] * 99
    assert counts[-1] == 96
    assert stuck_at(0.3) == 95
    assert stuck_at(0.85) == 100
    assert stuck_at(0.95) is None


def test_outputs_of_many_values_never_stick() -> None:
    detector = Stuck()
    assert {detector.update(number % 50) for number in range(500)} == {0}


def test_silence_is_four_times_the_usual_gap_and_unknown_before_gaps_are_known() -> None:
    detector = Silence()
    assert detector.quiet_for(5.0) is None
    for number in range(150):
        detector.update(number * 10.0)
    assert detector.limit() is None
    for number in range(150, 300):
        detector.update(number * 10.0)
    assert detector.limit() == 40.0
    assert detector.quiet_for(3031.0) == 41.0
    assert Silence(usual=60.0).limit() == 240.0


def scores() -> Scores:
    return Scores(plan().reference, plan().numbers)


def levels(detector: Scores, values: list[float]) -> set[tuple[str, str, int | None]]:
    return {(each.monitor, each.source, each.level) for value in values for each in detector.update(value, "")}


def test_alerts_too_often_and_alerts_that_stop_are_both_seen() -> None:
    usual = [0.5] * 3 + [0.1, 0.2] * 48 + [0.05]
    assert not {each for each in levels(scores(), usual * 3) if each[0] == "M-OUT-03" and each[2]}
    assert ("M-OUT-03", "high", 1) in levels(scores(), [0.5, 0.1, 0.2, 0.05] * 60)
    assert ("M-OUT-03", "low", 1) in levels(scores(), [0.1, 0.2, 0.05] * 500)


def test_one_value_for_everybody_is_stuck() -> None:
    assert ("M-OUT-04", "stuck", 2) in levels(scores(), [0.1] * 100)
    assert ("M-OUT-04", "stuck", 2) not in levels(scores(), [0.1, 0.2] * 100)


def test_silence_raises_and_is_over_after_five_outputs() -> None:
    detector = scores()
    for number in range(300):
        detector.heard(number * 60.0)
    assert [each.level for each in detector.silence_at(18_000.0)] == [0]
    assert [each.level for each in detector.silence_at(18_300.0)] == [2]
    assert [len(detector.heard(18_360.0 + number)) for number in range(7)] == [1] * 5 + [0] * 2


HOUR = 3600.0


def clinic(days: int) -> Silence:
    """Every six minutes from 8 to 18, Monday to Friday, from a Monday on."""
    detector = Silence()
    for day in range(days):
        for place in range(100 if day % 7 < 5 else 0):
            detector.update(day * DAY_OF + 8 * HOUR + place * 360.0)
    return detector


DAY_OF = 24 * HOUR


@pytest.mark.parametrize(
    ("days", "quiet", "chance"),
    [
        (3, 14.0, True),  # the night
        (19, 62.0, True),  # the weekend, known from the one before
        (17, 16.5, False),  # the next morning, from 9 on
        (19, 65.0, False),  # Monday morning
    ],
)
def test_silence_counts_the_outputs_that_the_same_hours_had_before(days: int, quiet: float, chance: bool) -> None:
    detector = clinic(days)
    assert detector.last is not None
    missed = detector.missed(detector.last + quiet * HOUR)
    assert missed is not None
    assert (missed < MISSED) == chance
    assert Silence.of(detector.state()).missed(detector.last + quiet * HOUR) == missed


def ward(*, until: float, gap_p99: float | None = None) -> list[float]:
    """When silence is noticed, in hours from the first midnight: an output a minute from 8 to 20, one in ten minutes by night,
    from 8 of the first day on until it stops; a tick a minute, two hours longer."""
    known = plan()
    detector, at, found = Scores(replace(known.reference, gap_p99=gap_p99), known.numbers), 8 * HOUR, []
    while at < until + 2 * HOUR:
        minute = int(at // 60)
        if at < until and (480 <= minute % 1440 < 1200 or minute % 10 == 0):
            detector.heard(at)
        elif any(each.level for each in detector.silence_at(at)):
            found.append(at / HOUR)
        at += 60.0
    return found


def test_the_first_night_of_a_busy_feed_is_silence_and_no_later_one_is() -> None:
    """Until hours can be compared the gaps alone decide (M-OUT-04: four times their 99th percentile): a feed that is slow by
    night for the first time looks like one that has stopped, and one that has stopped must be seen on its first day."""
    first = ward(until=32 * HOUR)
    assert first[0] == pytest.approx(20 + 4 / 60, abs=0.1)
    nights = [at for at in ward(until=80 * HOUR) if at < 80]
    assert {20 <= at < 32 for at in nights} == {True}


@pytest.mark.parametrize(("stops", "latest"), [(14, 0.1), (32 + 6, 0.7)], ids=["on the first day", "on the second"])
def test_a_feed_that_stops_by_day_is_seen_on_its_first_day_as_on_any(stops: int, latest: float) -> None:
    seen = [at for at in ward(until=stops * HOUR) if at >= stops]
    assert seen[0] - stops <= latest


def test_a_declared_gap_that_knows_the_nights_leaves_the_first_one_quiet() -> None:
    assert [at for at in ward(until=80 * HOUR, gap_p99=600.0) if at < 80] == []
    assert ward(until=14 * HOUR, gap_p99=600.0)[0] - 14 == pytest.approx(4 * 600 / 3600, abs=0.1)


def test_what_the_hours_are_used_to_is_not_known_on_the_first_day() -> None:
    assert clinic(1).missed(20 * HOUR) is None
