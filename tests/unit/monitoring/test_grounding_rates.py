"""Rates with coverage and interval, and the labelled sentences as regression figures."""

import random
from pathlib import Path

import pytest

from monitoring.grounding.rates import Rate, add, rate, rogan_gladen, wilson
from monitoring.grounding.values import Counts
from tests.grounding.rates import markdown, rows, totals

ROOT = Path(__file__).parents[3]


def test_a_rate_comes_with_its_coverage_and_interval():
    found = rate(Counts(claims=20, supported=14, contradicted=1, unsupported=1, uncheckable=4))
    assert (found.rate, found.of, found.coverage) == (0.125, 16, 0.8)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0350, 0.3602)  # Wilson by hand


def test_of_nothing_there_is_no_rate_and_the_interval_says_nothing():
    assert rate(Counts()) == Rate(rate=None, low=0.0, high=1.0, of=0, coverage=None)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, held = random.Random(7), 0
    for _ in range(2000):
        hits = sum(rng.random() < 0.05 for _ in range(80))
        low, high = wilson(hits, 80)
        held += low <= 0.05 <= high
    assert 0.92 <= held / 2000 <= 0.98


def test_counts_add_up():
    assert add([Counts(claims=1, supported=1), Counts(claims=2, contradicted=2, foreign=1)]) == Counts(
        claims=3, supported=1, contradicted=2, foreign=1
    )


def test_a_judges_rate_is_corrected_by_what_the_judge_is_worth():
    assert rogan_gladen(0.9 * 0.02 + 0.1 * 0.98, sensitivity=0.9, specificity=0.9) == pytest.approx(0.02)
    assert rogan_gladen(0.01, sensitivity=0.9, specificity=0.9) == 0.0
    for wrong in ({"sensitivity": 0.5, "specificity": 0.5}, {"sensitivity": 1.5, "specificity": 0.9}):
        with pytest.raises(ValueError, match="better than chance"):
            rogan_gladen(0.1, **wrong)


ROWS = rows()


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.label in ("contradicted", "unsupported")], ids=lambda row: row.kind
)
def test_a_perturbed_sentence_is_flagged_as_often_as_before(row):
    assert row.share >= 0.97
    assert row.contradicted == 0 if row.label == "unsupported" else row.contradicted >= 0.97 * row.sentences


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.label in ("clean", "uncheckable")], ids=lambda row: row.kind
)
def test_a_clean_sentence_is_never_flagged(row):
    assert row.flagged == 0


def test_the_generator_has_enough_of_each_kind_and_of_other_seeds_as_well():
    assert all(row.sentences >= 8 for row in ROWS)
    other = totals(rows(seed=99))
    assert other["clean"][0] <= 0.002 * other["clean"][1]
    assert other["perturbed"][0] >= 0.98 * other["perturbed"][1]


def test_the_document_holds_the_table_as_it_is_printed():
    assert markdown(ROWS) in (ROOT / "docs" / "reference" / "groundedness.md").read_text()
