"""When a delivery is tried again. Pure: the clock and the jitter are arguments, the plan is kept in the database."""

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_WISH = 3600.0
"""Seconds: a ``Retry-After`` beyond this is taken as this, so that a typing error at the EHR does not stop a feed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Seconds before the second attempt, the longest wait, and how many attempts there are in all."""

    first: float = 0.5
    longest: float = 300.0
    attempts: int = 400


def backoff(attempt: int, *, policy: RetryPolicy, jitter: float) -> float:
    """Seconds to wait after the ``attempt``-th try (1 is the first): doubling, capped, and cut by up to a half by
    ``jitter`` in [0, 1) so that many deliveries do not come back at once."""
    doubled = policy.first * 2.0 ** min(max(attempt, 1) - 1, 30)
    return min(doubled, policy.longest) * (1.0 - jitter / 2.0)


def next_attempt(
    now: float, attempt: int, *, policy: RetryPolicy, jitter: float, retry_after: float | None = None
) -> float | None:
    """Unix seconds of the next try, never before the EHR's own ``retry_after`` seconds; None when there is none."""
    if attempt >= policy.attempts:
        return None
    wait = backoff(attempt, policy=policy, jitter=jitter)
    if retry_after is not None:
        wait = max(retry_after * (1.0 + jitter / 10.0), wait if attempt > 1 else 0.0)
    return now + wait


def parse_retry_after(text: str | None, now: float) -> float | None:
    """``Retry-After`` as seconds from now: a number, or an HTTP date (RFC 9110 §10.2.3). None for anything else."""
    if text is None:
        return None
    if text.strip().isdecimal() and len(text.strip()) < 10:
        return min(float(text), LONGEST_WISH)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at.timestamp() - now, 0.0), LONGEST_WISH)
