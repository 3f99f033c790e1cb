"""Edge: exports under way in this process, and the removal of those that have expired or were cancelled."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from secrets import token_hex

from gateway.exports import export_jobs
from gateway.exports.exporting import Run
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Database

BOOT = token_hex(16)
"""This process: an export that another has left running has failed."""
LOOK = 60.0
"""Seconds between two looks for what has expired."""
logger = logging.getLogger("chartgate.export")
_running: dict[str, asyncio.Task[None]] = {}


def start(run: Run) -> None:
    """Goes on with the export beside everything else."""
    task = asyncio.create_task(run.finish())
    _running[run.job] = task
    task.add_done_callback(lambda _: _running.pop(run.job, None))


def alive(job: str) -> bool:
    """Whether this process works at it. Ask before its row is read: what is neither alive nor ended has failed."""
    return job in _running


async def clear(database: Database) -> None:
    """Removes what has expired and what is of no export any more, a few files at a time."""
    while await database.run(export_jobs.sweep):
        pass


@contextlib.asynccontextmanager
async def clearing(ehrs: Sequence[SandboxEhr]) -> AsyncIterator[None]:
    """Clears at once and every minute while the block runs; ends the exports with it."""

    async def look() -> None:
        while True:
            for ehr in ehrs:
                try:
                    await clear(ehr.database)
                except Exception as failure:  # the next look is in a minute
                    logger.error("EHR %s: exports are not cleared: %s", ehr.name, type(failure).__name__)
            await asyncio.sleep(LOOK)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        ending = [task, *_running.values()]
        for each in ending:
            each.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
