"""Edge: looks, now and then, whether an EHR has more than one copy of something that was delivered once.

A sample, and bounded: a stretch of the ledger chosen at random, a few of its delivered rows, one search for each. What
is found is told as a change, which becomes an alert; nothing is deleted by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import random

from sqlalchemy import Connection, func, select

from writeback.changes import Change, CopiesFound
from writeback.claims import Ending
from writeback.conversation import search
from writeback.sending import Run, Sender, converse
from writeback.tables import deliveries

STRETCH = 2000
"""Rows of the ledger that a look goes through at most."""
logger = logging.getLogger("chartgate.delivery")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """A delivered row: what to search for, and whose it is."""

    key: str
    type: str
    output: str | None
    model: str
    version: str


def sample(connection: Connection, now: float, *, ehr: str, draw: float, limit: int) -> list[Sampled]:
    """Up to ``limit`` rows delivered to the EHR, from a stretch that ``draw`` in [0, 1) chooses."""
    bounds = connection.execute(select(func.min(deliveries.c.id), func.max(deliveries.c.id))).one()
    if bounds[0] is None:
        return []
    first = bounds[0] + int(draw * max(1, bounds[1] - bounds[0] - STRETCH + 1))
    within = deliveries.c.id.between(first, first + STRETCH)
    query = (
        select(deliveries)
        .where(within, deliveries.c.ehr == ehr, deliveries.c.state == "delivered", deliveries.c.strategy != "edit")
        .order_by(deliveries.c.id)
    )
    rows = connection.execute(query).all()
    apart = max(1, len(rows) // limit)
    return [
        Sampled(key=row.key, type=row.resource_type, output=row.output, model=row.model, version=row.version)
        for row in rows[::apart][:limit]
    ]


class Reconciler:
    """``senders``, ``ehrs``, ``namespace`` and ``observe`` as the worker's; ``every`` in seconds."""

    def __init__(
        self, *, run: Run, senders: Callable[[str, str], Sender], ehrs: Callable[[], Iterable[str]], namespace: str,
        observe: Callable[[Sequence[Change]], None], every: float = 300.0, most: int = 8,
        draw: Callable[[], float] = random,
    ) -> None:  # fmt: skip
        self._run, self._senders, self._ehrs, self._namespace = run, senders, ehrs, namespace
        self._observe, self._every, self._most, self._draw = observe, every, most, draw
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Looks at every EHR once in a while until ``stop``."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()
            except TimeoutError:
                for ehr in self._ehrs():
                    await self._guarded(ehr)

    def stop(self) -> None:
        """Ends ``serve`` after the search under way."""
        self._stopping.set()

    async def look(self, ehr: str) -> int:
        """One look at one EHR; returns how many deliveries it could search for."""
        draw = self._draw()
        rows = await self._run(lambda c, now: sample(c, now, ehr=ehr, draw=draw, limit=self._most))
        sender, seen, found = self._senders(ehr, "backend"), 0, []
        for row in rows:
            copies = await converse(search(row.type, row.key, self._namespace), sender, seconds=10.0)
            if isinstance(copies, Ending) or self._stopping.is_set():
                break  # it cannot be asked, or not now
            seen += 1
            if len(copies) > 1:
                logger.error("an EHR has %d copies of one delivery", len(copies))
                found.append(
                    CopiesFound(
                        delivery=row.key, output=row.output, ehr=ehr, resource_type=row.type, model=row.model,
                        version=row.version, copies=len(copies),
                    )
                )  # fmt: skip
        self._observe(found)
        return seen

    async def _guarded(self, ehr: str) -> None:
        try:
            await self.look(ehr)
        except Exception as failure:
            logger.warning("an EHR could not be searched for copies: %s", type(failure).__name__)
