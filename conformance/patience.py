"""How long to wait after 429 before the same is asked again (RFC 6585 §4, RFC 9110 §10.2.3). Pure: the clock is an argument."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

TRIES = 8
"""Times that one request is sent, at most: 1, 2, 4 … 64 seconds apart where the server names no time, two minutes in all."""
LONGEST = 120.0
"""Seconds: a server that wants more patience than this is not waited for."""


def wait(status: int, headers: Mapping[str, str], *, tries: int, now: float) -> float | None:
    """Seconds until the request, sent ``tries`` times, is sent again; None when the answer is one to judge, or when
    there is no use in waiting. ``now`` is Unix seconds."""
    if status != 429 or tries >= TRIES:
        return None
    said = headers.get("retry-after", "").strip()
    seconds = float(said[:9]) if said.isascii() and said.isdigit() else _until(said, now)
    if seconds is None:
        return float(2 ** (tries - 1))
    return max(seconds, 0.0) if seconds <= LONGEST else None


def _until(date: str, now: float) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
