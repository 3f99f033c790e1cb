"""The event loop commits what it has done while the disk is quick, and waits a moment for those who come together."""

import time

from gateway.storage.pace import LATELY, LATER, LONGEST, QUICK, QUIET, Pace


def _until_here(pace: Pace, most: int) -> int:
    return next(number for number in range(1, most) if pace.here(1))


def test_on_a_quick_disk_the_event_loop_commits_every_group() -> None:
    pace = Pace()
    for works in (1, 8, 64, 1):
        assert pace.here(works)
        pace.took(QUICK / 2)


def test_a_single_slow_commit_says_nothing_of_the_disk() -> None:
    pace = Pace()
    pace.took(QUICK / 4)
    pace.took(3.0)
    assert pace.here(1)


def test_a_slow_disk_is_left_to_another_thread_and_tried_again_later() -> None:
    pace = Pace()
    for _ in range(LATELY):
        pace.took(QUICK * 2)
    assert not pace.here(3)
    assert _until_here(pace, 2 * LATER) == LATER - 1


def test_who_came_with_others_is_waited_for() -> None:
    pace = Pace()
    assert pace.quiet == 0
    pace.here(2)
    assert pace.quiet == QUIET
    pace.here(1)
    assert pace.quiet == 0


def test_the_first_who_waits_does_not_wait_for_ever_for_those_who_still_come() -> None:
    pace = Pace()
    pace.came(0)
    assert not pace.late()
    time.sleep(LONGEST / 2)
    pace.came(1)
    time.sleep(LONGEST / 2)
    assert pace.late()
    pace.came(0)
    assert not pace.late()
