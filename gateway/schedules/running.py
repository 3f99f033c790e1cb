"""Edge: the scheduler of one process: it makes the ticks that have come, takes those that are due, and runs them. Any number may
stand beside it on one database (docs/decisions/0011): who runs a tick is decided by a row."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from gateway.processes.rounds import Rounds
from gateway.schedules import missed, people, planning, ticks
from gateway.schedules.planning import Planned
from gateway.schedules.runs import Fence, run_tick
from gateway.schedules.ticks import LEASE, Claim, Ended, Fenced

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.schedules")
STEADY = 5.0
"""Seconds by which the database's clock and ours may differ over one look: more is a clock that was put right."""
Work = Callable[[Connection, float], Sequence[Ended]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds between two looks and for what is under way at the end; how many ticks one process runs at once."""

    pause: float = 2.0
    ending: float = 4.0
    at_once: int = 4


class Scheduler(Rounds):
    """``fence`` makes what is asked of each recording; None takes that of the tick's lease."""

    name = "schedules"

    def __init__(self, gateway: "Gateway", *, pace: Pace = Pace(), fence: Fence | None = None) -> None:
        super().__init__()
        self._gateway, self._pace, self._fence = gateway, pace, fence
        self.pause = pace.pause
        found = [each for declared in gateway.declared for each in planning.planned(declared.site)]
        self.planned: Mapping[str, Planned] = {each.name: each for each in found}
        self._documents = {each.name: document_of(each) for each in found}
        self._running: dict[Claim, asyncio.Task[None]] = {}
        self._next: dict[str, tuple[float, float]] = {}
        self._declared = False
        self._last, self._steady = (0.0, monotonic()), monotonic() + LEASE
        self.counts: Counter[tuple[str, str, str]] = Counter()

    async def serve(self) -> None:
        """Looks again and again until ``stop``; what is under way then is left for others."""
        try:
            await super().serve()
        finally:
            await self._left()

    async def round(self) -> bool:
        """One look; whether it made ticks, so that another follows at once."""
        if not self._declared:
            await self._declare()
        if not self.planned:
            return False
        now, cursors = await self._gateway.run(self._look)
        self._compare(now)
        mine = [name for name, (digest, _) in cursors.items() if self._documents.get(name, ("", ""))[1] == digest]
        made = [await self._make(self.planned[name], cursors[name][1], now) for name in mine]
        if monotonic() >= self._steady:
            await self.settle(partial(people.sweep, names=mine))
        room = self._pace.at_once - len(self._running)
        if room > 0 and not self.stopping.is_set():
            take = partial(ticks.claim, names=mine, owner=self._gateway.owner, most=room)
            for held in await self._gateway.run(take):
                self._running[held] = asyncio.create_task(self._run(held))
        if any(made):
            self.wake()
        return any(made)

    @property
    def running(self) -> tuple["asyncio.Task[None]", ...]:
        """The ticks that this process runs."""
        return tuple(self._running.values())

    async def idle(self) -> None:
        """Returns when what was begun so far has ended."""
        while self._running:
            await asyncio.gather(*self.running, return_exceptions=True)

    async def settle(self, work: Work) -> Sequence[Ended]:
        """Does what may end ticks, and tells whoever is to know, in one transaction."""

        def done(connection: Connection, now: float) -> Sequence[Ended]:
            ended = work(connection, now)
            for each in ended:
                planned = self.planned[each.schedule]
                models, new_id = self._models(planned), self._gateway.new_id
                missed.tell(connection, now, each, ehr=planned.declared.ehr, models=models, new_id=new_id)
            return ended

        ended = await self._gateway.run(done)
        for each in ended:
            self.counts[each.schedule, "ticks", each.state] += 1
            self.counts[each.schedule, "patients", "done"] += each.done
            self.counts[each.schedule, "patients", "failed"] += each.failed
        return ended

    def _models(self, planned: Planned) -> list[tuple[str, str]]:
        """Those that the site has there, also when somebody has pulled one since."""
        here = [key for key in self._gateway.deployments.at(planned.declared.ehr) if key[0] in planned.declared.models]
        return here or [(id, "") for id in planned.declared.models]

    async def _declare(self) -> None:
        """What is declared here is in force from now on: whoever started last is right."""
        for declared in self._gateway.declared:
            site = declared.id
            own = {name: each for name, each in self._documents.items() if name.startswith(f"{site}/")}
            await self._gateway.run(partial(ticks.declare, site=site, documents=own))
        if not self._gateway.shared:  # whoever ran something here before is dead
            await self._gateway.run(partial(ticks.leave, owner=None))
        self._declared = True

    def _look(self, connection: Connection, now: float) -> tuple[float, dict[str, tuple[str, float]]]:
        ticks.keep(connection, now, held=self._running)
        return now, {row.name: (row.digest, row.upto) for row in ticks.find_declared(connection, now)}

    def _compare(self, now: float) -> None:
        """While the database's clock is being put right, nobody is taken for dead, and nothing for over."""
        before, here = self._last, monotonic()
        if before[0] and abs((now - before[0]) - (here - before[1])) > STEADY:
            logger.warning("the database's clock was put %s", "back" if now < before[0] else "forward")
            self._steady = here + LEASE
        self._last = (now, here)

    async def _make(self, planned: Planned, upto: float, now: float) -> bool:
        if now < upto:
            await self._gateway.run(partial(ticks.rewind, name=planned.name))
            return False
        known, following = self._next.get(planned.name, (0.0, 0.0))
        if known != upto:
            following = planning.upcoming(planned, upto, 1)[0]
            self._next[planned.name] = (upto, following)
        if now < following:
            return False
        new = await asyncio.to_thread(
            planning.come, planned, after=upto, now=now
        )  # after a long absence there are many
        making = partial(
            ticks.advance, name=planned.name, digest=self._documents[planned.name][1], upto=upto, to=now, made=new,
            grace=planned.grace,
        )  # fmt: skip
        await self.settle(making)
        return True

    async def _run(self, held: Claim) -> None:
        try:
            planned = self.planned[held.schedule]
            await run_tick(self._gateway, self, planned, held, stopping=self.stopping, fence=self._fence)
        except Fenced:
            logger.warning("a tick of %s is run by another process now", held.schedule)
        except Exception as failure:
            logger.error("a tick of %s failed: %s", held.schedule, type(failure).__name__)
            with contextlib.suppress(Exception):
                await self.settle(partial(people.put_off, held=held, reason="failed"))
        finally:
            self._running.pop(held, None)

    async def _left(self) -> None:
        """What is under way comes to the end of its patients, or is cut; then it is free for others."""
        under_way = self.running
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self._pace.ending)
            for task in late:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._gateway.run(partial(ticks.leave, owner=self._gateway.owner))


def document_of(planned: Planned) -> tuple[str, str]:
    """A schedule as it is kept, and its digest; the zone is that in force."""
    found: dict[str, Any] = {**planned.declared.model_dump(mode="json"), "time_zone": planned.zone.key}
    text = json.dumps(found, sort_keys=True, ensure_ascii=False)
    return text, sha256(text.encode()).hexdigest()
