"""The columns: bins, index, sums, and that portions do not matter."""

from math import log

import numpy as np
import pytest

from monitoring.columns import FAULTS, LEAST, MEAN, PSI, WINDOW, Columns
from monitoring.packing import pack, unpack
from monitoring.reference import Column
from tests.monitored import column, plan, portions

LIMITS = plan().limits


def rows(count: int, *, seed: int = 1, columns: int = 3, missing: float = 0.02) -> np.ndarray:
    random = np.random.default_rng(seed)
    found = random.normal(size=(count, columns))
    found[random.random(found.shape) < missing] = np.nan
    return found


def made(columns: int = 3, *, learn: int = 500) -> Columns:
    known = column(np.random.default_rng(9).normal(size=10_000))
    return Columns([known] * columns, LIMITS, learn)


def fed(detector: Columns, data: np.ndarray) -> Columns:
    detector.update(data, np.arange(len(data), dtype=float))
    return detector


def first(detector: Columns, family: int) -> int | None:
    return next((move.row for move in detector.moves if move.family == family and move.now), None)


@pytest.mark.parametrize("open_", [False, True])
def test_any_portions_and_any_restarts_give_the_same_state_and_the_same_moves(open_: bool) -> None:
    data = np.vstack([rows(1700), rows(1400, seed=2) * 1.8 + 0.3, rows(300, missing=0.9) + 9])
    columns = (
        [Column(edges=(-1.0, 0.0, 1.0))] * 3 if open_ else [column(np.random.default_rng(9).normal(size=5000))] * 3
    )
    whole = fed(Columns(columns, LIMITS, 500), data)
    part, moves = Columns(columns, LIMITS, 500), []
    for portion in portions(len(data), seed=3):
        part.update(data[portion], np.arange(portion.start, portion.stop, dtype=float))
        moves += part.moves
        part = Columns.of(unpack(pack(part.state())), LIMITS)
    assert pack(part.state()) == pack(whole.state())
    assert moves == whole.moves != []


def test_the_index_is_that_of_the_window_counted_naively() -> None:
    data = rows(1300, seed=5) + 0.1
    detector = fed(made(), data)
    known = column(np.random.default_rng(9).normal(size=10_000))
    assert known.shares is not None
    for place in range(3):
        cells = data[-WINDOW:, place]
        bins = [
            (cells[~np.isnan(cells)][:, None] >= known.edges).sum(axis=1).tolist().count(each) for each in range(10)
        ]
        live = [max(each / WINDOW, 1e-4) for each in (*bins, int(np.isnan(cells).sum()), 0)]
        usual = [max(each, 1e-4) for each in known.shares]
        assert detector.psi[place] == pytest.approx(sum((a - b) * log(a / b) for a, b in zip(live, usual, strict=True)))


def test_nothing_is_said_of_a_distribution_before_200_encounters_nor_after_one_evaluation() -> None:
    detector = made()
    fed(detector, rows(LEAST - 1) + 5)
    assert first(detector, PSI) is None
    fed(detector, rows(1) + 5)
    assert first(detector, PSI) is None
    fed(detector, rows(100) + 5)
    assert first(detector, PSI) is not None


def test_a_small_window_needs_a_larger_index_than_a_large_one() -> None:
    """Under 200 encounters the index of no drift at all passes 0.1 in every fourth window: measured, and chi-square."""
    small, large = fed(made(), rows(200)), fed(made(), rows(1000))
    assert small.warns()[0] > 0.15
    assert large.warns()[0] == LIMITS.psi_floor


def test_a_shifted_mean_raises_the_mean_only_and_falls_back_when_it_ends() -> None:
    detector = fed(
        made(1), np.vstack([rows(300, columns=1), rows(100, seed=2, columns=1) + 1, rows(1600, seed=3, columns=1)])
    )
    moves = [(move.family, move.before, move.now) for move in detector.moves if move.family != PSI]
    assert moves[0] == (MEAN, 0, 1)
    assert moves[-1][2] == 0
    assert all(family == MEAN for family, *_ in moves)


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), float("-inf")])
def test_missing_unseen_and_unusable_cells_are_faults_and_no_numbers(cell: float) -> None:
    data = rows(400, columns=1)
    data[200::4] = cell
    detector = fed(made(1), data)
    assert first(detector, FAULTS) is not None
    assert first(detector, MEAN) is None


def test_the_usual_rate_of_missing_cells_is_no_fault() -> None:
    assert first(fed(made(5), rows(3000, columns=5)), FAULTS) is None


def test_a_reference_that_is_open_is_learnt_and_then_holds() -> None:
    detector = Columns([Column(edges=(-1.0, 0.0, 1.0))], LIMITS, 500)
    fed(detector, rows(499, columns=1))
    assert detector.open
    fed(detector, rows(1, columns=1))
    assert not detector.open
    assert detector.shares[0].sum() == pytest.approx(1)
    assert abs(detector.centre[0]) < 0.2
    fed(detector, rows(1000, seed=8, columns=1))
    assert not detector.moves
    fed(detector, rows(400, seed=8, columns=1) + 2)
    assert {move.family for move in detector.moves} >= {PSI, MEAN}


def test_a_column_without_bins_or_spread_watches_what_is_missing() -> None:
    detector = Columns([Column()], LIMITS, 500)
    fed(detector, np.zeros((900, 1)))
    fed(detector, np.full((60, 1), np.nan))
    assert {move.family for move in detector.moves} == {FAULTS}


@pytest.mark.parametrize("missing", [1.0, 0.998, 0.95])
def test_what_was_missing_as_a_rule_raises_nothing_by_being_missing(missing: float) -> None:
    detector = Columns([Column(edges=(-1.0, 0.0, 1.0))], LIMITS, 500)
    fed(detector, rows(4000, seed=4, columns=1, missing=missing))
    assert first(detector, FAULTS) is None
