"""A replay counts encounters as the evaluator does."""

import pytest

from monitoring.entries import Labelled, Observed, Ticked
from monitoring.observations import AGAIN
from monitoring.replay import entries

ABOUT = {"model": "m", "version": "1", "ehr": "e"}


@pytest.mark.parametrize(("apart", "again"), [(600.0, False), (AGAIN, False), (AGAIN + 1, True)])
def test_an_encounter_that_is_scored_again_after_ninety_days_counts_once_more(apart: float, again: bool) -> None:
    told = [
        (at, Observed(**ABOUT, output=f"o{n}", encounter="x", score=0.5))
        for n, at in enumerate((1000.0, 1000.0 + apart))
    ]
    label = (1000.0 + apart + 5, Labelled(**ABOUT, output="o1", event=True))
    found = [each for each in entries([*told, label]) if not isinstance(each.told, Ticked)]
    assert [each.first for each in found] == [True, again, again]


def test_what_is_recorded_twice_counts_once_and_keeps_its_label() -> None:
    output = Observed(**ABOUT, output="o", encounter="x", score=0.5)
    label = Labelled(**ABOUT, output="o", event=True)
    found = [*entries([(1000.0, output), (1001.0, output), (1002.0, label), (1003.0, label)])]
    assert [each.first for each in found] == [True, False, True, False]
