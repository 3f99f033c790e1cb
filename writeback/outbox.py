"""Edge: the outbox's SQL, first part: rows come in, and come back from the dead (then ``claiming``, then ``settling``).

Reasons and measurements: docs/decisions/0003. PostgreSQL claims by ``= ANY(ARRAY(SELECT … FOR UPDATE SKIP LOCKED))``,
which keeps its plan when the planner's statistics are stale; SQLite has one writer and needs no locks. A lease is
fenced by owner and attempt: whoever lost it cannot settle the row any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, insert, select, update

from r4 import codec
from vocabulary.write import DeliveryState, Planned, Write
from writeback.changes import Change, DeliveryChanged
from writeback.ledger.among import among
from writeback.ledger.attempts import kept, note
from writeback.ledger.clock_steps import lease_over, set_again
from writeback.ledger.inserting import insert_once
from writeback.states import SETTLED
from writeback.tables import LEASED, MOVING, bodies, deliveries, waits

BACKEND = "backend"
"""The principal of what outputs share: the gateway's own client."""


class Origin(Struct, frozen=True, kw_only=True):
    """What a write belongs to. ``lane`` names deliveries that have to keep their order among themselves."""

    output: str | None
    model: str
    version: str
    principal: str
    lane: str | None = None
    valid_until: float | None = None


class Found(Struct, frozen=True, kw_only=True):
    """What the transaction has seen already of where a write goes: the lane's last delivery that is under way, and the states
    of what outputs share."""

    tail: str | None
    states: Mapping[str, DeliveryState]


_ADD, _WAIT = insert(deliveries), insert(waits)
_NUMBER = select(deliveries.c.id).where(deliveries.c.key == bindparam("of")).scalar_subquery()
_ADD_BODY = insert(bodies).inline().values(delivery=_NUMBER, body=bindparam("said"))
_STATES = select(deliveries.c.key, deliveries.c.state).where(among(deliveries.c.key, "keys"))
_OPEN = (
    select(deliveries.c.key)
    .where(among(deliveries.c.key, "keys"), MOVING)
    .order_by(deliveries.c.id)
    .with_for_update(read=True)
)
TAIL = (
    select(deliveries.c.key)
    .where(deliveries.c.lane == bindparam("lane"), MOVING)
    .order_by(deliveries.c.id.desc())
    .limit(1)
)
"""Statements made once: putting one together costs more than running it."""


def lane_of(*, ehr: str, patient: str, model: str) -> str:
    """One model's outputs for one patient at one EHR arrive in the order in which they were accepted."""
    return sha256(f"{ehr}\n{patient}\n{model}".encode()).hexdigest()


def enqueue(
    connection: Connection, now: float, *, write: Write, origin: Origin, found: Found | None = None
) -> None:  # fmt: skip
    """Adds the deliveries of a write; what is shared and there already is left as it is. Has to be in the transaction
    that accepts the output, and in which what was ``found`` was."""
    found = found or _look(connection, write, origin)
    shared, tail = _share(connection, now, write, origin, dict(found.states)), found.tail
    own = {part.key for part in write.own}
    outside = {key for part in write.own for key in part.needs} - own
    blocking = own | _blocking(connection, outside, shared, tail)
    before = {part.key: {*part.needs, *([tail] if tail else [])} & blocking for part in write.own}
    ends = own.difference(*(part.needs for part in write.own))
    rows = [
        _row(now, part, ehr=write.ehr, origin=origin, blockers=len(before[part.key]), in_lane=part.key in ends)
        for part in write.own
    ]
    if rows:
        connection.execute(_ADD, rows)
        connection.execute(_ADD_BODY, [_said(part) for part in write.own])
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


def _look(connection: Connection, write: Write, origin: Origin) -> Found:
    rows = connection.execute(_STATES, {"keys": tuple(part.key for part in write.shared)}).all() if write.shared else []
    tail = None if origin.lane is None else connection.scalar(TAIL, {"lane": origin.lane})
    return Found(tail=tail, states={row.key: row.state for row in rows})


def _share(
    connection: Connection, now: float, write: Write, origin: Origin, states: dict[str, DeliveryState]
) -> dict[str, DeliveryState]:
    """Makes sure that what outputs share is on its way, once; gives the state of each."""
    shared = Origin(output=None, model=origin.model, version=origin.version, principal=BACKEND)
    for part in write.shared:
        if part.key not in states:
            blocking = open_needs(connection, part.needs)
            row = _row(now, part, ehr=write.ehr, origin=shared, blockers=len(blocking))
            if insert_once(connection, deliveries, row):
                connection.execute(_ADD_BODY, [_said(part)])
                if blocking:
                    connection.execute(_WAIT, [{"delivery": part.key, "needed": key} for key in blocking])
            states[part.key] = "ready"
        elif states[part.key] == "dead":
            _revive(connection, now, part.key)
            states[part.key] = "ready"
    return states


def _revive(connection: Connection, now: float, key: str) -> None:
    """A new output is reason enough to try again what all outputs need."""
    dead = (deliveries.c.key == key, deliveries.c.state == "dead")
    again = {"attempt": 0, "next_at": now, "changed": now, "moving": True}
    connection.execute(update(deliveries).where(*dead, deliveries.c.doubtful).values(state="in_doubt", **again))
    connection.execute(update(deliveries).where(*dead).values(state="ready", **again))


def _row(
    now: float, part: Planned, *, ehr: str, origin: Origin, blockers: int, in_lane: bool = False
) -> dict[str, Any]:  # fmt: skip
    """``in_lane`` says that nothing of its own write waits for it: a lane goes on where these have ended, and the others have
    ended before."""
    return {
        "key": part.key, "ehr": ehr, "resource_type": part.type, "fhir_id": part.id, "role": part.role,
        "output": origin.output, "model": origin.model, "version": origin.version, "lane": origin.lane if in_lane else None,
        "principal": origin.principal, "strategy": part.strategy, "quarantine": part.quarantine,
        "needs": listed(part.needs), "blockers": blockers, "state": "ready", "moving": True, "doubtful": False,
        "attempt": 0, "next_at": 0.0, "valid_until": origin.valid_until,
        "losses": listed(part.losses), "read_back": False, "since": now, "changed": now,
    }  # fmt: skip


def _said(part: Planned) -> dict[str, Any]:
    return {"of": part.key, "said": said(part)}


def said(part: Planned) -> bytes:
    """What a delivery of it sends."""
    return codec.format(part.body) if part.encoded is None else part.encoded


def listed(words: Sequence[str]) -> str:
    """A list of words as JSON."""
    return codec.format(list(words)).decode() if words else "[]"


def open_needs(connection: Connection, keys: Iterable[str]) -> list[str]:
    """Those of the deliveries that are not settled yet. On PostgreSQL they are share-locked, so that none of them is
    settled between this look and the commit of the row that waits for it."""
    wanted = sorted(set(keys))
    if not wanted:
        return []
    return [row.key for row in connection.execute(_OPEN, {"keys": tuple(wanted)})]


def recover(connection: Connection, now: float, *, boot: str) -> tuple[Change, ...]:
    """Rows whose holder is gone become ``in_doubt``: they may have been sent. On SQLite there is one process, so that
    every lease of another boot is a dead one's, whatever the clock says; on PostgreSQL leases run out by its clock, or
    are from before it was put back."""
    set_again(connection, now)
    gone = lease_over(now)
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
