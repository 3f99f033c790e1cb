"""Paired statistics against scipy's, on numbers drawn with a seed."""

import numpy as np
import pytest
from scipy import stats

from monitoring import comparing, paired
from monitoring.comparing import Pair, Said, Scale


def drawn(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    one = np.round(random.beta(2, 6, size), 3)
    return one, np.round(np.clip(one + random.normal(0.01, 0.05, size), 0, 1), 3)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 499, 20_000])
@pytest.mark.parametrize("share", [0.6, 0.9, 0.975, 0.9995])
def test_student_quantiles_are_scipys(freedom: int, share: float) -> None:
    assert paired.student(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-9)


@pytest.mark.parametrize("size", [2, 3, 40, 700])
def test_the_mean_difference_is_that_of_scipys_paired_t_test(size: int) -> None:
    one, other = drawn(size, size)
    found, theirs = paired.mean_difference(one, other), stats.ttest_rel(other, one).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert found.value == pytest.approx((other - one).mean())


@pytest.mark.parametrize("size", [2, 5, 40, 700])
def test_the_distance_is_scipys_kolmogorov_smirnov_statistic(size: int) -> None:
    one, other = drawn(size, size)
    found = paired.distance(one, other)
    assert found.value == pytest.approx(stats.ks_2samp(one, other, method="asymp").statistic, abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_distance_s_interval_holds_the_true_one_at_least_as_often_as_it_says() -> None:
    """Two normal distributions a standard deviation apart, dependent: the true gap is 2Φ(1/2) − 1."""
    random, truth, held = np.random.default_rng(3), 2 * stats.norm.cdf(0.5) - 1, 0
    for _ in range(200):
        one = random.normal(0, 1, 150)
        other = 0.9 * one + np.sqrt(1 - 0.81) * random.normal(0, 1, 150) + 1
        found = paired.distance(one, other)
        held += found.low <= truth <= found.high
    assert held >= 190


@pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 0), (5, 5), (12, 31), (180, 140), (900, 1000)])
def test_mcnemars_exact_test_is_scipys_binomial_test(one: int, other: int) -> None:
    theirs = stats.binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert paired.surprise(one, other) == pytest.approx(theirs, rel=1e-9 if one + other <= 1000 else 1e-2)


def test_kappa_is_that_of_a_table_worked_by_hand() -> None:
    """20 and 15 agreed of 50, 5 and 10 not: 0.7 agreed, 0.5 would by chance: κ = 0.4."""
    words = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert paired.kappa(words) == pytest.approx(0.4)
    assert np.isnan(paired.kappa([("y", "y")] * 4))


def test_most_differences_lie_within_the_limits_of_agreement() -> None:
    one, other = drawn(5, 4000)
    low, high = paired.limits_of_agreement(one, other)
    share = ((low <= other - one) & (other - one <= high)).mean()
    assert share == pytest.approx(0.95, abs=0.015)
    assert low < 0 < high


def test_calibration_of_either_side_is_that_of_its_own_numbers() -> None:
    """The one says the true chance, the other a third of it: observed over expected is one for the one, three for the other."""
    random = np.random.default_rng(8)
    chances = random.uniform(0.05, 0.6, 3000)
    events = random.random(3000) < chances
    pairs = [
        Pair(one=Said(answer="said", value=float(p)), other=Said(answer="said", value=float(p) / 3), event=bool(e))
        for p, e in zip(chances, events, strict=True)
    ]
    found = comparing.compare(pairs, Scale(limits=(("high", 0.3),), range=(0.0, 1.0), chance=True))
    one, other = found["labels"]["one"], found["labels"]["other"]
    assert one["observed_over_expected"]["low"] < 1 < one["observed_over_expected"]["high"]
    assert other["observed_over_expected"]["low"] < 3 < other["observed_over_expected"]["high"]
    assert one["auroc"] == other["auroc"]
    theirs = stats.mannwhitneyu(chances[events], chances[~events]).statistic / (events.sum() * (~events).sum())
    assert one["auroc"]["value"] == pytest.approx(theirs)
    assert one["calibration"]["slope"] == pytest.approx(1, abs=0.15)
    assert sum(each["n"] for each in one["bins"]) == 3000
    assert one["brier"] == pytest.approx(((chances - events) ** 2).mean())
