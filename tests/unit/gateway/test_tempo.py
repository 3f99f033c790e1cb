"""The event loop commits what it has done while the disk is quick, and waits a moment for those who come together."""

import time

from gateway.storage.tempo import LATELY, LATER, LONGEST, QUICK, QUIET, Tempo


def _until_here(tempo: Tempo, most: int) -> int:
    return next(number for number in range(1, most) if tempo.here(1))


def test_on_a_quick_disk_the_event_loop_commits_every_group() -> None:
    tempo = Tempo()
    for works in (1, 8, 64, 1):
        assert tempo.here(works)
        tempo.took(QUICK / 2)


def test_a_single_slow_commit_says_nothing_of_the_disk() -> None:
    tempo = Tempo()
    tempo.took(QUICK / 4)
    tempo.took(3.0)
    assert tempo.here(1)


def test_a_slow_disk_is_left_to_another_thread_and_tried_again_later() -> None:
    tempo = Tempo()
    for _ in range(LATELY):
        tempo.took(QUICK * 2)
    assert not tempo.here(3)
    assert _until_here(tempo, 2 * LATER) == LATER - 1


def test_who_came_with_others_is_waited_for() -> None:
    tempo = Tempo()
    assert tempo.quiet == 0
    tempo.here(2)
    assert tempo.quiet == QUIET
    tempo.here(1)
    assert tempo.quiet == 0


def test_the_first_who_waits_does_not_wait_for_ever_for_those_who_still_come() -> None:
    tempo = Tempo()
    tempo.came(0)
    assert not tempo.late()
    time.sleep(LONGEST / 2)
    tempo.came(1)
    time.sleep(LONGEST / 2)
    assert tempo.late()
    tempo.came(0)
    assert not tempo.late()
