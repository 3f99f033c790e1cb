"""Owner × severity × model × site → who is told, by what way. Pure; a site's routes come from its ``site.toml``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal
from urllib.parse import urlsplit

from monitoring.alerting.rules import ACKNOWLEDGE
from vocabulary.alert import Alert, Severity

Sink = Literal["page", "webhook", "task", "email", "audit"]
"""``audit`` is no route of its own: an EHR that is sent the Task of an alert is sent its AuditEvents as well."""
ESCALATED_TO: Mapping[str, str] = {"engineering": "clinical_informatics", "clinical_informatics": "engineering"}
"""When an owner does not acknowledge in time, the other team is told as well, and the model's owner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """``to`` is an address, an EHR or a name; ``secret`` names the secret of a webhook, ``networks`` (CIDR) are those that its
    receiver may be in, any public one where none is named, and the address itself where ``to`` has it;
    ``acknowledge`` in seconds."""

    owner: str
    severities: tuple[Severity, ...]
    sink: Sink
    to: str
    model: str | None = None
    secret: str | None = None
    acknowledge: float | None = None
    networks: tuple[str, ...] = ()

    def takes(self, alert: Alert, owner: str) -> bool:
        """Whether this alert, as far as it is this owner's, goes this way."""
        return self.owner == owner and alert.severity in self.severities and self.model in (None, alert.model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One way to one recipient."""

    sink: Sink
    to: str
    owner: str
    secret: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The routes in force: by EHR for those that belong to a site, ``everywhere`` for all. ``people`` are the names behind
    owners by EHR and model: engineering, clinical_informatics, and the model's owner."""

    by_ehr: Mapping[str, Sequence[Route]] = field(default_factory=dict)
    everywhere: Sequence[Route] = ()
    people: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def of(self, alert: Alert) -> tuple[Route, ...]:
        """The routes that an alert of this EHR may take."""
        return (*self.by_ehr.get(alert.ehr, ()), *self.everywhere)


def networks_to(table: Table, *, to: str, secret: str | None) -> tuple[str, ...]:
    """The networks that the receiver of a webhook may be in, as its routes say now; none for one that no route names any more.
    Whoever writes an address itself has declared it: that address alone, where nothing else is said."""
    routes = (*(each for routes in table.by_ehr.values() for each in routes), *table.everywhere)
    mine = [each for each in routes if each.sink == "webhook" and (each.to, each.secret) == (to, secret)]
    declared = {network for each in mine for network in each.networks}
    return tuple(sorted(declared)) or (_itself(to) if mine else ())


def _itself(to: str) -> tuple[str, ...]:
    host = urlsplit(to).hostname or ""
    if host == "localhost":
        return ("127.0.0.0/8", "::1/128")
    try:
        return (str(ip_network(host)),)
    except ValueError:
        return ()


def targets(alert: Alert, table: Table, *, escalated: bool = False) -> tuple[Target, ...]:
    """Everybody who is told, each once. The inbox of an owner (``page``) always is."""
    owners = [*alert.owners, *(ESCALATED_TO[owner] for owner in alert.owners if escalated)]
    found = [Target(sink="page", to=owner, owner=owner) for owner in owners]
    for owner in owners:
        found += [
            Target(sink=route.sink, to=route.to, owner=owner, secret=route.secret)
            for route in table.of(alert)
            if route.takes(alert, owner)
        ]
    if escalated and (name := table.people.get((alert.ehr, alert.model), {}).get("model")):
        found.append(Target(sink="page", to=name, owner="model"))
    return tuple({(each.sink, each.to): each for each in reversed(found)}.values())[::-1]


def worklists(alert: Alert, table: Table, *, escalated: bool = False) -> tuple[str, ...]:
    """The EHRs that are sent Tasks of this alert, whether or not it is kept quiet."""
    return tuple(each.to for each in targets(alert, table, escalated=escalated) if each.sink == "task")


def worklists_of(model: str, ehr: str, table: Table) -> tuple[str, ...]:
    """The EHRs that are sent Tasks of a model at one EHR (at any, when empty): they are told what is decided about it."""
    sites = table.by_ehr.values() if not ehr else [table.by_ehr.get(ehr, ())]
    routes = [*(route for site in sites for route in site), *table.everywhere]
    found = [route.to for route in routes if route.sink == "task" and route.model in (None, model)]
    return tuple(dict.fromkeys(found))


def patience(alert: Alert, table: Table) -> float | None:
    """Seconds until somebody must have acknowledged it: the shortest of its routes, else that of its severity."""
    named = [
        route.acknowledge
        for owner in alert.owners
        for route in table.of(alert)
        if route.takes(alert, owner) and route.acknowledge is not None
    ]
    return min(named, default=ACKNOWLEDGE[alert.severity])
