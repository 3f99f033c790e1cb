"""Edge: the evaluator: of all replicas the one with the lease folds what they told the monitors, in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from monitoring import evaluations, labels
from monitoring.entries import Entry
from monitoring.entries import place as place_of
from monitoring.evaluations import Folded, Lease, Place
from monitoring.observations import PAGE, find_entries
from vocabulary.signal import Signal, SignalChanged

T = TypeVar("T")
Run = Callable[[Callable[[Connection, float], T]], Awaitable[T]]
After = Callable[[Sequence[SignalChanged], Sequence[tuple[Place, Sequence[Signal]]]], None]
logger = logging.getLogger("chartgate.evaluating")

PAUSE, LONGEST = 1.0, 5.0
"""Seconds between two rounds, and while there is nothing to fold: what is told is folded about so much later."""
PORTION = 2000
"""Entries that are folded before what came of them is saved."""


class Evaluator:
    """``plan`` says how a model is watched (None: it is not installed here); ``after`` hears of changes that are durable, and
    of the signals of each watch that was saved."""

    def __init__(
        self, *, run: Any, plan: Callable[[Place], Any], holder: str, after: After = lambda changed, signals: None
    ) -> None:
        self._run, self._plan, self._holder, self._after = run, plan, holder, after
        self._lease: Lease | None = None
        self._watches: Any = None
        self._stopping = asyncio.Event()

    @property
    def leading(self) -> bool:
        """Whether the last round had the lease."""
        return self._lease is not None

    def stop(self) -> None:
        """Ends ``serve`` after its round."""
        self._stopping.set()

    async def serve(self) -> None:
        """Rounds until ``stop``; then the lease is given back."""
        pause = PAUSE
        while not self._stopping.is_set():
            try:
                pause = PAUSE if await self.round() else min(2 * pause, LONGEST)
            except (
                Exception
            ) as failure:  # the database is away, or another was quicker: again in a moment, from what is saved
                self._watches = None
                logger.warning("the monitors wait: %s", type(failure).__name__)
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            except TimeoutError:
                pass
        if self._lease is not None:
            await self._run(partial(evaluations.release_lease, lease=self._lease))

    async def round(self) -> int:
        """Takes or keeps the lease, and folds everything before the horizon. The number of entries folded."""
        lease = await self._run(partial(evaluations.take_lease, holder=self._holder))
        if lease is None or self._lease is None or lease.generation != self._lease.generation:
            self._watches = None
        self._lease = lease
        if lease is None:
            return 0
        await self._run(labels.tell_mature)
        horizon = await self._run(partial(evaluations.move_horizon, lease=lease))
        cursor, total = lease.cursor, 0
        while horizon is not None:
            entries = await self._load(cursor, horizon)
            if not entries or not await self._fold(lease, entries):
                break
            total, cursor = total + len(entries), (entries[-1].at, entries[-1].id)
        return total

    async def _load(self, cursor: tuple[float, int], horizon: float) -> list[Entry]:
        found: list[Entry] = []
        while len(found) < PORTION:
            page = await self._run(partial(find_entries, after=cursor, before=horizon))
            found += page
            if len(page) < PAGE:
                break
            cursor = (page[-1].at, page[-1].id)
        return found

    async def _fold(self, lease: Lease, entries: Sequence[Entry]) -> bool:
        """Folds in a thread of its own, and saves. False when the lease was lost: then nothing was saved."""
        if self._watches is None:
            self._watches = {place: await self._begin(place) for place in await self._run(evaluations.find_places)}
        for place in dict.fromkeys(map(place_of, entries)):
            if place is not None and place not in self._watches:
                self._watches[place] = await self._begin(place)
        changed, folded = await asyncio.to_thread(_folded, self._watches, entries)
        cursor = (entries[-1].at, entries[-1].id)
        kept: bool = await self._run(
            partial(evaluations.save, lease=lease, cursor=cursor, folded=folded, changed=changed)
        )
        if kept:
            self._after(changed, [(each.place, each.signals) for each in folded])
        else:
            self._watches = None
        return kept

    async def _begin(self, place: Place) -> Any:
        from monitoring import folding  # numpy comes with it: not before there is something to fold

        plan = self._plan(place)
        if plan is None:
            return None
        packed = await self._run(partial(evaluations.find_state, place=place))
        return await asyncio.to_thread(folding.begin, plan, packed)


def _folded(watches: Any, entries: Sequence[Entry]) -> tuple[list[SignalChanged], list[Folded]]:
    """What the entries change, and every watch that has something to save."""
    from monitoring import folding
    from monitoring.packing import pack

    changed = folding.fold(watches, entries)
    folded = []
    for place, watch in watches.items():
        if watch is not None and watch.dirty:
            folded.append(
                Folded(
                    place=place,
                    at=watch.last,
                    state=pack(watch.state()),
                    signals=watch.signals(),
                    point=watch.evaluated,
                )
            )
            watch.dirty = watch.evaluated = False
    return changed, folded
