"""Edge: who folds the journal (a lease), how far it is folded, and what came of it: states, changes, points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, Table, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from monitoring.entries import Ticked
from monitoring.observations import LOCK, append
from monitoring.tables import changes, evaluator, points, states
from vocabulary.signal import Signal, SignalChanged

LEASE = 15.0
"""Seconds that one evaluator may be silent before another takes over."""
TICK = 60.0
"""Seconds between two ticks: silence is noticed so much later at most."""
Place = tuple[str, str, str]
"""Model, version, EHR."""

_EXCLUSIVE = text("SELECT extract(epoch FROM clock_timestamp())::float8 FROM pg_advisory_xact_lock(:key)")
_PATIENCE = text("SET LOCAL lock_timeout = '1s'")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """This holder alone may save. The journal is folded up to ``cursor`` (time, id)."""

    holder: str
    generation: int
    cursor: tuple[float, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """One watch after a fold: packed state, its signals, and whether they are a point of the history."""

    place: Place
    at: float
    state: bytes
    signals: Sequence[Signal]
    point: bool = False


def take_lease(connection: Connection, now: float, *, holder: str) -> Lease | None:
    """The lease, taken or kept; None while another holds it."""
    row = connection.execute(select(evaluator).where(evaluator.c.id == 1).with_for_update()).one_or_none()
    if row is None:
        first = {
            "id": 1,
            "holder": "",
            "generation": 0,
            "until": 0.0,
            "horizon": 0.0,
            "at": 0.0,
            "entry": 0,
            "ticked": 0.0,
        }
        connection.execute(_conflicting(connection, evaluator).on_conflict_do_nothing(), first)
        row = connection.execute(select(evaluator).where(evaluator.c.id == 1).with_for_update()).one()
    if row.holder != holder and row.until > now:
        return None
    generation = row.generation + (row.holder != holder)
    connection.execute(
        update(evaluator).where(evaluator.c.id == 1).values(holder=holder, generation=generation, until=now + LEASE)
    )
    return Lease(holder=holder, generation=generation, cursor=(row.at, row.entry))


def release_lease(connection: Connection, now: float, *, lease: Lease) -> None:
    """Lets the next one begin at once."""
    connection.execute(update(evaluator).where(*_mine(lease)).values(until=0.0))


def move_horizon(connection: Connection, now: float, *, lease: Lease) -> float | None:
    """The time before which the journal is complete; None when the lease is lost. Adds a tick when one is due."""
    if connection.dialect.name == "postgresql":
        connection.execute(_PATIENCE)
        now = float(connection.scalar(_EXCLUSIVE, {"key": LOCK}))
    row = connection.execute(select(evaluator).where(*_mine(lease))).one_or_none()
    if row is None:
        return None
    horizon: float = max(now, row.horizon)
    due = horizon >= row.ticked + TICK
    connection.execute(
        update(evaluator).where(*_mine(lease)).values(horizon=horizon, ticked=horizon if due else row.ticked)
    )
    if due:
        append(connection, now, [Ticked()])
    return horizon


def _mine(lease: Lease) -> tuple[Any, ...]:
    return evaluator.c.id == 1, evaluator.c.holder == lease.holder, evaluator.c.generation == lease.generation


def find_places(connection: Connection, now: float) -> list[Place]:
    """What is watched already."""
    return [tuple(row) for row in connection.execute(select(states.c.model, states.c.version, states.c.ehr))]


def find_state(connection: Connection, now: float, *, place: Place) -> bytes | None:
    """The packed state of one watch, or None."""
    model, version, ehr = place
    return connection.scalar(
        select(states.c.body).where(states.c.model == model, states.c.version == version, states.c.ehr == ehr)
    )


def save(
    connection: Connection, now: float, *, lease: Lease, cursor: tuple[float, int], folded: Sequence[Folded],
    changed: Sequence[SignalChanged],
) -> bool:  # fmt: skip
    """How far it is folded, and all that came of it, in one transaction; False, and nothing, when the lease is lost."""
    moved = update(evaluator).where(*_mine(lease)).values(at=cursor[0], entry=cursor[1], until=now + LEASE)
    if connection.execute(moved).rowcount != 1:
        return False
    for each in folded:
        model, version, ehr = each.place
        where = {"model": model, "version": version, "ehr": ehr}
        signals = msgspec.json.encode(each.signals)
        values = {"at": each.at, "body": each.state, "signals": signals}
        kept = _conflicting(connection, states).on_conflict_do_update(index_elements=list(where), set_=values)
        connection.execute(kept, {**where, **values})
        if each.point:
            connection.execute(insert(points), {**where, "at": each.at, "body": signals})
    if changed:
        connection.execute(insert(changes), [_change(each) for each in changed])
    return True


def _conflicting(connection: Connection, table: Table) -> Any:
    made: Insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    return made


def _change(change: SignalChanged) -> dict[str, Any]:
    signal = change.signal
    return {"at": signal.since, "model": signal.model, "version": signal.version, "ehr": signal.ehr,
            "body": msgspec.json.encode(change)}  # fmt: skip


_SIGNALS = select(states.c.signals).order_by(states.c.model, states.c.version, states.c.ehr)
_CHANGES = (
    select(changes.c.id, changes.c.body).where(changes.c.id > bindparam("after")).order_by(changes.c.id)
    .limit(bindparam("most"))
)  # fmt: skip


def find_signals(connection: Connection, now: float) -> list[Signal]:
    """Every signal as it stands, model by model."""
    return [signal for body in find_packed(connection, now) for signal in unpack_signals(body)]


def find_packed(connection: Connection, now: float) -> list[bytes]:
    """The signals of each watch as they are kept, to be unpacked elsewhere."""
    return list(connection.scalars(_SIGNALS))


def unpack_signals(body: bytes) -> list[Signal]:
    """Signals as ``find_packed`` gives them."""
    return msgspec.json.decode(body, type=list[Signal])  # not FHIR: our own notes


def find_changes(connection: Connection, now: float, *, after: int, most: int = 200) -> list[tuple[int, SignalChanged]]:
    """Changes of level with their numbers, in the order in which they happened, after the one numbered ``after``."""
    rows = connection.execute(_CHANGES, {"after": after, "most": most})
    return [(row.id, msgspec.json.decode(row.body, type=SignalChanged)) for row in rows]  # not FHIR: our own notes


def find_points(
    connection: Connection, now: float, *, place: Place, since: float = 0.0, most: int = 200
) -> list[tuple[float, list[Signal]]]:
    """The newest points of one watch from ``since`` on, in order of time."""
    model, version, ehr = place
    where = (points.c.model == model, points.c.version == version, points.c.ehr == ehr, points.c.at >= since)
    rows = connection.execute(
        select(points.c.at, points.c.body).where(*where).order_by(points.c.at.desc(), points.c.id.desc()).limit(most)
    ).all()
    return [(row.at, unpack_signals(row.body)) for row in reversed(rows)]
