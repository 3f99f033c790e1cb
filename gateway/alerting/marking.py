"""Edge: marks that the gateway sets by itself: versions of EHRs' software and of thresholds, planned changes as they begin."""

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from gateway.sites import latest
from monitoring.alerting import marks
from monitoring.alerting.marks import Marker

if TYPE_CHECKING:
    from gateway.app import Gateway

SOFTWARE, THRESHOLDS = "EHR software:", "thresholds: version"
Fact = tuple[str, str, str]
"""EHR, subject, version."""


class Marking:
    """``look`` marks what is other than when it looked last; the database knows what any process marked before."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._marked: set[Fact] = set()

    async def look(self) -> None:
        """Once a minute, and at the start."""
        facts = [*self._versions(), *self._begun()]
        fresh = [each for each in facts if each not in self._marked]
        if fresh:
            signed = dict(self._gateway.signed_versions)
            await self._gateway.run(partial(_mark, facts=fresh, calendar=self._times(), signed=signed))
        self._marked = set(facts)

    def systems(self, ehr: str) -> frozenset[str]:
        """The code systems that the models of an EHR read."""
        models = self._gateway.deployments.at(ehr).values()
        return frozenset(code.system for each in models for feature in each.manifest.features for code in feature.codes)

    def _versions(self) -> list[Fact]:
        gateway = self._gateway
        known = [(ehr, SOFTWARE, software) for ehr, software in gateway.senders.software().items()]
        return known + [(ehr, THRESHOLDS, str(gateway.thresholds_at(ehr).version)) for ehr in gateway.senders.names()]

    def _begun(self) -> list[Fact]:
        """Planned changes that are under way, where some model reads what they change; without a version: each is marked once."""
        return [(ehr, name, "") for ehr, name in self._times()]

    def _times(self) -> dict[tuple[str, str], float]:
        gateway, now = self._gateway, self._gateway.clock()
        found = {}
        for ehr in gateway.senders.names():
            read = self.systems(ehr)
            for change in gateway.alerts.calendar.under_way(ehr, now):
                if not change.systems or change.systems & read:
                    found[ehr, change.name] = change.at
        return found


def _mark(
    connection: Connection, now: float, *, facts: list[Fact], calendar: dict[tuple[str, str], float], signed: dict[str, int]
) -> None:  # fmt: skip
    latest.keep(connection, now, in_force=signed)
    for ehr, subject, version in facts:
        if version:
            marks.mark_version(connection, now, subject=subject, version=version, ehr=ehr)
        else:
            at = calendar[ehr, subject]
            marks.mark(connection, now, Marker(at=at, what=subject, ehr=ehr, by="calendar"))
