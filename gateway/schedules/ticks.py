"""Edge: ticks as rows. A tick is there once, is run by whoever holds its lease, and what is recorded of it is fenced: an owner
that lost it records nothing more, however long it was frozen.

Time is the database's. Where it is put back, a lease that ends later than any lease may has ended, what has not come again and
was never begun is made again when it comes, and what was run stands: its row is there. Where it jumps ahead, leases end early,
and the fence decides.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, update

from gateway.schedules.planning import New
from gateway.schedules.tables import schedules, ticks
from writeback.ledger.inserting import insert_once

LEASE = 20.0
"""Seconds that a tick is its owner's without a sign of life."""
FIRST, LONGEST = 5.0, 60.0
"""Seconds before something is tried again: doubled each time."""
BOTH = ("waiting", "running")


class Fenced(RuntimeError):
    """The tick is another's by now: nothing is recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A tick that is run by ``owner``, for the ``epoch``th time. ``population`` None: nobody has read it yet."""

    schedule: str
    at: float
    owner: str
    epoch: int
    until: float
    population: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a tick ended."""

    schedule: str
    at: float
    state: str
    reason: str = ""
    done: int = 0
    failed: int = 0


def pause(tries: int) -> float:
    """Seconds until something is tried again that was tried so often."""
    return float(min(FIRST * 2 ** min(tries, 10), LONGEST))


def declare(connection: Connection, now: float, *, site: str, documents: Mapping[str, tuple[str, str]]) -> None:
    """The schedules (name → document, digest) of a site that are in force from now on, whoever else has others. One whose rhythm
    has changed has no ticks before now."""
    for name, (document, digest) in documents.items():
        values = {"name": name, "document": document, "digest": digest, "upto": now, "since": now}
        if not insert_once(connection, schedules, values):
            known = connection.execute(select(schedules).where(schedules.c.name == name)).one()
            if known.digest != digest:
                same = _rhythm(known.document) == _rhythm(document)
                values = {"document": document, "digest": digest} | ({} if same else {"upto": now, "since": now})
                connection.execute(update(schedules).where(schedules.c.name == name).values(**values))
    gone = and_(schedules.c.name.like(f"{site}/%"), schedules.c.name.not_in(list(documents)))
    connection.execute(delete(schedules).where(gone))


def _rhythm(document: str) -> tuple[Any, ...]:
    found = json.loads(document)  # not FHIR: a schedule's declaration
    return found["cron"], found["time_zone"]


def find_declared(connection: Connection, now: float) -> list[Row[Any]]:
    """Every schedule in force."""
    return list(connection.execute(select(schedules).order_by(schedules.c.name)))


def advance(
    connection: Connection, now: float, *, name: str, digest: str, upto: float, to: float, made: Sequence[New],
    grace: float,
) -> list[Ended]:  # fmt: skip
    """Makes the ticks in ``(upto, to]``, unless somebody else has. Those that were missed at once are returned."""
    mine = (schedules.c.name == name, schedules.c.digest == digest, schedules.c.upto == upto)
    if not connection.execute(update(schedules).where(*mine).values(upto=to)).rowcount:
        return []
    ended = []
    for new in made:
        state, reason = ("missed", "late") if new.missed else ("waiting", "")
        row = _row(name, new, state, reason, now=now, grace=grace)
        if insert_once(connection, ticks, row) and new.missed:
            ended.append(Ended(schedule=name, at=new.at, state=state, reason=reason))
    return ended


def _row(name: str, new: New, state: str, reason: str, *, now: float, grace: float) -> dict[str, Any]:
    return {
        "schedule": name, "at": new.at, "why": new.why, "state": state, "reason": reason, "made": now, "until": new.until,
        "grace": grace, "next_at": 0.0, "tries": 0, "owner": "", "epoch": 0, "lease": 0.0, "population": None, "done": 0,
        "failed": 0, "began": None, "ended": now if state == "missed" else None,
    }  # fmt: skip


def rewind(connection: Connection, now: float, *, name: str) -> None:
    """The clock was put back. What was made or missed at a time that has not come, and was never begun, is not there; the next
    ticks are those after the last one that is."""
    known = connection.execute(select(schedules).where(schedules.c.name == name, schedules.c.upto > now)).one_or_none()
    if known is None:
        return
    own = and_(ticks.c.schedule == name, ticks.c.why != "asked")
    wrong = and_(own, or_(ticks.c.made > now, ticks.c.ended > now))
    connection.execute(delete(ticks).where(wrong, ticks.c.epoch == 0))
    unread = and_(wrong, ticks.c.state == "missed", ticks.c.population.is_(None))
    connection.execute(update(ticks).where(unread).values(state="waiting", ended=None, next_at=0.0))
    since = known.since if known.since <= now else now
    last = connection.scalar(select(func.max(ticks.c.at)).where(own, ticks.c.at <= now))
    upto = max(since, since if last is None else last)
    connection.execute(update(schedules).where(schedules.c.name == name).values(upto=upto))


def ask(connection: Connection, now: float, *, name: str, grace: float) -> float | None:
    """A tick for now, because somebody wants one; when it is. None when this very second has one."""
    at = float(int(now))
    new = New(at=at, why="asked", missed=False, until=now + grace)
    return at if insert_once(connection, ticks, _row(name, new, "waiting", "", now=now, grace=grace)) else None


def lapsed(now: float) -> ColumnElement[bool]:
    """A lease that ends later than any may was given before the clock was put back."""
    return or_(ticks.c.lease < now, ticks.c.lease > now + LEASE + 1.0)


def claim(connection: Connection, now: float, *, names: Iterable[str], owner: str, most: int) -> list[Claim]:
    """Takes ticks that are due, the oldest open one of each schedule: one of a schedule is run at a time."""
    oldest = (
        select(ticks.c.schedule, func.min(ticks.c.at).label("at"))
        .where(ticks.c.schedule.in_(list(names)), ticks.c.state.in_(BOTH))
        .group_by(ticks.c.schedule)
        .subquery()
    )
    due = or_(
        and_(ticks.c.state == "waiting", or_(ticks.c.next_at <= now, ticks.c.next_at > now + LONGEST)),
        and_(ticks.c.state == "running", lapsed(now)),
    )
    first = and_(ticks.c.schedule == oldest.c.schedule, ticks.c.at == oldest.c.at)
    free = select(ticks).join(oldest, first).where(due).order_by(ticks.c.at).limit(most)
    rows = connection.execute(free.with_for_update(of=ticks, skip_locked=True))  # who holds the row is at work on it
    return [found for row in rows.all() if (found := _take(connection, now, row, owner)) is not None]


def _take(connection: Connection, now: float, row: Row[Any], owner: str) -> Claim | None:
    """Of several that saw the same row, one changes its epoch."""
    mine = (ticks.c.schedule == row.schedule, ticks.c.at == row.at, ticks.c.epoch == row.epoch, ticks.c.state.in_(BOTH))
    values = {
        "state": "running", "owner": owner, "epoch": row.epoch + 1, "lease": now + LEASE,
        "began": row.began if row.began is not None else now,
    }  # fmt: skip
    if not connection.execute(update(ticks).where(*mine).values(**values)).rowcount:
        return None
    return Claim(
        schedule=row.schedule, at=row.at, owner=owner, epoch=row.epoch + 1, until=row.until, population=row.population
    )


def keep(connection: Connection, now: float, *, held: Iterable[Claim]) -> None:
    """A sign of life for ticks that are being run; one that another took is not won back."""
    for each in held:
        mine = (
            *place(ticks, each),
            ticks.c.owner == each.owner,
            ticks.c.epoch == each.epoch,
            ticks.c.state == "running",
        )
        connection.execute(update(ticks).where(*mine).values(lease=now + LEASE))


def leave(connection: Connection, now: float, *, owner: str | None) -> None:
    """What this owner runs (None: anybody) is free for others at once."""
    mine = ticks.c.state == "running" if owner is None else and_(ticks.c.state == "running", ticks.c.owner == owner)
    connection.execute(update(ticks).where(mine).values(state="waiting", owner="", next_at=0.0, lease=now))


def check(connection: Connection, now: float, *, held: Claim) -> Row[Any]:
    """The tick's row, locked to the transaction's end. Raises Fenced when it is another's."""
    row = connection.execute(select(ticks).where(*place(ticks, held)).with_for_update()).one_or_none()
    if row is None or (row.state, row.owner, row.epoch) != ("running", held.owner, held.epoch):
        raise Fenced("another runs this tick")
    return row


def place(table: Any, held: Claim | Ended) -> tuple[ColumnElement[bool], ...]:
    """The rows of this tick in a table."""
    return table.c.schedule == held.schedule, table.c.at == held.at


def end(connection: Connection, now: float, ended: Ended) -> Ended:
    """Writes how a tick ended."""
    values = {
        "state": ended.state, "reason": ended.reason, "owner": "", "ended": now, "done": ended.done, "failed": ended.failed,
    }  # fmt: skip
    connection.execute(update(ticks).where(*place(ticks, ended)).values(**values))
    return ended
