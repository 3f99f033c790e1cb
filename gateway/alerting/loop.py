"""Edge: the loop of alerts in one process: changes followed, events told, notices sent. Several may run side by side."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import httpx2

from gateway.alerting.calendars import calendar_of, systems_of
from gateway.alerting.marking import Marking
from gateway.alerting.routes_of_sites import table_of
from gateway.alerting.sending import Mail, send
from monitoring.alerting import acting, following, handling, notices, telling
from monitoring.alerting.following import PORTION
from monitoring.evaluations import Place
from vocabulary.signal import Signal, SignalChanged

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.alerts")

PAUSE = 1.0
"""Seconds between two rounds; a change of signals ends the pause."""
MARKS = 60.0
"""Seconds between two looks at what has changed around the models."""


class Alerts:
    """``mail`` None: e-mail routes wait. ``taken`` is what was decided about models, as of the last round."""

    def __init__(
        self, gateway: "Gateway", *, mail: Mail | None = None, client: httpx2.AsyncClient | None = None
    ) -> None:
        self._gateway, self._mail = gateway, mail
        self._client = client
        self.table = table_of(gateway.declared)
        self.calendar = calendar_of(gateway.declared, systems=systems_of(gateway.deployments))
        self.marking, self._marks_due = Marking(gateway), 0.0
        self._stopping, self._called = asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._called.set()

    def hear(self, changed: Sequence[SignalChanged], signals: Sequence[tuple[Place, Sequence[Signal]]]) -> None:
        """What the evaluator has saved."""
        self._gateway.telemetry.hear(signals)
        self.wake()

    def stop(self) -> None:
        """``serve`` returns after the round under way."""
        self._stopping.set()
        self._called.set()

    async def serve(self) -> None:
        """Rounds until ``stop``."""
        while not self._stopping.is_set():
            try:
                await self.round()
            except Exception as failure:  # the database is away: again in a moment, nothing is lost
                logger.warning("alerts wait: %s", type(failure).__name__)
            try:
                async with asyncio.timeout(PAUSE):
                    await self._called.wait()
            except TimeoutError:
                pass
            self._called.clear()

    async def round(self) -> int:
        """One round; the number of notices that were tried."""
        gateway = self._gateway
        await self.look()
        if gateway.clock() >= self._marks_due:
            await self.marking.look()
            self._marks_due = gateway.clock() + MARKS
        follow = partial(following.follow_changes, new_id=gateway.new_id, calendar=self.calendar)
        while await gateway.run(follow) == PORTION:
            pass
        await gateway.run(partial(handling.sweep, calendar=self.calendar))
        told = partial(telling.tell, table=self.table, origin=gateway.keyring.namespace, link=self.link)
        while await gateway.run(told) == PORTION:
            pass
        await gateway.run(
            partial(telling.tell_digest, table=self.table, origin=gateway.keyring.namespace, link=self.link)
        )
        return await self._send()

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
