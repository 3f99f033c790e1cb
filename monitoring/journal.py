"""Edge: the append-only journal of events and the alerts they raise, in the gateway's database."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, select, update

from monitoring import rules
from monitoring.events import COUNTERS, Event, What
from monitoring.tables import alerts, journal
from vocabulary.alert import Alert

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
        _raise(connection, now, rule, event, new_id=new_id)


def _raise(connection: Connection, now: float, rule: rules.Rule, event: Event, *, new_id: Callable[[], str]) -> None:
    """One open alert per monitor, model version and EHR: what repeats is counted on it, not raised again."""
    same = (
        (alerts.c.monitor == rule.monitor)
        & (alerts.c.model == event.model)
        & (alerts.c.version == event.version)
        & (alerts.c.ehr == event.ehr)
        & (alerts.c.state != "resolved")
    )
    seen = connection.execute(update(alerts).where(same).values(seen=now, count=alerts.c.count + 1))
    if seen.rowcount:
        return
    connection.execute(
        insert(alerts).values(
            id=new_id(), monitor=rule.monitor, model=event.model, version=event.version, ehr=event.ehr,
            severity=rule.severity, owners=",".join(rule.owners), state="open", since=now, seen=now, count=1,
        )
    )  # fmt: skip


def find_alerts(connection: Connection, now: float) -> list[Alert]:
    """Every alert, the newest first."""
    return [
        Alert(
            id=row.id, monitor=row.monitor, model=row.model, version=row.version, ehr=row.ehr, severity=row.severity,
            owners=tuple(row.owners.split(",")), state=row.state, since=row.since,
        )
        for row in connection.execute(select(alerts).order_by(alerts.c.since.desc(), alerts.c.id))
    ]  # fmt: skip


def find_totals(connection: Connection, now: float) -> dict[tuple[What, tuple[str, ...]], int]:
    """All counters as the journal has them: what the exposition starts from after a restart."""
    totals: dict[tuple[What, tuple[str, ...]], int] = {}
    for what, (_, names) in COUNTERS.items():
        columns = [journal.c[name] for name in names]
        rows = connection.execute(select(func.count(), *columns).where(journal.c.what == what).group_by(*columns))
        totals.update({(what, tuple(row[1:])): row[0] for row in rows})
    return totals
