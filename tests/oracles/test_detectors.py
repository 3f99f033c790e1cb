"""Our detectors against river's, value by value where they are the same algorithm."""

import random

import pytest
from river import drift

from monitoring.adwin import Adwin
from monitoring.scalars import PageHinkley


def stream(seed: int, *, before: int = 3000, after: int = 1500, shift: float = 0.5) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(0, 1) for _ in range(before)] + [source.gauss(shift, 1) for _ in range(after)]


def detections(detector: object, values: list[float]) -> list[int]:
    found = []
    for place, value in enumerate(values):
        said = detector.update(value)  # type: ignore[attr-defined]
        if said if isinstance(said, bool) else detector.drift_detected:  # type: ignore[attr-defined]
            found.append(place)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_page_hinkley_detects_exactly_where_rivers_does(seed: int) -> None:
    values = stream(seed)
    found = detections(PageHinkley(), values)
    assert found == detections(drift.PageHinkley(), values) != []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shift", [0.5, 1.0, -0.7])
def test_adwin_detects_a_shift_when_rivers_does(seed: int, shift: float) -> None:
    """River leaves out the cut after the newest bucket of each size, so that it may be a check or two (32 values) off."""
    values = stream(seed, shift=shift)
    ours, theirs = detections(Adwin(), values), detections(drift.ADWIN(), values)
    assert min(ours) >= 3000
    assert min(theirs) >= 3000
    assert abs(ours[0] - theirs[0]) <= 64


@pytest.mark.parametrize("seed", range(4))
def test_adwin_keeps_the_same_mean_and_variance_as_river_while_nothing_changes(seed: int) -> None:
    values = stream(seed, after=0)
    ours, theirs = Adwin(), drift.ADWIN()
    assert detections(ours, values) == detections(theirs, values) == []
    assert (ours.width, ours.mean()) == (theirs.width, pytest.approx(theirs.estimation))
    assert ours.spread / ours.width == pytest.approx(theirs.variance / theirs.width)
