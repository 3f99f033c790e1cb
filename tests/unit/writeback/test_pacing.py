"""The size of Bundles and the spacing of requests, as values."""

import pytest

from writeback.pacing import Bundled, Size, Verdict, allowance, book, resized
from writeback.terms import parse_read_back, reads_back


def sent(entries: int, verdict: Verdict) -> Bundled:
    return Bundled(first=1, entries=entries, verdict=verdict)


def test_full_bundles_that_are_answered_for_make_the_next_larger_up_to_the_most() -> None:
    size = Size()
    for _ in range(20):
        size = resized(size, [sent(size.now, "taken")])
    assert size == Size(now=100, most=100)


@pytest.mark.parametrize(
    ("entries", "verdict", "after"),
    [
        (40, "too_much", Size(now=20, most=100)),
        (40, "too_large", Size(now=20, most=20)),
        (40, "not_taken", Size(now=1, most=1)),
        (40, "unknown", Size(now=40, most=100)),
        (39, "taken", Size(now=40, most=100)),
        (1, "too_much", Size(now=1, most=100)),
    ],
)
def test_each_verdict_has_its_consequence(entries: int, verdict: Verdict, after: Size) -> None:
    assert resized(Size(now=40, most=100), [sent(entries, verdict)]) == after


def test_what_was_too_large_is_never_tried_again() -> None:
    size = resized(Size(now=64, most=100), [sent(64, "too_large")])
    for _ in range(20):
        size = resized(size, [sent(size.now, "taken")])
    assert size.now == 32


@pytest.mark.parametrize("per_minute", [1, 4, 20, 250, 6000])
def test_in_no_sixty_seconds_are_there_more_requests_than_allowed_and_most_of_them_are_used(per_minute: int) -> None:
    booked, times = 0.0, []
    for tick in range(4 * 60 * 20):
        now = 1000.0 + tick / 20
        free = allowance(now, booked, per_minute=per_minute).requests
        booked = book(now, booked, per_minute=per_minute, requests=free) if free else booked
        times += [now] * free
    most = max(sum(start <= at < start + 60 for at in times) for start in times[:: max(1, len(times) // 50)])
    assert most <= max(per_minute - 1, 4)
    if per_minute >= 250:
        assert most >= 0.95 * per_minute


def test_a_clock_that_is_put_back_stops_nothing() -> None:
    assert allowance(1000.0, 1e9, per_minute=250).wait < 1
    assert allowance(1010.0, book(1000.0, 1e9, per_minute=250, requests=0), per_minute=250).requests > 0


def test_a_share_is_read_back_and_always_the_same_one() -> None:
    keys = [f"{number * 2654435761 % 2**32:08x}{'0' * 56}" for number in range(2000)]
    assert 150 < sum(reads_back(key, 0.1) for key in keys) < 250
    assert all(reads_back(key, 1.0) for key in keys)
    assert not any(reads_back(key, 0.0) for key in keys)
    assert all(reads_back(key, 0.5) for key in keys if reads_back(key, 0.1))


def test_the_policy_is_read_as_it_is_documented() -> None:
    policy = parse_read_back("0.1, epic=always,oracle=never")
    assert (policy.of("spec"), policy.of("epic"), policy.of("oracle")) == (0.1, 1.0, 0.0)
    assert parse_read_back("").of("spec") == 1.0
    for wrong in ("sometimes", "1.5", "epic=", "nan", "-1"):
        with pytest.raises(ValueError, match="read-back"):
            parse_read_back(wrong)
