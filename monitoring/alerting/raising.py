"""Edge: findings become alerts: one standing for each series, inhibited, silenced or rolled into the digest where that is so."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from monitoring.alerting.calendar import PLANNED
from monitoring.alerting.rules import DAY, Silence, explained, over_budget
from monitoring.alerting.tables import alerts, events, silences
from monitoring.inserting import insert_once
from vocabulary.alert import SEVERITIES, Alert, Severity

NewId = Callable[[], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a monitor says: the series and how grave it is. ``value`` against ``limit`` where there are numbers; ``planned`` names
    the known change that it coincides with."""

    monitor: str
    model: str
    version: str
    ehr: str
    severity: Severity
    owners: tuple[str, ...]
    source: str = ""
    stratum: str = ""
    value: float | None = None
    limit: float | None = None
    planned: str = ""


def raise_alert(connection: Connection, now: float, finding: Finding, *, new_id: NewId) -> str:
    """The id of the alert of this finding: a new one, or the standing one, counted once more and as grave as it is now."""
    if (standing := _standing(connection, finding)) is not None:
        return _again(connection, now, standing, finding)
    alert = _judged(connection, now, _new(finding, new_id(), now))
    if not insert_once(connection, alerts, _row(alert)) and (standing := _standing(connection, finding)) is not None:
        return _again(connection, now, standing, finding)  # another process found it at the same time
    note(connection, now, alert.id, "raised")
    for what, said in (("inhibited", alert.inhibited), ("silenced", alert.silenced)):
        if said:
            note(connection, now, alert.id, what, note_=said)
    if alert.rolled:
        note(connection, now, alert.id, "rolled")
    _explain(connection, now, alert)
    return alert.id


def clear(connection: Connection, now: float, finding: Finding) -> None:
    """The series is quiet again: its standing alert ends, and what it explained is told after all if it still stands."""
    row = _standing(connection, finding)
    if row is None:
        return
    connection.execute(
        update(alerts).where(alerts.c.id == row.id).values(state="resolved", resolved_by="monitor", seen=now)
    )
    note(connection, now, row.id, "resolved", by="monitor")
    release(connection, now, row.id)


def release(connection: Connection, now: float, cause: str) -> None:
    """What an alert explained that still stands is no longer explained."""
    held = select(alerts.c.id).where(alerts.c.inhibited == cause, alerts.c.state != "resolved")
    for id in connection.scalars(held).all():
        connection.execute(update(alerts).where(alerts.c.id == id).values(inhibited=""))
        note(connection, now, id, "heard")


def note(connection: Connection, now: float, alert: str, what: str, *, by: str = "", note_: str = "") -> None:
    """A line of the audit trail."""
    values = {"alert": alert, "at": now, "what": what, "by": by[:200], "note": note_[:500]}
    connection.execute(insert(events).values(**values))


def _standing(connection: Connection, finding: Finding) -> Row[Any] | None:
    """The standing alert of the series, locked to the transaction's end."""
    standing = select(alerts).where(*_series(finding), alerts.c.state != "resolved")
    return connection.execute(standing.with_for_update()).first()


def _series(finding: Finding) -> tuple[ColumnElement[bool], ...]:
    named = ("monitor", "model", "version", "ehr", "source", "stratum")
    return tuple(alerts.c[name] == getattr(finding, name) for name in named)


def _again(connection: Connection, now: float, row: Row[Any], finding: Finding) -> str:
    was, will = SEVERITIES.index(row.severity), SEVERITIES.index(finding.severity)
    values: dict[str, Any] = {
        "seen": now,
        "count": row._mapping["count"] + 1,
        "value": finding.value,
        "limit": finding.limit,
    }
    if will != was:
        values["severity"] = finding.severity
    if will > was:  # graver than what somebody acknowledged, and than what the budget rolled away
        values |= {"state": "open", "acknowledged_by": "", "deadline": None, "escalated": None, "rolled": False}
        if finding.severity == "critical" and row.inhibited and _is_planned(connection, row.inhibited):
            values["inhibited"] = ""
    if finding.planned:
        values["planned"] = finding.planned
    connection.execute(update(alerts).where(alerts.c.id == row.id).values(**values))
    if will != was:
        note(connection, now, row.id, "worsened" if will > was else "eased")
        _explain(connection, now, read(connection.execute(select(alerts).where(alerts.c.id == row.id)).one()))
    return str(row.id)


def _is_planned(connection: Connection, alert: str) -> bool:
    return connection.scalar(select(alerts.c.monitor).where(alerts.c.id == alert)) == PLANNED


def _new(finding: Finding, id: str, now: float) -> Alert:
    return Alert(
        id=id, monitor=finding.monitor, model=finding.model, version=finding.version, ehr=finding.ehr,
        severity=finding.severity, owners=finding.owners, state="open", since=now, source=finding.source,
        stratum=finding.stratum, seen=now, value=finding.value, limit=finding.limit,
        planned=finding.planned,
    )  # fmt: skip


def _judged(connection: Connection, now: float, alert: Alert) -> Alert:
    """With what keeps it quiet: another alert, a silence, or the day's budget."""
    cause = explained(alert, tuple(beside(connection, alert)))
    silence = next((each.id for each in find_silences(connection, now) if each.covers(alert, now)), "")
    told = 0 if cause or silence else _told_today(connection, now, alert)
    rolled = not (cause or silence or alert.monitor == PLANNED) and over_budget(alert.severity, told)
    return replace(alert, inhibited=cause, silenced=silence, rolled=rolled)


def beside(connection: Connection, alert: Alert) -> list[Alert]:
    """The alerts that stand for the same model version at the same EHR."""
    same = (alerts.c.model == alert.model, alerts.c.version == alert.version, alerts.c.ehr == alert.ehr)
    return [read(row) for row in connection.execute(select(alerts).where(*same, alerts.c.state != "resolved"))]


def _explain(connection: Connection, now: float, cause: Alert) -> None:
    """Those raised before it that this one explains are kept quiet from now on."""
    for alert in beside(connection, cause):
        if not alert.inhibited and explained(alert, (cause,)):
            connection.execute(update(alerts).where(alerts.c.id == alert.id).values(inhibited=cause.id))
            note(connection, now, alert.id, "explained", note_=cause.id)


def _told_today(connection: Connection, now: float, alert: Alert) -> int:
    """Warnings of the model that were told one by one since midnight (UTC)."""
    wanted = (
        alerts.c.model == alert.model, alerts.c.ehr == alert.ehr, alerts.c.severity == "warning",
        alerts.c.since >= now // DAY * DAY, alerts.c.inhibited == "", alerts.c.silenced == "", alerts.c.rolled.is_(False),
    )  # fmt: skip
    return int(connection.scalar(select(func.count()).select_from(alerts).where(*wanted)) or 0)


def find_silences(connection: Connection, now: float) -> list[Silence]:
    """Those that have not ended."""
    return [
        Silence(
            id=row.id, until=row.until, by=row.by, why=row.why, monitor=row.monitor, model=row.model, ehr=row.ehr,
            source=row.source,
        )
        for row in connection.execute(select(silences).where(silences.c.until > now).order_by(silences.c.until))
    ]  # fmt: skip


def _row(alert: Alert) -> dict[str, Any]:
    found = {name: getattr(alert, name) for name in alert.__slots__}
    return {**found, "owners": ",".join(alert.owners)}


def read(row: Row[Any]) -> Alert:
    """A row as a value."""
    found = dict(row._mapping)
    return Alert(**{**found, "owners": tuple(str(found["owners"]).split(","))})
