"""Edge: the evaluator: of all replicas the one with the lease folds what they told the monitors, in order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from gateway.processes.rounds import Rounds
from monitoring import evaluations, labels
from monitoring.alerting import marks
from monitoring.alerting.marks import Marker
from monitoring.entries import Entry
from monitoring.entries import place as place_of
from monitoring.evaluations import Folded, Lease, Place
from monitoring.observations import PAGE, find_entries
from monitoring.pruning import Oldest, forever
from vocabulary.signal import Signal, SignalChanged

T = TypeVar("T")
Run = Callable[[Callable[[Connection, float], T]], Awaitable[T]]
After = Callable[[Sequence[SignalChanged], Sequence[tuple[Place, Sequence[Signal]]]], None]

PAUSE, LONGEST = 1.0, 5.0
"""Seconds between two rounds, and while there is nothing to fold: what is told is folded about so much later."""
PORTION = 2000
"""Entries that are folded before what came of them is saved."""


class Evaluator(Rounds):
    """``plan`` says how a model is watched (None: it is not installed here); ``after`` hears of changes that are durable, and
    of the signals of each watch that was saved; a label of an output from before ``oldest`` comes too late."""

    pause, longest, name = PAUSE, LONGEST, "the monitors"

    def __init__(
        self, *, run: Any, plan: Callable[[Place], Any], holder: str, after: After = lambda changed, signals: None,
        oldest: Oldest = forever,
    ) -> None:  # fmt: skip
        super().__init__()
        self._run, self._plan, self._holder, self._after, self._oldest = run, plan, holder, after, oldest
        self._lease: Lease | None = None
        self._watches: Any = None
        self._fresh: set[Place] = set()

    @property
    def leading(self) -> bool:
        """Whether the last round had the lease."""
        return self._lease is not None

    async def serve(self) -> None:
        """Rounds until ``stop``; then the lease is given back."""
        await super().serve()
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
        await self._run(partial(labels.tell_mature, oldest=self._oldest))
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
        """Folds in a thread of its own, and saves. False when the lease was lost: then nothing was saved. Watches that have
        folded what was not saved are read again."""
        watches, self._watches = self._watches, None
        if watches is None:
            watches = {place: await self._begin(place) for place in await self._run(evaluations.find_places)}
        for place in dict.fromkeys(map(place_of, entries)):
            if place is not None and place not in watches:
                watches[place] = await self._begin(place)
        changed, folded = await asyncio.to_thread(_folded, watches, entries)
        cursor = (entries[-1].at, entries[-1].id)
        begun = _begun(self._fresh, entries)
        kept: bool = await self._run(
            partial(_save, lease=lease, cursor=cursor, folded=folded, changed=changed, begun=begun)
        )
        if kept:
            self._watches = watches
            self._fresh -= begun.keys()
            self._after(changed, [(each.place, each.signals) for each in folded])
        return kept

    async def _begin(self, place: Place) -> Any:
        from monitoring import folding  # numpy comes with it: not before there is something to fold

        plan = self._plan(place)
        if plan is None:
            return None
        packed = await self._run(partial(evaluations.find_state, place=place))
        if packed is None:
            self._fresh.add(place)
        return await asyncio.to_thread(folding.begin, plan, packed)


def _begun(fresh: set[Place], entries: Sequence[Entry]) -> dict[Place, float]:
    """The watches that nothing was known of before these entries, and when their first one came."""
    found: dict[Place, float] = {}
    for entry in entries:
        place = place_of(entry)
        if place is not None and place in fresh:
            found.setdefault(place, entry.at)
    return found


def _save(
    connection: Connection, now: float, *, lease: Lease, cursor: tuple[float, int], folded: Sequence[Folded],
    changed: Sequence[SignalChanged], begun: Mapping[Place, float],
) -> bool:  # fmt: skip
    """All that came of the entries; a model version's first output is a mark beside the series of every version."""
    if not evaluations.save(connection, now, lease=lease, cursor=cursor, folded=folded, changed=changed):
        return False
    for (model, version, ehr), at in begun.items():
        what = f"version {version}: first output"
        marks.mark(connection, now, Marker(at=at, what=what, model=model, ehr=ehr, by="gateway"))
    return True


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
