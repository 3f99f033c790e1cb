"""Edge: the outbox's SQL, first half: rows come in, are claimed under a lease, and come back from the dead.

Reasons and measurements: docs/decisions/0003. PostgreSQL claims by ``= ANY(ARRAY(SELECT … FOR UPDATE SKIP LOCKED))``,
which keeps its plan when the planner's statistics are stale; SQLite has one writer and needs no locks. A lease is
fenced by owner and attempt: whoever lost it cannot settle the row any more.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from r4 import codec
from vocabulary.write import DeliveryState, Planned, Write
from writeback.attempts import kept, note
from writeback.changes import Change, DeliveryChanged
from writeback.claims import Claimed
from writeback.inserting import insert_once
from writeback.rendering import Need
from writeback.settings import LONGEST_LEASE, PACE, Pace
from writeback.settling import Settled, settle
from writeback.states import SETTLED
from writeback.tables import FRESH, LATER, LEASED, MOVING, deliveries, targets, waits

BACKEND = "backend"
"""The principal of what outputs share: the gateway's own client."""
CLOCK_STEP = 2 * 3600.0
"""Seconds beyond the longest wait: a time so far ahead was set before the clock was put back, and counts as come."""
PUT_BACK = 10.0
"""Seconds by which a clock has to be put back to be seen so: replicas and slow transactions differ by less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a write belongs to. ``lane`` names deliveries that have to keep their order among themselves."""

    output: str | None
    model: str
    version: str
    principal: str
    lane: str | None = None
    valid_until: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """Rows now leased to the caller, and what else changed on the way (rows that had become too old)."""

    rows: tuple[Claimed, ...] = ()
    changes: tuple[Change, ...] = ()


_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_ADD, _WAIT = insert(deliveries), insert(waits)
_STATES = select(deliveries.c.key, deliveries.c.state).where(deliveries.c.key.in_(_KEYS))
_OPEN = (
    select(deliveries.c.key)
    .where(deliveries.c.key.in_(_KEYS), deliveries.c.state.not_in(sorted(SETTLED)))
    .order_by(deliveries.c.id)
    .with_for_update(read=True)
)
_TAIL = (
    select(deliveries.c.key)
    .where(deliveries.c.lane == bindparam("lane"), MOVING)
    .order_by(deliveries.c.id.desc())
    .limit(1)
)
_HEALTH = select(targets).where(targets.c.ehr == bindparam("target"))
_NEEDED = select(deliveries.c.key, deliveries.c.state, deliveries.c.location, deliveries.c.kept_version).where(
    deliveries.c.key.in_(_KEYS)
)
"""Statements made once: putting one together costs more than running it."""


def lane_of(*, ehr: str, patient: str, model: str) -> str:
    """One model's outputs for one patient at one EHR arrive in the order in which they were accepted."""
    return sha256(f"{ehr}\n{patient}\n{model}".encode()).hexdigest()


def enqueue(connection: Connection, now: float, *, write: Write, origin: Origin) -> None:
    """Adds the deliveries of a write; what is shared and there already is left as it is. Has to be in the transaction
    that accepts the output."""
    shared = _share(connection, now, write, origin)
    own = {part.key for part in write.own}
    tail = _tail(connection, origin.lane)
    outside = {key for part in write.own for key in part.needs} - own
    blocking = own | _blocking(connection, outside, shared, tail)
    before = {part.key: {*part.needs, *([tail] if tail else [])} & blocking for part in write.own}
    rows = [_row(now, part, ehr=write.ehr, origin=origin, blockers=len(before[part.key])) for part in write.own]
    if rows:
        connection.execute(_ADD, rows)
    waiting = [{"delivery": key, "needed": needed} for key, needs in before.items() for needed in sorted(needs)]
    if waiting:
        connection.execute(_WAIT, waiting)


def _blocking(
    connection: Connection, outside: set[str], shared: Mapping[str, DeliveryState], tail: str | None
) -> set[str]:
    """Of what is needed beyond the write, and of the lane's end, what is still under way. SQLite has one writer, so
    that the states just read are still so; PostgreSQL has to look again, under a lock."""
    asked = {key for key in outside if shared.get(key) != "delivered"} | ({tail} if tail else set())
    if connection.dialect.name == "postgresql":
        return set(open_needs(connection, asked))
    known = {key: shared.get(key) for key in asked} | ({tail: "ready"} if tail else {})
    unknown = [key for key, state in known.items() if state is None]
    return {key for key, state in known.items() if state and state not in SETTLED} | set(
        open_needs(connection, unknown)
    )


def _share(connection: Connection, now: float, write: Write, origin: Origin) -> dict[str, DeliveryState]:
    """Makes sure that what outputs share is on its way, once; gives the state of each."""
    if not write.shared:
        return {}
    shared = Origin(output=None, model=origin.model, version=origin.version, principal=BACKEND)
    found = connection.execute(_STATES, {"keys": [part.key for part in write.shared]})
    states: dict[str, DeliveryState] = {row.key: row.state for row in found}
    for part in write.shared:
        if part.key not in states:
            blocking = open_needs(connection, part.needs)
            row = _row(now, part, ehr=write.ehr, origin=shared, blockers=len(blocking))
            if insert_once(connection, deliveries, row) and blocking:
                connection.execute(insert(waits), [{"delivery": part.key, "needed": key} for key in blocking])
            states[part.key] = "ready"
        elif states[part.key] == "dead":
            _revive(connection, now, part.key)
            states[part.key] = "ready"
    return states


def _revive(connection: Connection, now: float, key: str) -> None:
    """A new output is reason enough to try again what all outputs need."""
    dead = (deliveries.c.key == key, deliveries.c.state == "dead")
    again = {"attempt": 0, "next_at": now, "changed": now}
    connection.execute(update(deliveries).where(*dead, deliveries.c.doubtful).values(state="in_doubt", **again))
    connection.execute(update(deliveries).where(*dead).values(state="ready", **again))


def _row(now: float, part: Planned, *, ehr: str, origin: Origin, blockers: int) -> dict[str, Any]:
    return {
        "key": part.key, "ehr": ehr, "resource_type": part.type, "fhir_id": part.id, "role": part.role,
        "output": origin.output, "model": origin.model, "version": origin.version, "lane": origin.lane,
        "principal": origin.principal, "strategy": part.strategy, "quarantine": part.quarantine,
        "body": _bytes(part), "needs": listed(part.needs), "blockers": blockers, "state": "ready",
        "doubtful": False, "attempt": 0, "next_at": 0.0, "valid_until": origin.valid_until,
        "losses": listed(part.losses), "read_back": False, "since": now, "changed": now,
    }  # fmt: skip


def _bytes(part: Planned) -> bytes:
    return codec.format(part.body) if part.encoded is None else part.encoded


def listed(words: Sequence[str]) -> str:
    """A list of words as JSON."""
    return json.dumps(words) if words else "[]"


def open_needs(connection: Connection, keys: Iterable[str]) -> list[str]:
    """Those of the deliveries that are not settled yet. On PostgreSQL they are share-locked, so that none of them is
    settled between this look and the commit of the row that waits for it."""
    wanted = sorted(set(keys))
    if not wanted:
        return []
    return [row.key for row in connection.execute(_OPEN, {"keys": wanted})]


def _tail(connection: Connection, lane: str | None) -> str | None:
    """The last delivery of the lane that is still under way."""
    if lane is None:
        return None
    return connection.scalar(_TAIL, {"lane": lane})


def claim_due(
    connection: Connection, now: float, *, ehr: str, owner: str, limit: int, pace: Pace = PACE
) -> Claims:  # fmt: skip
    """Leases up to ``limit`` rows of one EHR: half of them those whose time has come, the rest those never tried,
    oldest first. None while the EHR is left in peace, and one at a time until it has answered again."""
    health = connection.execute(_HEALTH, {"target": ehr}).one_or_none()
    if health is not None and now < health.paused_until <= now + CLOCK_STEP:
        return Claims()
    room = min(limit, 1) if health is not None and health.failures >= pace.trip else limit
    taken: list[Claimed] = []
    shares: tuple[tuple[Candidates, int], ...] = (("later", (room + 1) // 2), ("fresh", room))
    for candidates, share in shares:
        most = min(share, room - len(taken))
        taken += _take(connection, now, candidates, ehr=ehr, owner=owner, room=most, pace=pace)
    if len(taken) < room and taken:
        taken += _take(connection, now, "later", ehr=ehr, owner=owner, room=room - len(taken), pace=pace)
    late = {row.id for row in taken if not row.doubtful and row.valid_until is not None and row.valid_until < now}
    overdue = [Settled(row=row, state="expired", values={"cause": "overdue"}) for row in taken if row.id in late]
    changes = settle(connection, now, overdue) if overdue else ()
    return Claims(rows=tuple(_with_needs(connection, [row for row in taken if row.id not in late])), changes=changes)


Candidates = Literal["fresh", "later"]


@cache
def _lease(candidates: Candidates, dialect: str) -> Any:
    """Leases rows never tried, or rows whose time has come: made once for each database."""
    chosen = select(deliveries.c.id).where(deliveries.c.ehr == bindparam("target"))
    if candidates == "fresh":
        chosen = chosen.where(FRESH).order_by(deliveries.c.id)
    else:
        at = deliveries.c.next_at
        chosen = chosen.where(LATER, or_(at <= bindparam("now"), at > bindparam("ahead"))).order_by(at)
    chosen = chosen.limit(bindparam("room", type_=Integer))
    if dialect == "postgresql":
        mine: Any = deliveries.c.id == func.any(func.array(chosen.with_for_update(skip_locked=True).scalar_subquery()))
    else:
        mine = deliveries.c.id.in_(chosen.scalar_subquery())
    lease = {
        "state": "leased", "owner": bindparam("holder"), "lease_until": bindparam("until"),
        "attempt": deliveries.c.attempt + 1,
    }  # fmt: skip
    return update(deliveries).where(mine).values(lease).returning(deliveries)


def _take(
    connection: Connection, now: float, candidates: Candidates, *, ehr: str, owner: str, room: int, pace: Pace
) -> list[Claimed]:  # fmt: skip
    if room <= 0:
        return []
    asked = {"target": ehr, "room": room, "holder": owner, "until": now + pace.lease}
    if candidates == "later":
        asked |= {"now": now, "ahead": now + CLOCK_STEP + pace.retry.longest}
    rows = connection.execute(_lease(candidates, connection.dialect.name), asked)
    return [_claimed(row) for row in sorted(rows, key=lambda row: row.id)]


def _claimed(row: Row[Any]) -> Claimed:
    return Claimed(
        id=row.id, key=row.key, ehr=row.ehr, type=row.resource_type, fhir_id=row.fhir_id, body=row.body,
        strategy=row.strategy, quarantine=row.quarantine, principal=row.principal, attempt=row.attempt,
        owner=row.owner, doubtful=row.doubtful, output=row.output, model=row.model, version=row.version,
        valid_until=row.valid_until, planned_losses=tuple(json.loads(row.losses)),  # not FHIR: a list of paths
        needs=dict.fromkeys(json.loads(row.needs), Need(state="ready")),  # not FHIR: a list of delivery keys
    )  # fmt: skip


def _with_needs(connection: Connection, rows: Sequence[Claimed]) -> Iterable[Claimed]:
    wanted = {key for row in rows for key in row.needs}
    if not wanted:
        return rows
    found = {
        row.key: Need(state=row.state, location=row.location, version=row.kept_version)
        for row in connection.execute(_NEEDED, {"keys": sorted(wanted)})
    }
    return [row.with_needs({key: found.get(key, Need(state="dead")) for key in row.needs}) for row in rows]


def _set_again(connection: Connection, now: float) -> None:
    """What was written down in a time still to come was written before the clock was put back. What is in doubt waits
    its quarantine from now on, the rest is due, and no EHR is left in peace for longer."""
    doubt = case((deliveries.c.state == "in_doubt", deliveries.c.quarantine), else_=0.0)
    ahead = (LATER, deliveries.c.next_at > now, deliveries.c.changed > now + PUT_BACK)
    if connection.execute(update(deliveries).where(*ahead).values(next_at=now + doubt, changed=now)).rowcount:
        connection.execute(update(targets).where(targets.c.paused_until > now).values(paused_until=now))


def recover(connection: Connection, now: float, *, boot: str) -> tuple[Change, ...]:
    """Rows whose holder is gone become ``in_doubt``: they may have been sent. On SQLite there is one process, so that
    every lease of another boot is a dead one's, whatever the clock says; on PostgreSQL leases run out by its clock, or
    are from before it was put back."""
    _set_again(connection, now)
    until = deliveries.c.lease_until
    gone: ColumnElement[bool] = or_(until < now, until > now + LONGEST_LEASE + PUT_BACK)
    if connection.dialect.name != "postgresql":
        gone = deliveries.c.owner.not_like(f"{boot}%")
    doubt = {"state": "in_doubt", "doubtful": True, "owner": None, "lease_until": None, "cause": "lease_lost"}
    rows = connection.execute(
        update(deliveries)
        .where(LEASED, gone)
        .values(**doubt, changed=now, next_at=now + deliveries.c.quarantine)
        .returning(deliveries)
    ).all()
    for row in rows:
        if kept(row.attempt):
            note(connection, now, key=row.key, attempt=row.attempt, event="lease_lost")
    return tuple(
        DeliveryChanged(
            delivery=row.key, output=row.output, ehr=row.ehr, resource_type=row.resource_type, model=row.model,
            version=row.version, before="leased", state="in_doubt", cause="lease_lost", attempt=row.attempt,
        )
        for row in rows
    )  # fmt: skip
