"""Who writes alone has his commits done where he waits, on a disk that is quick."""

from gateway.storage.solitude import ALONE, LATER, QUICK, Solitude


def _until_alone(solitude: Solitude, most: int) -> int:
    return next(number for number in range(1, most) if solitude.again(1))


def test_one_work_after_the_other_makes_a_solitude_and_two_together_end_it() -> None:
    solitude = Solitude()
    assert _until_alone(solitude, 100) == ALONE + 1
    assert solitude.again(1)
    assert not solitude.again(2)
    assert _until_alone(solitude, 100) == ALONE + 1


def test_a_slow_commit_is_not_waited_for_again_for_long_even_between_groups_of_several() -> None:
    solitude = Solitude()
    _until_alone(solitude, 100)
    solitude.took(QUICK / 2)
    assert solitude.again(1)
    solitude.took(QUICK * 2)
    assert not solitude.again(3)
    assert _until_alone(solitude, 2 * LATER) == LATER + ALONE + 1
