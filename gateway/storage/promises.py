"""Edge: what became of a group of works, told to those who wait for it."""

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from gateway.storage.failures import translated

Promise = asyncio.Future[Any] | Future[Any]
Outcome = tuple[Promise, Any, BaseException | None]
"""Who waits, what the work gave, and what it raised."""


def tell(outcomes: Sequence[Outcome]) -> None:
    """Settles a group's futures with one wake-up for each event loop, none for the one that tells: waking costs more than most
    works."""
    loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for future, value, failed in outcomes:
        outcome = (future, value, translated(failed))
        if isinstance(future, asyncio.Future):
            loops.setdefault(future.get_loop(), []).append(outcome)
        else:
            _settle([outcome])
    for loop, settled in loops.items():
        if loop is asyncio._get_running_loop():
            _settle(settled)
        else:
            with contextlib.suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(_settle, settled)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for future, value, failed in outcomes:
        if future.done():  # its caller was cancelled; the work stands all the same
            continue
        if failed is None:
            future.set_result(value)
        elif isinstance(failed, StopIteration):  # which no future takes
            future.set_exception(RuntimeError("a work raised StopIteration"))
        else:
            future.set_exception(failed)
