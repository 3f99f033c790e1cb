"""Edge: the append-only journal of events and the alerts they raise, in the gateway's database."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, select

from monitoring import rules
from monitoring.alerting.raising import Finding, raise_alert
from monitoring.events import COUNTERS, Event, What
from monitoring.tables import journal

_APPEND = insert(journal)


def record(connection: Connection, now: float, events: Sequence[Event], *, new_id: Callable[[], str]) -> None:
    """Appends the events and raises, or counts once more, the alerts they trigger: in the caller's transaction."""
    if not events:
        return
    connection.execute(
        _APPEND,
        [
            {
                "at": now, "what": event.what, "ehr": event.ehr, "model": event.model, "version": event.version,
                "kind": event.kind, "state": event.state, "reason": event.reason,
                "resource_type": event.resource_type, "value": event.value,
            }
            for event in events
        ],
    )  # fmt: skip
    for rule, event in rules.triggered(events):
        raise_alert(connection, now, _finding(rule, event), new_id=new_id)


def _finding(rule: rules.Rule, event: Event) -> Finding:
    return Finding(
        monitor=rule.monitor, model=event.model, version=event.version, ehr=event.ehr, severity=rule.severity,
        owners=rule.owners, source=rule.source,
    )  # fmt: skip


def find_totals(connection: Connection, now: float) -> dict[tuple[What, tuple[str, ...]], int]:
    """All counters as the journal has them: what the exposition starts from after a restart."""
    totals: dict[tuple[What, tuple[str, ...]], int] = {}
    for what, (_, names) in COUNTERS.items():
        columns = [journal.c[name] for name in names]
        rows = connection.execute(select(func.count(), *columns).where(journal.c.what == what).group_by(*columns))
        totals.update({(what, tuple(row[1:])): row[0] for row in rows})
    return totals
