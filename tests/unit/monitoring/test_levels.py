"""Levels rise at once and fall after five quiet evaluations: for columns and for single signals alike."""

import numpy as np
import pytest

from monitoring.board import Board
from monitoring.levels import Levels
from monitoring.outcomes import Judged


def judged(level: int | None) -> Judged:
    return Judged(monitor="M-X", source="s", level=level, value=1.0, n=3)


@pytest.mark.parametrize(
    ("raw", "held"),
    [
        ([2, 0, 0, 0, 0, 0], [2, 2, 2, 2, 2, 0]),
        ([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0]),
        ([1, 2, 0, 1, 0, 0, 0], [1, 2, 2, 2, 2, 2, 1]),
        ([0, 1, 1, 0], [0, 1, 1, 1]),
    ],
)
def test_a_level_rises_at_once_and_falls_to_the_highest_of_five_evaluations(raw: list[int], held: list[int]) -> None:
    levels, board = Levels(1), Board()
    seen = []
    for time, level in enumerate(raw):
        moves = levels.settle(np.array([level]), float(time))
        moved = board.put(judged(level), float(time))
        seen.append(int(levels.held[0]))
        assert board.level("M-X", "s") == seen[-1]
        assert [move[1:] for move in moves] == ([moved] if moved else [])
    assert seen == held


def test_what_is_not_known_leaves_the_level_and_a_board_survives_its_state() -> None:
    board = Board()
    board.put(judged(None), 0.0)
    assert not board.held["M-X", "s", ""].known
    board.put(judged(2), 1.0)
    assert board.put(judged(None), 2.0) is None
    assert board.level("M-X", "s") == 2
    again = Board.of(board.state())
    assert again.held == board.held
    assert again.state() == board.state()


def test_only_those_of_the_mask_are_evaluated() -> None:
    levels = Levels(2)
    levels.lift(np.array([1, 1]), 0.0)
    for time in range(5):
        levels.settle(np.array([0, 0]), float(time), np.array([True, False]))
    assert levels.held.tolist() == [0, 1]
