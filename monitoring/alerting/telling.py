"""Edge: events of alerts become notices to people and systems, by the routes in force; each event once, in order."""

import json
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from monitoring.alerting.following import PORTION, move_cursor, take_cursor
from monitoring.alerting.marks import find_context
from monitoring.alerting.messages import ACTION, cloud_event, decided, digest
from monitoring.alerting.raising import read
from monitoring.alerting.routing import Table, Target, patience, targets, worklists, worklists_of
from monitoring.alerting.rules import DAY
from monitoring.alerting.tables import actions, alerts, events, notices
from vocabulary.alert import Alert, AlertEvent

TOLD = frozenset({"raised", "worsened", "heard", "escalated", "acknowledged", "resolved"})
"""Events that people outside hear of; the others are kept in the story, and audited at the EHRs that get the Tasks."""


def tell(connection: Connection, now: float, *, table: Table, origin: str, link: Callable[[str], str]) -> int:
    """Turns the next events into notices, in one transaction with the cursor, and sets the time until which somebody must
    have acknowledged. ``origin`` is the installation's namespace, ``link`` an alert's page. How many events there were."""
    cursor = take_cursor(connection, "events")
    found = connection.execute(select(events).where(events.c.id > cursor).order_by(events.c.id).limit(PORTION)).all()
    for row in found:
        event = AlertEvent(id=row.id, alert=row.alert, at=row.at, what=row.what, by=row.by, note=row.note)
        if event.alert.startswith(ACTION):
            _audit_action(connection, now, event, table, origin, link)
            continue
        alert = read(connection.execute(select(alerts).where(alerts.c.id == row.alert)).one())
        if event.what in TOLD and not alert.quiet:
            _tell(connection, now, alert, event, table, origin, link)
        _audit(connection, now, alert, event, table, origin, link)
    if found:
        move_cursor(connection, "events", found[-1].id)
    return len(found)


def _tell(
    connection: Connection, now: float, alert: Alert, event: AlertEvent, table: Table, origin: str,
    link: Callable[[str], str],
) -> None:  # fmt: skip
    if alert.state == "open" and alert.deadline is None and event.what in ("raised", "worsened", "heard"):
        wait = patience(alert, table)
        deadline = None if wait is None else event.at + wait
        connection.execute(update(alerts).where(alerts.c.id == alert.id).values(deadline=deadline))
        alert = read(connection.execute(select(alerts).where(alerts.c.id == alert.id)).one())
    changes = find_context(connection, now, at=alert.since, model=alert.model, ehr=alert.ehr)
    for target in targets(alert, table, escalated=alert.escalated is not None):
        if target.sink != "page":
            id = _id(event, target)
            body = cloud_event(alert, event, id=id, origin=origin, link=link(alert.id), changes=changes)
            _add(connection, now, alert.id, event.id, target, id, json.dumps(body, sort_keys=True).encode())


def _audit(
    connection: Connection, now: float, alert: Alert, event: AlertEvent, table: Table, origin: str,
    link: Callable[[str], str],
) -> None:  # fmt: skip
    """Every line of the story, also of an alert that nobody is told of, for the EHRs that its Tasks go to."""
    for ehr in worklists(alert, table, escalated=alert.escalated is not None):
        target = Target(sink="audit", to=ehr, owner="")
        id = _id(event, target)
        body = cloud_event(alert, event, id=id, origin=origin, link=link(alert.id))
        _add(connection, now, alert.id, event.id, target, id, json.dumps(body, sort_keys=True).encode())


def _audit_action(
    connection: Connection, now: float, event: AlertEvent, table: Table, origin: str, link: Callable[[str], str]
) -> None:
    wanted = select(actions).where(actions.c.id == int(event.alert.removeprefix(ACTION)))
    taken = connection.execute(wanted).one()._asdict()
    for ehr in worklists_of(taken["model"], taken["ehr"], table):
        target = Target(sink="audit", to=ehr, owner="")
        id = _id(event, target)
        body = decided(taken, what=event.what, by=event.by, at=event.at, id=id, origin=origin, link=link(""))
        _add(connection, now, event.alert, event.id, target, id, json.dumps(body, sort_keys=True).encode())


def tell_digest(connection: Connection, now: float, *, table: Table, origin: str, link: Callable[[str], str]) -> int:
    """Once a day, of the days before: what the budget rolled together, one notice for each recipient. How many."""
    today = int(now // DAY)
    last = take_cursor(connection, "digest")
    if last >= today:
        return 0
    move_cursor(connection, "digest", today)
    wanted = (alerts.c.rolled.is_(True), alerts.c.since >= last * DAY, alerts.c.since < today * DAY)
    gathered: dict[Target, list[Alert]] = {}
    for row in connection.execute(select(alerts).where(*wanted).order_by(alerts.c.id)):
        for target in targets(read(row), table):
            if target.sink in ("webhook", "email"):
                gathered.setdefault(target, []).append(read(row))
    for target, rolled in gathered.items():
        id = sha256(f"digest\n{today}\n{target.sink}\n{target.to}".encode()).hexdigest()[:32]
        body = digest(rolled, id=id, at=now, origin=origin, link=link(""))
        _add(connection, now, "", 0, target, id, json.dumps(body, sort_keys=True).encode())
    return len(gathered)


def _add(connection: Connection, now: float, alert: str, event: int, target: Target, id: str, body: bytes) -> None:
    connection.execute(
        insert(notices).values(
            id=id, alert=alert, event=event, sink=target.sink, to=target.to, owner=target.owner, secret=target.secret, body=body,
            state="ready", attempt=0, next_at=now, cause="", since=now,
        )
    )  # fmt: skip


def _id(event: AlertEvent, target: Target) -> str:
    """The same event to the same recipient has the same id: the receiver's key for what comes twice."""
    return sha256(f"{event.id}\n{event.alert}\n{target.sink}\n{target.to}".encode()).hexdigest()[:32]
