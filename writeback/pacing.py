"""How many deliveries go into one Bundle, and how many requests may go now. Values: what is remembered of an EHR between
two looks, so that restarts forget nothing and all workers share it, are columns of ``targets``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

Verdict = Literal["taken", "too_much", "too_large", "not_taken", "unknown"]
"""What an EHR made of a Bundle as a whole: it answered for the entries; it failed or was too slow; 413; no batches here;
it never saw it, or has no time for anything now."""


class Bundled(Struct, frozen=True, kw_only=True, gc=False):
    """One Bundle that was sent: the row id of its first entry, how many entries it had, and what became of it."""

    first: int
    entries: int
    verdict: Verdict


class Size(Struct, frozen=True, kw_only=True):
    """How many entries a Bundle for this EHR has now, and never more than ``most``."""

    now: int = 8
    most: int = 100


BYTES = 2 * 1024 * 1024
"""A Bundle is closed before it grows beyond this, whatever its size in entries."""


def resized(size: Size, bundles: Iterable[Bundled]) -> Size:
    """The probe: by a half more while full Bundles are answered for, half after one that failed; what was too large once
    is never tried again, and after a refusal of batches as such everything goes singly."""
    for bundle in bundles:
        if bundle.verdict == "unknown":
            continue
        if bundle.verdict == "taken":
            grown = size.now + max(1, size.now // 2) if bundle.entries >= size.now else size.now
            size = Size(now=min(grown, size.most), most=size.most)
        else:
            half = max(1, bundle.entries // 2)
            most = {"too_much": size.most, "too_large": min(half, size.most), "not_taken": 1}[bundle.verdict]
            size = Size(now=min(half, size.now, most), most=most)
    return size


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What a limit of requests in a minute leaves: how many may go ``now``, and seconds until as many as are needed may."""

    requests: int
    wait: float


AT_ONCE = 3
"""Requests that one delivery may need together: looking for it, writing it, reading it back."""
FAST = 60
"""Requests in a minute from which on each is booked when it is about to be sent. Below that a delivery would wait for the
second longer than its lease lasts, so that all that it may need are booked when it is claimed."""
LATE, AHEAD = 0.5, 60.0
"""Seconds that a request may come later than it was booked, and that it may be booked for a later time at most."""
CLOSE = 1e-5
"""Of a request: the difference of two times in Unix seconds is no closer (their last digit is 2.4e-7 s)."""


def spacing(per_minute: int) -> tuple[float, int]:
    """Seconds between two requests, and how many may go at once. Both together stay below ``per_minute`` in any sixty
    seconds, though some are late, with one in a hundred (and at least one) left for token requests."""
    at_once = max(2 if per_minute >= FAST else AT_ONCE, per_minute // 80)
    return (60.0 + LATE) / max(per_minute / 2, per_minute - at_once - max(1, per_minute // 100)), at_once


def allowance(now: float, booked: float, *, per_minute: int, needed: int = 1) -> Allowance:
    """What may be sent now, where all before ``booked`` (Unix seconds) is used up: the generic cell rate algorithm, with
    one column. A time far ahead was booked before the clock was put back, and counts as now."""
    apart, at_once = spacing(per_minute)
    start = _start(now, booked, apart, at_once)
    free = (now - start) / apart
    return Allowance(requests=max(0, int(free + CLOSE)), wait=apart * min(max(needed - free, CLOSE), needed))


def book(now: float, booked: float, *, per_minute: int, requests: int) -> float:
    """The column after so many requests."""
    apart, at_once = spacing(per_minute)
    return _start(now, booked, apart, at_once) + requests * apart


def reserve(now: float, booked: float, *, per_minute: int) -> tuple[float, float]:
    """The column after one request that takes the next place, and the seconds until it may go."""
    after = book(now, booked, per_minute=per_minute, requests=1)
    return after, max(0.0, after - now)


def _start(now: float, booked: float, apart: float, at_once: int) -> float:
    return max(now - at_once * apart, booked if booked <= now + AHEAD else now)
