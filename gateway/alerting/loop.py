"""Edge: the loop of alerts in one process: changes followed, events told, notices sent. Several may run side by side."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

from gateway.alerting.routes_of_sites import table_of
from gateway.alerting.sending import Mail, send
from monitoring.alerting import acting, following, handling, notices, telling
from monitoring.alerting.following import PORTION

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.alerts")

PAUSE, LONGEST = 1.0, 4.0
"""Seconds between two looks at what was decided; and between two rounds while there is nothing to tell. A change of signals in
this process ends the pause."""


class Alerts:
    """``mail`` None: e-mail routes wait. ``taken`` is what was decided about models, as of the last round."""

    def __init__(
        self, gateway: "Gateway", *, mail: Mail | None = None, client: httpx2.AsyncClient | None = None
    ) -> None:
        self._gateway, self._mail = gateway, mail
        self._client = client
        self.table = table_of(gateway.declared)
        self._stopping, self._called = asyncio.Event(), asyncio.Event()
        self._busy = False

    def wake(self) -> None:
        """There may be something new."""
        self._called.set()

    def stop(self) -> None:
        """``serve`` returns after the round under way."""
        self._stopping.set()
        self._called.set()

    async def serve(self) -> None:
        """Rounds until ``stop``; fewer of them while nothing happens."""
        apart = waited = PAUSE
        while not self._stopping.is_set():
            try:
                if self._called.is_set() or waited >= apart:
                    self._called.clear()
                    await self.round()
                    apart, waited = PAUSE if self._busy else min(2 * apart, LONGEST), 0.0
                else:
                    await self.look()
            except Exception as failure:  # the database is away: again in a moment, nothing is lost
                logger.warning("alerts wait: %s", type(failure).__name__)
            try:
                async with asyncio.timeout(PAUSE):
                    await self._called.wait()
            except TimeoutError:
                waited += PAUSE

    async def round(self) -> int:
        """One round; the number of notices that were tried."""
        gateway = self._gateway
        await self.look()
        followed = await self._all(partial(following.follow_changes, new_id=gateway.new_id))
        await gateway.run(handling.sweep)
        named: dict[str, Any] = {"table": self.table, "origin": gateway.keyring.namespace, "link": self.link}
        told = await self._all(partial(telling.tell, **named))
        await gateway.run(partial(telling.tell_digest, **named))
        sent = await self._send()
        self._busy = followed + told + sent > 0
        return sent

    async def _all(self, work: Callable[..., int]) -> int:
        """A work portion by portion, until there is no more; how much there was."""
        total = count = await self._gateway.run(work)
        while count == PORTION:
            count = await self._gateway.run(work)
            total += count
        return total

    async def look(self) -> None:
        """What was decided about models is in force from here on."""
        self._gateway.deployments.act(await self._gateway.run(acting.find_actions))

    def link(self, alert: str) -> str:
        """The page of an alert, or of all."""
        return f"{self._gateway.base_url}/alerts" + (f"/{alert}" if alert else "")

    async def _send(self) -> int:
        total = 0
        while due := await self._gateway.run(notices.claim):
            total += len(due)
            if self._client is not None:
                await asyncio.gather(*(send(self._gateway, self._client, self._mail, each) for each in due))
                continue
            async with httpx2.AsyncClient(follow_redirects=False, trust_env=False) as client:
                await asyncio.gather(*(send(self._gateway, client, self._mail, each) for each in due))
        return total
