"""Edge: notices on their way: who is due, and what came of a try. A receiver that is dead loses none within a week."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select, update

from monitoring.alerting.tables import notices

LEASE = 60.0
"""Seconds that a try may take before another process makes it."""
FIRST, LONGEST = 5.0, 3600.0
PATIENCE = 7 * 86400.0


_other = notices.alias("other")
_EARLIER = exists().where(
    _other.c.alert == notices.c.alert, _other.c.sink == notices.c.sink, _other.c.to == notices.c.to,
    _other.c.state == "ready", _other.c.event < notices.c.event,
)  # fmt: skip
"""Of one alert a recipient hears in order: what comes later waits for what came before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """``body`` is a CloudEvent as JSON; ``secret`` names what it is signed with."""

    id: str
    alert: str
    sink: str
    to: str
    owner: str
    secret: str | None
    body: bytes
    attempt: int
    since: float


def claim(connection: Connection, now: float, *, limit: int = 20) -> list[Notice]:
    """Notices that are due, leased: nobody else gets them for a minute."""
    due = select(notices).where(notices.c.state == "ready", notices.c.next_at <= now, ~_EARLIER)
    rows = connection.execute(due.order_by(notices.c.since, notices.c.event, notices.c.id).limit(limit)).all()
    mine = []
    for row in rows:
        lease = (notices.c.id == row.id, notices.c.state == "ready", notices.c.attempt == row.attempt)
        values = {"next_at": now + LEASE, "attempt": row.attempt + 1}
        if connection.execute(update(notices).where(*lease).values(**values)).rowcount:
            mine.append(
                Notice(
                    id=row.id, alert=row.alert, sink=row.sink, to=row.to, owner=row.owner, secret=row.secret,
                    body=row.body, attempt=row.attempt + 1, since=row.since,
                )
            )  # fmt: skip
    return mine


def settle(connection: Connection, now: float, *, notice: Notice, cause: str = "") -> str:
    """What came of a try: ``sent`` without a cause; else ``ready`` for the next one, or ``dead`` after a week."""
    state = "sent" if not cause else "dead" if now > notice.since + PATIENCE else "ready"
    wait = min(LONGEST, FIRST * 2 ** min(notice.attempt - 1, 12))
    mine = (notices.c.id == notice.id, notices.c.attempt == notice.attempt)
    connection.execute(update(notices).where(*mine).values(state=state, next_at=now + wait, cause=cause[:64]))
    return state


def counts(connection: Connection, now: float) -> dict[tuple[str, str], int]:
    """By sink and state."""
    found = connection.execute(
        select(notices.c.sink, notices.c.state, func.count()).group_by(notices.c.sink, notices.c.state)
    )
    return {(row[0], row[1]): row[2] for row in found}
