"""Edge: alerts that coincide with a planned change are gathered under one alert for the change, until it is over."""

from dataclasses import replace

from sqlalchemy import Connection, select

from monitoring.alerting.calendar import PLANNED, Calendar
from monitoring.alerting.raising import Finding, NewId, clear, raise_alert, read
from monitoring.alerting.tables import alerts
from monitoring.catalogue import INFORMATICS


def gather(connection: Connection, now: float, finding: Finding, calendar: Calendar, *, new_id: NewId) -> Finding:
    """The finding with the planned change that it coincides with. The alert of that change stands from here on, where it gathers
    findings such as this one and this one is not critical: a person is told once, and looks at all of it."""
    place = (finding.model, finding.version)
    change = calendar.touching(finding.ehr, finding.monitor, *place, finding.source, now)
    if change is None:
        return finding
    if finding.severity != "critical" and finding.monitor.startswith(change.gathers):
        raise_alert(connection, now, _of(finding, change.name), new_id=new_id)
    return replace(finding, planned=change.name)


def _of(finding: Finding, name: str) -> Finding:
    return Finding(
        monitor=PLANNED, model=finding.model, version=finding.version, ehr=finding.ehr, severity="warning",
        owners=(INFORMATICS,), source=name,
    )  # fmt: skip


def end_planned(connection: Connection, now: float, calendar: Calendar) -> None:
    """Planned changes that are not under way any more: what they gathered and still stands is told after all."""
    standing = select(alerts).where(alerts.c.monitor == PLANNED, alerts.c.state != "resolved")
    for row in connection.execute(standing).all():
        alert = read(row)
        if alert.source not in {change.name for change in calendar.under_way(alert.ehr, now)}:
            place = Finding(
                monitor=PLANNED, model=alert.model, version=alert.version, ehr=alert.ehr, severity="warning",
                owners=alert.owners, source=alert.source,
            )  # fmt: skip
            clear(connection, now, place)
