"""Edge: what people do about alerts, and what time does: acknowledge, resolve, silence, escalate, end of a silence."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from monitoring.alerting.calendar import NOTHING, Calendar
from monitoring.alerting.marks import Marker, find_context
from monitoring.alerting.planning import end_planned
from monitoring.alerting.raising import NewId, find_silences, note, read, release
from monitoring.alerting.rules import Silence
from monitoring.alerting.tables import alerts, events, silences
from monitoring.errors import UnknownAlert
from vocabulary.alert import Alert, AlertEvent

LONGEST = 30 * 86400.0
"""Seconds that a silence may last: one that is forgotten ends by itself."""


class SilenceRefused(ValueError):
    """A silence must end within a month, in the future, and say who and why."""


def find_alerts(
    connection: Connection, now: float, *, standing: bool = False, limit: int = 1000, ehrs: frozenset[str] = frozenset()
) -> list[Alert]:  # fmt: skip
    """The newest first; ``standing`` only those that are not resolved; of these ``ehrs`` alone, where some are named."""
    wanted = select(alerts).order_by(alerts.c.since.desc(), alerts.c.id).limit(limit)
    if ehrs:
        wanted = wanted.where(alerts.c.ehr.in_(sorted(ehrs)))
    if standing:
        wanted = wanted.where(alerts.c.state != "resolved")
    return [read(row) for row in connection.execute(wanted)]


def find_alert(connection: Connection, now: float, id: str) -> Alert:
    """Raises UnknownAlert."""
    row = connection.execute(select(alerts).where(alerts.c.id == id)).first()
    if row is None:
        raise UnknownAlert("no alert has that id")
    return read(row)


def find_events(connection: Connection, now: float, alert: str) -> list[AlertEvent]:
    """An alert's story, from the beginning."""
    wanted = select(events).where(events.c.alert == alert).order_by(events.c.id)
    return [
        AlertEvent(id=row.id, alert=row.alert, at=row.at, what=row.what, by=row.by, note=row.note)
        for row in connection.execute(wanted)
    ]


def find_story(
    connection: Connection, now: float, *, id: str
) -> tuple[Alert, list[AlertEvent], Sequence[Marker]]:  # fmt: skip
    """An alert, what happened to it, and what was changed before it. Raises UnknownAlert."""
    alert = find_alert(connection, now, id)
    changes = find_context(connection, now, at=alert.since, model=alert.model, ehr=alert.ehr)
    return alert, find_events(connection, now, id), changes


def acknowledge(connection: Connection, now: float, *, id: str, by: str, why: str = "") -> Alert:
    """Somebody has it in hand: it is not escalated any more. One that is resolved stays so. Raises UnknownAlert."""
    values = {"state": "acknowledged", "acknowledged_by": by[:200], "deadline": None}
    if _moved(connection, alerts.c.id == id, alerts.c.state == "open", values=values):
        note(connection, now, id, "acknowledged", by=by, note_=why)
    return find_alert(connection, now, id)


def resolve(connection: Connection, now: float, *, id: str, by: str, why: str = "") -> Alert:
    """It is over. A series that goes on being wrong raises a new one at its next change. Raises UnknownAlert."""
    values = {"state": "resolved", "resolved_by": by[:200], "deadline": None}
    if _moved(connection, alerts.c.id == id, alerts.c.state != "resolved", values=values):
        note(connection, now, id, "resolved", by=by, note_=why)
        release(connection, now, id)
    return find_alert(connection, now, id)


def silence(
    connection: Connection, now: float, *, matching: Mapping[str, str], until: float, by: str, why: str, new_id: NewId
) -> Silence:
    """Keeps matching alerts quiet until then. ``matching`` has any of monitor, model, ehr and source, at least one. Raises
    SilenceRefused."""
    named = {name: matching.get(name, "") for name in ("monitor", "model", "ehr", "source")}
    if not any(named.values()):
        raise SilenceRefused("a silence names a monitor, a model, an EHR or a source: it never covers everything")
    if not now < until <= now + LONGEST:
        raise SilenceRefused("a silence ends in the future, within thirty days")
    if not by.strip() or not why.strip():
        raise SilenceRefused("a silence says who set it and why")
    made = Silence(id=new_id(), until=until, by=by, why=why, **named)
    values: dict[str, Any] = {"id": made.id, "since": now, "until": until, "by": by[:200], "why": why[:500], **named}
    connection.execute(insert(silences).values(**values))
    for alert in find_alerts(connection, now, standing=True):
        if not alert.silenced and made.covers(alert, now):
            connection.execute(update(alerts).where(alerts.c.id == alert.id).values(silenced=made.id))
            note(connection, now, alert.id, "silenced", by=by, note_=why)
    return made


def sweep(connection: Connection, now: float, calendar: Calendar = NOTHING) -> None:
    """What time does: silences and planned changes end, and what nobody acknowledged is escalated."""
    end_planned(connection, now, calendar)
    alive = {each.id for each in find_silences(connection, now)}
    held = select(alerts).where(alerts.c.silenced != "", alerts.c.state != "resolved")
    for row in connection.execute(held).all():
        if row.silenced not in alive:
            connection.execute(update(alerts).where(alerts.c.id == row.id).values(silenced=""))
            note(connection, now, row.id, "heard")
    late = (alerts.c.state == "open", alerts.c.deadline <= now, alerts.c.escalated.is_(None))
    for row in connection.execute(select(alerts).where(*late)).all():
        if not read(row).quiet and _moved(connection, alerts.c.id == row.id, *late, values={"escalated": now}):
            note(connection, now, row.id, "escalated")


def _moved(connection: Connection, *where: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    """Whether the alert was still so, and is changed: of two at once the second waits, and finds it changed."""
    return bool(connection.execute(update(alerts).where(*where).values(**values)).rowcount)
