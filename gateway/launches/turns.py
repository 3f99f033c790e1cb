"""Edge: whose turn it is to run a launch's models. In one process, whoever began it; of several on one database, who holds the
job's lease, so that what a killed or frozen replica left behind is taken up by another."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from gateway.launches import jobs, scoring
from gateway.storage import leases

if TYPE_CHECKING:
    from gateway.app import Gateway

SIDE_BY_SIDE = 4
"""Launches whose models run at once: each reads a whole chart."""
logger = logging.getLogger("chartgate.launches")


class Turns:
    """The scoring jobs of one process; ``owner`` is its name among the others, None where it is alone."""

    def __init__(self, gateway: "Gateway", *, owner: str | None) -> None:
        self._gateway, self._owner = gateway, owner
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(SIDE_BY_SIDE)
        self._stopping = asyncio.Event()

    async def begin(self, launch: str) -> None:
        """Runs the launch's models, unless another process does."""
        if launch not in self._tasks and await self._mine(launch):
            self._tasks[launch] = task = asyncio.create_task(self._turn(launch))
            task.add_done_callback(lambda _: self._tasks.pop(launch, None))

    async def take_up(self) -> None:
        """Begins whatever waits and nobody does."""
        for launch in await self._gateway.run(jobs.waiting_jobs):
            await self.begin(launch)

    async def serve(self) -> None:
        """Among others: signs of life, and a look for what others left, until ``stop``."""
        while self._owner is not None and not self._stopping.is_set():
            try:
                async with asyncio.timeout(leases.BEAT):
                    await self._stopping.wait()
            except TimeoutError:
                await self._beat(self._owner)

    def stop(self) -> None:
        """Ends ``serve``; jobs under way are left to others."""
        self._stopping.set()

    async def idle(self) -> None:
        """Returns when every job so far is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def cancel(self) -> None:
        """Ends what is under way: it waits for whoever comes next."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._owner is not None:
            await self._guarded(partial(leases.end_leases, owner=self._owner))

    async def _beat(self, owner: str) -> None:
        await self._guarded(partial(leases.keep_leases, owner=owner))
        try:
            await self.take_up()
        except Exception as failure:
            logger.warning("waiting launches could not be read: %s", type(failure).__name__)

    async def _mine(self, launch: str) -> bool:
        if self._owner is None:
            return True
        return bool(await self._guarded(partial(_take, launch=launch, owner=self._owner)))

    async def _turn(self, launch: str) -> None:
        async with self._turns:
            await scoring.score_launch(self._gateway, launch)
        if self._owner is not None:
            await self._guarded(partial(leases.end_lease, name=f"launch:{launch}", owner=self._owner))

    async def _guarded(self, work: "Callable[[Connection, float], object]") -> object:
        """A database that is away for a moment stops nothing for good: what waits is taken up later."""
        try:
            return await self._gateway.run(work)
        except Exception as failure:
            logger.warning("the leases could not be reached: %s", type(failure).__name__)
            return None


def _take(connection: Connection, now: float, *, launch: str, owner: str) -> bool:
    """Whether the job waits still, and is this process's."""
    job = jobs.find_job(connection, now, launch)
    if job is None or job.state != "waiting":
        return False
    return leases.take_lease(connection, now, name=f"launch:{launch}", owner=owner)
