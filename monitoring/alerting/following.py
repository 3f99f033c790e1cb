"""Edge: changes of signals, in their order, become alerts; each is taken once, whoever takes it."""

from sqlalchemy import Connection, insert, select, update

from monitoring.alerting.calendar import NOTHING, Calendar
from monitoring.alerting.planning import gather
from monitoring.alerting.raising import Finding, NewId, clear, raise_alert
from monitoring.alerting.tables import cursors
from monitoring.catalogue import MONITORS
from monitoring.evaluations import find_changes
from vocabulary.alert import Severity
from vocabulary.signal import Signal, SignalChanged

ALREADY = frozenset({"M-OUT-01"})
"""Raised in the transaction that refuses the output: its signal raises no second alert."""
PORTION = 100


def take_cursor(connection: Connection, name: str) -> int:
    """How far was read, locked until the transaction's end."""
    wanted = select(cursors.c.at).where(cursors.c.name == name)
    at = connection.scalar(wanted.with_for_update())
    if at is None:
        connection.execute(insert(cursors).values(name=name, at=0))
        return 0
    return int(at)


def move_cursor(connection: Connection, name: str, at: int) -> None:
    """From here on the next time."""
    connection.execute(update(cursors).where(cursors.c.name == name).values(at=at))


def follow_changes(connection: Connection, now: float, *, new_id: NewId, calendar: Calendar = NOTHING) -> int:
    """Takes the next changes, in one transaction with the cursor. How many there were."""
    cursor = take_cursor(connection, "changes")
    found = find_changes(connection, now, after=cursor, most=PORTION)
    for id, change in found:
        follow(connection, now, change, new_id=new_id, calendar=calendar)
        cursor = id
    if found:
        move_cursor(connection, "changes", cursor)
    return len(found)


def follow(
    connection: Connection, now: float, change: SignalChanged, *, new_id: NewId, calendar: Calendar = NOTHING
) -> None:  # fmt: skip
    """One change: an alert raised, made graver or milder, or ended. One that coincides with a planned change is told so."""
    signal = change.signal
    if signal.monitor in ALREADY or signal.monitor not in MONITORS:
        return
    if signal.level in ("warning", "critical"):
        raise_alert(
            connection, now, gather(connection, now, finding_of(signal), calendar, new_id=new_id), new_id=new_id
        )
    elif change.before in ("warning", "critical"):
        clear(connection, now, finding_of(signal))


def finding_of(signal: Signal) -> Finding:
    """The series and how grave it is."""
    monitor = MONITORS[signal.monitor]
    severity: Severity = "info" if "info" in monitor.review else "critical" if signal.level == "critical" else "warning"
    limit = signal.critical if severity == "critical" else signal.warn
    return Finding(
        monitor=signal.monitor, model=signal.model, version=signal.version, ehr=signal.ehr, severity=severity,
        owners=monitor.owners, source=signal.source, stratum=signal.stratum, value=signal.value, limit=limit,
    )  # fmt: skip
