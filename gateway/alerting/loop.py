"""Edge: the loop of alerts in one process: changes followed, events told, notices sent. Several may run side by side."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.alerting.calendars import calendar_of, systems_of
from gateway.alerting.marking import Marking
from gateway.alerting.routes_of_sites import table_of
from gateway.alerting.sending import Mail, Transport, send
from gateway.ehrs.reachable import PinnedTransport
from gateway.processes.rounds import Rounds
from monitoring.alerting import acting, following, handling, notices, telling
from monitoring.alerting.following import PORTION
from monitoring.evaluations import Place
from vocabulary.signal import Signal, SignalChanged

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.alerts")
PAUSE, LONGEST = 1.0, 4.0
"""Seconds between two looks at what was decided; and between two rounds while there is nothing to tell. A change of signals in
this process ends the pause."""
MARKS = 60.0
"""Seconds between two looks at what has changed around the models."""


class Alerts(Rounds):
    """``mail`` None: e-mail routes wait. ``taken`` is what was decided about models, as of the last round."""

    pause, longest, name = PAUSE, LONGEST, "alerts"

    def __init__(self, gateway: "Gateway", *, mail: Mail | None = None, transport: Transport = PinnedTransport) -> None:
        super().__init__()
        self._gateway, self._mail, self._transport = gateway, mail, transport
        self.table = table_of(gateway.declared)
        self.calendar = calendar_of(gateway.declared, systems=systems_of(gateway.deployments))
        self.marking, self._marks_due = Marking(gateway), 0.0

    def hear(self, changed: Sequence[SignalChanged], signals: Sequence[tuple[Place, Sequence[Signal]]]) -> None:
        """What the evaluator has saved."""
        self._gateway.telemetry.hear(signals)
        self.wake()

    async def round(self) -> int:
        """One round; how many changes were followed, lines told and notices tried."""
        gateway = self._gateway
        await self.look()
        if gateway.clock() >= self._marks_due:
            await self.marking.look()
            self._marks_due = gateway.clock() + MARKS
        followed = await self._all(partial(following.follow_changes, new_id=gateway.new_id, calendar=self.calendar))
        await gateway.run(partial(handling.sweep, calendar=self.calendar))
        named: dict[str, Any] = {"table": self.table, "origin": gateway.keyring.namespace, "link": self.link}
        told = await self._all(partial(telling.tell, **named))
        await gateway.run(partial(telling.tell_digest, **named))
        return followed + told + await self._send()

    async def rest(self, seconds: float) -> bool:
        """What is decided elsewhere is in force a second later, also while there is nothing to tell."""
        for _ in range(max(1, round(seconds / PAUSE))):
            if await super().rest(PAUSE):
                return True
            try:
                await self.look()
            except Exception as failure:  # the database is away: the next round says so too
                logger.warning("decisions wait: %s", type(failure).__name__)
        return False

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
            sending = (send(self._gateway, self._mail, each, transport=self._transport) for each in due)
            await asyncio.gather(*sending)
        return total
