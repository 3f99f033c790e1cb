"""Edge: the append-only journal of signals and the alerts they raise, in the gateway's database."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, select, update

from monitoring import detectors
from monitoring.signals import COUNTERS, Signal, What
from monitoring.tables import alerts, journal
from vocabulary.alert import Alert

_APPEND = insert(journal)


def record(connection: Connection, now: float, signals: Sequence[Signal], *, new_id: Callable[[], str]) -> None:
    """Appends the signals and raises, or counts once more, the alerts they trigger: in the caller's transaction."""
    if not signals:
        return
    connection.execute(
        _APPEND,
        [
            {
                "at": now, "what": signal.what, "ehr": signal.ehr, "model": signal.model, "version": signal.version,
                "kind": signal.kind, "state": signal.state, "reason": signal.reason,
                "resource_type": signal.resource_type, "value": signal.value,
            }
            for signal in signals
        ],
    )  # fmt: skip
    for rule, signal in detectors.triggered(signals):
        _raise(connection, now, rule, signal, new_id=new_id)


def _raise(
    connection: Connection, now: float, rule: detectors.Rule, signal: Signal, *, new_id: Callable[[], str]
) -> None:
    """One open alert per monitor, model version and EHR: what repeats is counted on it, not raised again."""
    same = (
        (alerts.c.monitor == rule.monitor)
        & (alerts.c.model == signal.model)
        & (alerts.c.version == signal.version)
        & (alerts.c.ehr == signal.ehr)
        & (alerts.c.state != "resolved")
    )
    seen = connection.execute(update(alerts).where(same).values(seen=now, count=alerts.c.count + 1))
    if seen.rowcount:
        return
    connection.execute(
        insert(alerts).values(
            id=new_id(), monitor=rule.monitor, model=signal.model, version=signal.version, ehr=signal.ehr,
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
