"""Our quantiles, intervals, areas and slopes against scipy's, on numbers drawn with a seed."""

import numpy as np
import pytest
from scipy import differentiate, optimize, stats

from monitoring import quantiles, ranking
from monitoring.domain import tell_apart
from monitoring.scalars import STUCK_CHANCE, stuck_at


def drawn(seed: int, size: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chances = np.round(random.beta(1, 6, size), 3).clip(0.001, 0.999)
    return chances, (random.random(size) < chances).astype(float)


@pytest.mark.parametrize("freedom", [1, 2, 5, 11, 40])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99, 1 - 1e-4, 1 - 1e-6])
def test_chi_square_quantiles_are_scipys(freedom: int, share: float) -> None:
    assert quantiles.chi_square(share, freedom) == pytest.approx(stats.chi2.ppf(share, freedom), rel=1e-9)


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (3, 200), (15, 1000), (10, 10)])
def test_wilson_intervals_are_scipys(events: int, trials: int) -> None:
    theirs = stats.binomtest(events, trials).proportion_ci(method="wilson")
    assert quantiles.wilson(events, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 50, 777, 2000])
def test_the_poisson_binomial_distribution_is_scipys(size: int) -> None:
    chances, events = drawn(size, size)
    theirs = stats.poisson_binom(chances)
    assert quantiles.poisson_binomial(chances) == pytest.approx(theirs.pmf(np.arange(size + 1)), abs=1e-13)
    observed = int(events.sum())
    fewer, more = quantiles.tails(chances, observed)
    assert (fewer, more) == pytest.approx((theirs.cdf(observed), theirs.sf(observed - 1)), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_auroc_is_the_mann_whitney_statistic_of_scipy(seed: int) -> None:
    scores, events = drawn(seed)
    ones, zeros = scores[events == 1], scores[events == 0]
    theirs = stats.mannwhitneyu(ones, zeros).statistic / (ones.size * zeros.size)
    assert ranking.auroc(scores, events)[0] == pytest.approx(theirs, abs=1e-12)
    assert ranking.ranks(scores) == pytest.approx(stats.rankdata(scores))


def test_delongs_standard_error_is_that_of_a_bootstrap() -> None:
    scores, events = drawn(9, 2000)
    ones, zeros = scores[events == 1], scores[events == 0]

    def area(one: np.ndarray, zero: np.ndarray, axis: int = -1) -> float:
        return stats.mannwhitneyu(one, zero, axis=axis).statistic / (one.shape[-1] * zero.shape[-1])

    theirs = stats.bootstrap((ones, zeros), area, n_resamples=400, method="percentile", vectorized=True, random_state=1)
    value, error = ranking.auroc(scores, events)
    assert error == pytest.approx(theirs.standard_error, rel=0.1)
    low, high = ranking.interval(value, error)
    assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_slope_is_that_of_a_likelihood_maximised_by_scipy(seed: int) -> None:
    chances, events = drawn(seed, 1500)
    odds = np.log(chances / (1 - chances))

    def unlikely(w: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, -(2 * events - 1) * (w[0][..., None] + w[1][..., None] * odds)).sum(axis=-1)

    found = optimize.minimize(unlikely, [0.0, 1.0])
    value, error = ranking.slope(chances, events)
    assert value == pytest.approx(found.x[1], abs=1e-4)
    # Not found.hess_inv: what the search happens to know of the curvature is off by a factor of five on some machines.
    curvature = differentiate.hessian(unlikely, found.x).ddf
    assert error == pytest.approx(float(np.sqrt(np.linalg.inv(curvature)[1, 1])), rel=1e-3)


def test_the_interval_of_observed_over_expected_ends_where_scipy_says_that_chance_ends() -> None:
    chances, events = drawn(4, 500)
    observed = int(events.sum())
    _, low, high = ranking.over_expected(chances, observed)
    odds = np.log(chances / (1 - chances))

    def at(expected: float) -> stats.rv_discrete:
        shift = optimize.brentq(lambda s: (1 / (1 + np.exp(-odds - s))).sum() - expected, -5, 5)
        return stats.poisson_binom(1 / (1 + np.exp(-odds - shift)))

    assert at(low * chances.sum()).sf(observed - 1) == pytest.approx(0.025, abs=1e-3)
    assert at(high * chances.sum()).cdf(observed) == pytest.approx(0.025, abs=1e-3)


def test_the_expected_auroc_is_the_sum_over_all_pairs() -> None:
    chances, _ = drawn(5, 60)
    above = (chances[:, None] > chances) + 0.5 * (chances[:, None] == chances)
    pairs = chances[:, None] * (1 - chances)
    assert ranking.expected_auroc(chances) == pytest.approx((above * pairs).sum() / pairs.sum(), abs=1e-12)


@pytest.mark.parametrize("usual", [0.1, 0.5, 0.7, 0.8, 0.85, 0.95])
def test_how_many_equal_outputs_are_stuck_follows_scipys_binomial(usual: float) -> None:
    tail = {count: stats.binom.sf(count - 1, 100, usual) for count in range(95, 101)}
    rare = [count for count, chance in tail.items() if chance <= STUCK_CHANCE]
    assert stuck_at(usual) == (min(rare) if rare else None)


def test_rows_of_one_population_are_told_apart_as_often_as_chance_has_it() -> None:
    random = np.random.default_rng(3)
    same = [tell_apart(*(random.normal(size=(150, 8)) for _ in range(2)), seed=n)[1] for n in range(12)]
    assert stats.kstest(same, "uniform").pvalue > 0.01


@pytest.mark.parametrize("what", ["mean", "spread", "correlation"])
def test_rows_of_two_populations_are_told_apart(what: str) -> None:
    random = np.random.default_rng(4)
    earlier, later = random.normal(size=(300, 8)), random.normal(size=(300, 8))
    if what == "mean":
        later[:, :3] += 0.7
    elif what == "spread":
        later *= 1.5
    else:  # each feature by itself is as it was
        later[:, 0] = later[:, 1] * 0.9 + later[:, 0] * (1 - 0.9**2) ** 0.5
    area, chance = tell_apart(earlier, later, seed=1)
    assert area > 0.6
    assert chance <= 0.005
