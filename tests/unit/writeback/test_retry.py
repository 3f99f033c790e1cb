"""When a delivery is tried again."""

import pytest

from writeback.retry import LONGEST_WISH, RetryPolicy, backoff, next_attempt, parse_retry_after
from writeback.settings import PACE, Pace, pause

NOW = 1_790_000_000.0
POLICY = RetryPolicy(first=1.0, longest=60.0, attempts=5)


def test_waits_double_up_to_the_longest() -> None:
    assert [backoff(attempt, policy=POLICY, jitter=0.0) for attempt in (1, 2, 3, 7, 100)] == [1, 2, 4, 60, 60]


def test_jitter_cuts_a_wait_by_half_at_most() -> None:
    assert backoff(3, policy=POLICY, jitter=0.999) == pytest.approx(2.0, abs=0.01)


def test_retries_end() -> None:
    assert next_attempt(NOW, 4, policy=POLICY, jitter=0.0) is not None
    assert next_attempt(NOW, 5, policy=POLICY, jitter=0.0) is None


def test_an_ehrs_wish_is_never_undercut_and_jitter_only_adds_to_it() -> None:
    assert next_attempt(NOW, 1, policy=POLICY, jitter=0.0, retry_after=30.0) == NOW + 30.0
    later = next_attempt(NOW, 1, policy=POLICY, jitter=0.9, retry_after=30.0)
    assert later is not None
    assert later > NOW + 30.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0), (" 7 ", 7.0), ("0", 0.0), ("999999999", LONGEST_WISH),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0), ("Mon, 21 Sep 2020 14:14:20 GMT", 0.0),
    ],
)  # fmt: skip
def test_a_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "1.5", "1e3", "99999999999", "Mon, 1 Jan 2024 00:00:00 +99999999999999999999",
                                  "Thu, 01 Jan 99999999999999 00:00:00 GMT"])  # fmt: skip
def test_what_is_neither_is_no_wish(text: str | None) -> None:
    assert parse_retry_after(text, NOW) is None


def test_an_ehr_is_left_in_peace_only_after_several_failures_in_a_row() -> None:
    assert pause(PACE.trip - 1, PACE) == 0.0
    assert pause(PACE.trip, PACE) == PACE.shortest_pause
    assert pause(PACE.trip + 50, PACE) == PACE.longest_pause


def test_a_conversation_may_not_outlive_its_lease() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Pace(lease=15.0, conversation=15.0)
    with pytest.raises(ValueError, match="15"):
        Pace(lease=16.0)
