"""Edge: looks whether an EHR has more than one copy of something that was delivered once.

Bounded, one search for each delivery: often for those about which somebody spoke whose lease was over (a process that was
frozen and went on), and now and then for a sample, a stretch of the ledger chosen at random. What is found is told as a
change, once, which becomes an alert; nothing is deleted by itself. The EHR's rate limit counts these searches too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import random
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from writeback.changes import Change, CopiesFound
from writeback.ledger.among import among
from writeback.ledger.attempts import attempts, note
from writeback.ledger.targets import permit
from writeback.speaking.claims import Ending
from writeback.speaking.conversation import search
from writeback.tables import deliveries
from writeback.terms import SINGLY, Terms
from writeback.wire.sending import Run, Sender, converse

STRETCH = 2000
"""Rows of the ledger that a look goes through at most."""
LATELY = 500
"""Notes of attempts, the newest, among which suspects are looked for."""
SUSPECT: Mapping[str, float] = {"late": 300.0, "lease_lost": 900.0}
"""For how many seconds after such a note a delivery is searched for; the first kind before the second."""
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
    return [_sampled(row) for row in rows[::apart][:limit]]


def suspects(connection: Connection, now: float, *, ehr: str, draw: float, limit: int) -> list[Sampled]:
    """Up to ``limit`` rows delivered to the EHR, by a create, about which somebody spoke lately whose lease was over, unless
    it is known already that there are several. Where there are too many, ``draw`` in [0, 1) chooses."""
    newest = select(attempts.c.delivery, attempts.c.event, attempts.c.at).order_by(attempts.c.id.desc()).limit(LATELY)
    notes = connection.execute(newest).all()
    told = {note.delivery for note in notes if note.event == "copies"}
    found: list[Sampled] = []
    for event, seconds in SUSPECT.items():
        keys = {note.delivery for note in notes if note.event == event and now - note.at < seconds} - told
        rows = connection.execute(_CREATED, {"keys": tuple(keys), "of": ehr}).all() if keys else []
        first = int(draw * len(rows)) if len(rows) > limit - len(found) else 0
        found += [_sampled(row) for row in (*rows[first:], *rows[:first])]
        told |= keys
    return found[:limit]


_CREATED = (
    select(deliveries)
    .where(
        among(deliveries.c.key, "keys"), deliveries.c.ehr == bindparam("of"), deliveries.c.state == "delivered",
        deliveries.c.strategy.in_(("post", "conditional")),
    )
    .order_by(deliveries.c.id)
)  # fmt: skip


def _sampled(row: Any) -> Sampled:
    return Sampled(key=row.key, type=row.resource_type, output=row.output, model=row.model, version=row.version)


async def _singly(ehr: str) -> Terms:
    return SINGLY


def _note_copies(connection: Connection, now: float, found: Sequence[CopiesFound]) -> None:
    for each in found:
        note(connection, now, key=each.delivery, attempt=0, event="copies", issues=each.places)


Choose = Callable[..., Sequence[Sampled]]
"""``sample`` or ``suspects``."""


class Reconciler:
    """``senders``, ``ehrs``, ``namespace``, ``observe`` and ``terms`` as the worker's; ``every`` in seconds: how often suspects
    are looked for. A sample is at every ``sampled``-th look."""

    def __init__(
        self, *, run: Run, senders: Callable[[str, str], Sender], ehrs: Callable[[], Iterable[str]], namespace: str,
        observe: Callable[[Sequence[Change]], None], terms: Callable[[str], Awaitable[Terms]] = _singly,
        every: float = 20.0, sampled: int = 15, most: int = 8, draw: Callable[[], float] = random,
    ) -> None:  # fmt: skip
        self._run, self._senders, self._ehrs, self._namespace = run, senders, ehrs, namespace
        self._observe, self._terms, self._every, self._sampled = observe, terms, every, sampled
        self._most, self._draw = most, draw
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Looks at every EHR once in a while until ``stop``."""
        looks = 0
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()
            except TimeoutError:
                looks += 1
                for ehr in self._ehrs():
                    await self._guarded(ehr, suspects)
                    if looks % self._sampled == 0:
                        await self._guarded(ehr, sample)

    def stop(self) -> None:
        """Ends ``serve`` after the search under way."""
        self._stopping.set()

    async def look(self, ehr: str, choose: Choose = sample) -> int:
        """One look at one EHR; returns how many deliveries it could search for."""
        draw = self._draw()
        rows = await self._run(lambda c, now: choose(c, now, ehr=ehr, draw=draw, limit=self._most))
        rows = rows[: await self._permitted(ehr, len(rows))] if rows else rows
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
                        version=row.version, copies=len(copies), places=tuple(each.location for each in copies),
                    )
                )  # fmt: skip
        if found:
            await self._run(lambda c, now: _note_copies(c, now, found))
        self._observe(found)
        return seen

    async def _permitted(self, ehr: str, searches: int) -> int:
        per_minute = (await self._terms(ehr)).per_minute
        if per_minute is None:
            return searches
        return await self._run(lambda c, now: permit(c, now, ehr=ehr, per_minute=per_minute, requests=searches))

    async def _guarded(self, ehr: str, choose: Choose) -> None:
        try:
            await self.look(ehr, choose)
        except Exception as failure:
            logger.warning("an EHR could not be searched for copies: %s", type(failure).__name__)
