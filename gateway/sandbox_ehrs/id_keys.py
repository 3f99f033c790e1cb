"""Edge: the keys that sign a sandbox EHR's id_tokens: kept beside the tokens in its own database, changed by age."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from joserfc.jwk import RSAKey
from sqlalchemy import Connection, delete, insert, select

from auth import rotation
from auth.rotation import KeyRing, TimedKey
from gateway.storage.database import Database
from gateway.storage.works import Work
from sandbox import tables

if TYPE_CHECKING:
    from gateway.sandbox_ehrs.ehr import SandboxEhr

logger = logging.getLogger("chartgate.keys")

LOOK = 3600.0
"""Seconds between looks at the age of the newest key."""


def open_ring(database: Database, clock: Callable[[], float]) -> KeyRing[RSAKey]:
    """The EHR's keys, made at its first start, and a new one when it is time (before anything is served)."""
    kept, now = database.run_now(_find), clock()
    ring = None if kept is None else rotation.from_json(json.loads(kept), now)  # not FHIR: our own keys
    if ring is not None and not ring.due(now):
        return ring
    key = rotation.new_key()
    ring = KeyRing((TimedKey(now, key),)) if ring is None else ring.with_key(key, now)
    database.run_now(_save(ring))
    return ring


async def renew(ehr: "SandboxEhr") -> None:
    """A new key for this EHR when it is time; making one takes a tenth of a second, so a thread makes it."""
    ring = ehr.keys
    if isinstance(ring, KeyRing) and ring.due(ehr.clock()):
        ring = ring.with_key(await asyncio.to_thread(rotation.new_key), ehr.clock())
        await ehr.database.run(_save(ring))
        ehr.keys = ring
        logger.info("EHR %s: a new signing key is published", ehr.name)


def _find(connection: Connection, now: float) -> str | None:
    return connection.scalar(select(tables.settings.c.value).where(tables.settings.c.name == "signing"))


def _save(ring: KeyRing[RSAKey]) -> Work[None]:
    document = json.dumps(rotation.to_json(ring))

    def work(connection: Connection, now: float) -> None:
        connection.execute(delete(tables.settings).where(tables.settings.c.name == "signing"))
        connection.execute(insert(tables.settings).values(name="signing", value=document))

    return work


@contextlib.asynccontextmanager
async def turning(ehrs: Sequence["SandboxEhr"]) -> AsyncIterator[None]:
    """Looks every hour while the block runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK)
            for ehr in ehrs:
                try:
                    await renew(ehr)
                except Exception as failure:  # the keys in use go on; the next look is in an hour
                    logger.error("EHR %s: no new signing key: %s", ehr.name, type(failure).__name__)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
