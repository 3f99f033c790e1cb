"""Edge: the outbox's SQL, third part: what a conversation came to is recorded, and what waited for it may go.

``record`` is one transaction for any number of conversations. Only who still holds the lease may record.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, null, select, update

from vocabulary.output import OutputState
from vocabulary.write import DeliveryState
from writeback.changes import Change, DeliveryChanged, OutputChanged
from writeback.ledger.among import among
from writeback.ledger.attempts import in_vain, note_attempts, note_late
from writeback.ledger.keeping import kept_less
from writeback.ledger.targets import note_health
from writeback.ledger.withdrawing import edits_done
from writeback.outbox import listed
from writeback.retry import next_attempt, parse_retry_after
from writeback.settings import PACE, Pace
from writeback.speaking.claims import Attempted, Claimed, Ending
from writeback.states import SETTLED, Event, advance, derive
from writeback.tables import deliveries, outputs, waits

_HELD = (
    select(deliveries.c.id, deliveries.c.owner, deliveries.c.attempt, deliveries.c.state)
    .where(among(deliveries.c.id, "ids"))
    .order_by(deliveries.c.id)
    .with_for_update()
)
_GONE = delete(waits).where(among(waits.c.needed, "keys")).returning(waits.c.delivery)
_FEWER = (
    update(deliveries)
    .where(among(deliveries.c.key, "waiting"))
    .values(blockers=deliveries.c.blockers - bindparam("fewer"), next_at=bindparam("at"), changed=bindparam("at"))
    .returning(deliveries.c.output, deliveries.c.moving)
)
_PARTS = select(deliveries.c.output, deliveries.c.role, deliveries.c.state).where(among(deliveries.c.output, "ids"))
_ENDED = (
    select(outputs.c.id, outputs.c.ehr, outputs.c.model, outputs.c.version, outputs.c.kind, outputs.c.state)
    .where(among(outputs.c.id, "ids"))
    .order_by(outputs.c.id)
    .with_for_update()
)
_ALONE = select(outputs.c.id).where(among(outputs.c.id, "ids")).order_by(outputs.c.id).with_for_update()
_END = update(outputs).where(among(outputs.c.id, "ids")).values(state=bindparam("new_state"))
"""Statements made once: putting one together costs more than running it. Rows are found by key alone and their state is looked at
here: asked for a state, PostgreSQL reads its whole partial index, with all that moved on while somebody holds a snapshot."""


class Settled(Struct, frozen=True, kw_only=True, gc=False):
    """A claimed row's next state and the columns that go with it."""

    row: Claimed
    state: DeliveryState
    values: Mapping[str, Any] = {}
    losses: int = 0
    duplicates: int = 0


def record(
    connection: Connection, now: float, *, attempts: Sequence[Attempted], pace: Pace = PACE
) -> tuple[Change, ...]:  # fmt: skip
    """Writes down what became of the attempts; those whose lease is lost are left out. Returns what changed."""
    if not attempts:
        return ()
    note_health(connection, now, attempts, pace)
    note_attempts(connection, now, attempts)
    over = in_vain(connection, attempts, most=pace.resends)
    settled = settle(
        connection, now, [_settled(now, each, pace, in_vain=each.delivery.id in over) for each in attempts]
    )  # fmt: skip
    return (*settled, *kept_less(connection, now, attempts))


def _settled(now: float, attempt: Attempted, pace: Pace, *, in_vain: bool = False) -> Settled:
    """The row after its ending: another try is planned, or the retries are used up, or it was sent ``in_vain`` so often that a
    person has to look. What the EHR said last (202, 429) is remembered while it says nothing new: it decides how to go on."""
    row, ending = attempt.delivery, attempt.ending
    state = advance("leased", ending.event)
    silent = ending.status is None and state in ("ready", "in_doubt")
    values: dict[str, Any] = {"cause": ending.cause or None, **({} if silent else {"status": ending.status})}
    if state in ("ready", "in_doubt"):
        asked = parse_retry_after(ending.retry_after, now)
        at = next_attempt(now, row.attempt, policy=pace.retry, jitter=attempt.jitter, retry_after=asked)
        if at is None or in_vain:
            state = advance("leased", "exhausted")
            values |= {"cause": "sent_in_vain"} if in_vain else {}
        else:
            values["next_at"] = max(at, now + row.quarantine) if state == "in_doubt" else at
        values["doubtful"] = ending.event in ("lost", "undecided")
    elif state == "delivered":
        values |= _kept(row, ending)
    return Settled(
        row=row, state=state, values=values, duplicates=ending.duplicates,
        losses=len(ending.receipt.losses) if ending.receipt else 0,
    )  # fmt: skip


def _kept(row: Claimed, ending: Ending) -> dict[str, Any]:
    assert ending.receipt is not None
    losses = dict.fromkeys((*row.planned_losses, *ending.receipt.losses))
    return {
        "location": ending.receipt.location,
        "kept_version": ending.receipt.version,
        "losses": listed(list(losses)),
        "read_back": ending.read_back,
        "doubtful": False,
    }


def settle(connection: Connection, now: float, settled: Iterable[Settled]) -> tuple[Change, ...]:
    """Moves leased rows on, lets go what waited for them, and carries on to their outputs."""
    asked = {each.row.id: each for each in settled}
    held = _held(connection, asked)
    note_late(connection, now, [each.row for id, each in asked.items() if id not in held and each.state != "ready"])
    done = [asked[id] for id in sorted(held)]
    same: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for each in done:
        going = (each.row.id, now, each.state, each.state not in SETTLED, *each.values.values())
        same.setdefault(tuple(each.values), []).append(going)
    for names, rows in same.items():
        given = ("row", "at", "new_state", "new_moving", *(f"new_{name}" for name in names))
        connection.execute(_moved(names), [dict(zip(given, row, strict=True)) for row in rows])
    ended = [each.row for each in done if each.state in SETTLED]
    going_on = _let_go(connection, now, [row.key for row in ended])
    outcome = _derive(connection, {row.output for row in ended if row.output is not None} - going_on)
    edits = [each.row for each in done if each.row.strategy == "edit" and _ended_there(each)]
    return (*(_change(each) for each in done), *outcome, *edits_done(connection, now, edits))


def _ended_there(edit: Settled) -> bool:
    """The EHR has taken the edit, or has deleted what it was of."""
    return edit.state == "delivered" or edit.values.get("cause") == "gone"


def stop(connection: Connection, now: float, *, keys: Sequence[str], event: Event) -> tuple[Change, ...]:
    """What was never sent, and is not being sent, goes no further. Rows under way are left as they are."""
    state = advance("ready", event)
    mine = (deliveries.c.key.in_(list(keys)), deliveries.c.state == "ready")
    rows = connection.execute(
        update(deliveries).where(*mine).values(state=state, moving=False, cause=event, changed=now).returning(*_SAID)
    ).all()
    _let_go(connection, now, [row.key for row in rows])
    return (
        *(
            DeliveryChanged(
                delivery=row.key, output=row.output, ehr=row.ehr, resource_type=row.resource_type, model=row.model,
                version=row.version, before="ready", state=state, cause=event, attempt=row.attempt,
            )
            for row in rows
        ),
        *_derive(connection, {row.output for row in rows if row.output is not None}),
    )  # fmt: skip


_SAID = [
    deliveries.c[name] for name in ("key", "output", "ehr", "resource_type", "model", "version", "attempt")
]  # fmt: skip


@cache
def _moved(names: tuple[str, ...]) -> Any:
    """A leased row moves on, with these columns: made once."""
    return update(deliveries).where(deliveries.c.id == bindparam("row")).values(
        **{name: bindparam(f"new_{name}") for name in (*names, "state", "moving")},
        owner=null(), lease_until=null(), changed=bindparam("at"),
    )  # fmt: skip


def _held(connection: Connection, asked: Mapping[int, Settled]) -> set[int]:
    """Those whose lease still is the asker's, locked where there are others."""
    rows = connection.execute(_HELD, {"ids": tuple(asked)}) if asked else ()
    leased = ((row.id, asked[row.id].row, row) for row in rows if row.state == "leased")
    return {id for id, claimed, row in leased if (row.owner, row.attempt) == (claimed.owner, claimed.attempt)}


def _let_go(connection: Connection, now: float, keys: Sequence[str]) -> set[str | None]:
    """Each delivery that waited for one of these waits for one less; those that wait for nothing more are due now. Gives the
    outputs that cannot have ended: what waited and still moves is theirs, and nobody else's to move until the commit."""
    if not keys:
        return set()
    counts = Counter(connection.scalars(_GONE, {"keys": tuple(keys)}))
    going_on = set()
    for fewer in sorted(set(counts.values())):
        waiting = tuple(sorted(key for key, count in counts.items() if count == fewer))
        let_go = connection.execute(_FEWER, {"waiting": waiting, "fewer": fewer, "at": now})
        going_on |= {row.output for row in let_go if row.moving}
    return going_on


def _derive(connection: Connection, ids: Iterable[str]) -> list[Change]:
    """The outputs that these deliveries have brought to an end. Of two transactions that each settle a part of one the
    second waits for the first, or neither would see the other's part and the output would never end."""
    wanted = sorted(ids)
    if not wanted:
        return []
    if connection.dialect.name == "postgresql":  # SQLite has one writer
        connection.execute(_ALONE, {"ids": tuple(wanted)})
    parts: dict[str, list[Any]] = {id: [] for id in wanted}
    for part in connection.execute(_PARTS, {"ids": tuple(wanted)}):
        parts[part.output].append(part)
    ended = {id: _outcome(rows) for id, rows in parts.items()}
    over = tuple(id for id, state in ended.items() if state != "pending")
    found = connection.execute(_ENDED, {"ids": over}) if over else ()
    rows = [row for row in found if row.state == "pending"]
    for state in sorted({ended[row.id] for row in rows}):
        ids_of = tuple(row.id for row in rows if ended[row.id] == state)
        connection.execute(_END, {"ids": ids_of, "new_state": state})
    return [
        OutputChanged(
            output=row.id, ehr=row.ehr, model=row.model, version=row.version, kind=row.kind, before="pending",
            state=ended[row.id],
        )
        for row in rows
    ]  # fmt: skip


def _outcome(parts: Sequence[Any]) -> OutputState:
    primary: DeliveryState = next((part.state for part in parts if part.role == "primary"), "dead")
    return derive(primary, [part.state for part in parts if part.role != "primary"])


def _change(settled: Settled) -> DeliveryChanged:
    row = settled.row
    return DeliveryChanged(
        delivery=row.key, output=row.output, ehr=row.ehr, resource_type=row.type, model=row.model, version=row.version,
        before="leased", state=settled.state, cause=settled.values.get("cause") or "", attempt=row.attempt,
        losses=settled.losses, duplicates=settled.duplicates,
    )  # fmt: skip
