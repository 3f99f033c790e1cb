"""Edge: the steps of a recall, each one transaction that may be repeated: found, stopped or taken back, told.

Nothing that is being sent right now is touched: it is waited for, and taken back when it has arrived.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from vocabulary.write import Write
from writeback import keys
from writeback.afterwards.resending import resend
from writeback.changes import Change, DeliveryChanged, OutputChanged, WorklistLeft
from writeback.ledger.inserting import insert_once
from writeback.ledger.recall_tables import items, recalls
from writeback.ledger.settling import stop
from writeback.ledger.withdrawing import AFTERMATH, retract, withdraw
from writeback.outbox import BACKEND, Origin, enqueue
from writeback.recall import PAGE, Item, ItemState, Recall, list_items
from writeback.tables import deliveries, outputs

PLANNED = 5
"""Items that are dealt with in one transaction: planning an edit takes longer than finding a row."""
NEVER_THERE = ("rejected", "superseded", "expired", "retracted")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a resource's withdrawal needs: where it is, which version was written, whose it is, the key it carries."""

    item: Item
    location: str
    version: str | None = None
    patient: str | None = None


Decide = Callable[[Found], "Write | str | None"]
"""The write that withdraws it, why that cannot be (a stable word), or None while nobody knows."""


def collect(connection: Connection, now: float, *, recall: Recall) -> tuple[bool, tuple[Change, ...]]:
    """Looks through the next page of the ledger, in the order of outputs' ids. True when there may be more."""
    row = select(recalls.c.cursor).where(recalls.c.id == recall.id).with_for_update()
    cursor: str | None = connection.scalar(row)
    if cursor is None:
        return False, ()
    page = (
        select(outputs.c.id, outputs.c.model, outputs.c.version, outputs.c.state)
        .where(outputs.c.id > cursor)
        .order_by(outputs.c.id)
        .limit(PAGE)
    )
    rows = connection.execute(page).all()
    mine = [row for row in rows if (row.model, row.version) == (recall.model, recall.version)]
    _list(connection, now, recall, [row.id for row in mine])
    waiting = [row.id for row in mine if row.state in ("awaiting_confirmation", "not_writable")]
    following = rows[-1].id if len(rows) == PAGE else None
    connection.execute(update(recalls).where(recalls.c.id == recall.id).values(cursor=following, changed=now))
    unsent = retract(connection, waiting)
    for change in unsent:
        _note_unsent(connection, now, recall, change)
    return following is not None, tuple(unsent)


def _note_unsent(connection: Connection, now: float, recall: Recall, change: OutputChanged) -> None:
    """An output of which nothing was sent, or could be, counts among what was stopped: there is no resource of it."""
    row = {
        "recall": recall.id, "key": change.output, "ehr": change.ehr, "resource_type": "", "location": None,
        "output": change.output, "source": "ledger", "state": "stopped", "cause": change.before, "edit": None,
        "since": now, "changed": now,
    }  # fmt: skip
    insert_once(connection, items, row)


def _list(connection: Connection, now: float, recall: Recall, ids: Sequence[str]) -> None:
    parts = select(deliveries).where(deliveries.c.output.in_(list(ids)), deliveries.c.role.not_in(AFTERMATH))
    for part in connection.execute(parts.order_by(deliveries.c.id)).all() if ids else ():
        add(connection, now, recall, key=part.key, ehr=part.ehr, type=part.resource_type, location=part.location,
            output=part.output)  # fmt: skip


def add(
    connection: Connection, now: float, recall: Recall, *, key: str, ehr: str, type: str, location: str | None,
    output: str | None, source: str = "ledger",
) -> bool:  # fmt: skip
    """One more resource that the recall concerns; False when it is known."""
    row = {
        "recall": recall.id, "key": key, "ehr": ehr, "resource_type": type, "location": location, "output": output,
        "source": source, "state": "waiting", "cause": None, "edit": None, "since": now, "changed": now,
    }  # fmt: skip
    return insert_once(connection, items, row)


def list_shared(connection: Connection, now: float, *, recall: Recall, ehr: str) -> tuple[Change, ...]:
    """The Device that stands for the version at this EHR is retired too; a model card that was not sent stays here."""
    device, card = (
        keys.shared_key(ehr=ehr, model=recall.model, version=recall.version, role=role)
        for role in (keys.DEVICE, keys.CARD)
    )
    row = connection.execute(select(deliveries).where(deliveries.c.key == device)).one_or_none()
    if row is not None:
        add(connection, now, recall, key=device, ehr=ehr, type=row.resource_type, location=row.location, output=None)
    return stop(connection, now, keys=[card], event="recalled")


def adopt(
    connection: Connection, now: float, *, recall: Recall, ehr: str, found: Mapping[str, str | None]
) -> list[str]:  # fmt: skip
    """What the EHR has of this version: ``Type/id`` → the delivery key that it carries. Adds what the ledger does not
    know; returns where that is."""
    known = set(
        connection.scalars(select(deliveries.c.key).where(deliveries.c.key.in_([k for k in found.values() if k])))
    )
    places = (items.c.recall == recall.id, items.c.ehr == ehr, items.c.location.in_(list(found)))
    listed = set(connection.scalars(select(items.c.location).where(*places)))
    new = {location: key for location, key in found.items() if key not in known and location not in listed}
    for location, key in new.items():
        name = key or keys.edit_key(ehr=ehr, location=location, cause="found")
        type = location.partition("/")[0]
        add(connection, now, recall, key=name, ehr=ehr, type=type, location=location, output=None, source="ehr")
    return list(new)


def note_ehr(connection: Connection, now: float, *, recall: Recall, ehr: str, word: str) -> None:
    """An EHR has been searched (``searched``), or does not offer the searches that it takes (``cannot``)."""
    row = connection.execute(select(recalls.c.ehrs).where(recalls.c.id == recall.id).with_for_update()).one()
    ehrs = {**json.loads(row.ehrs), ehr: word}  # not FHIR: our own words
    connection.execute(update(recalls).where(recalls.c.id == recall.id).values(ehrs=json.dumps(ehrs), changed=now))


def resolve(
    connection: Connection, now: float, *, recall: Recall, after: int, decide: Decide, away: Collection[str] = ()
) -> tuple[int | None, tuple[Change, ...]]:
    """Deals with the next page of waiting items, but for EHRs that are ``away``. Returns where it ended (None at the
    end) and what changed."""
    page = list_items(connection, now, recall.id, states=["waiting"], after=after, without=away, limit=PLANNED)
    parts = {
        row.key: row
        for row in connection.execute(select(deliveries).where(deliveries.c.key.in_([i.key for i in page])))
    }
    patients = _patients(connection, [item.output for item in page if item.output])
    changes: list[Change] = []
    for item in page:
        row, patient = parts.get(item.key), patients.get(item.output or "")
        changes += _resolve(connection, now, recall, item, row, patient, decide)
    return (page[-1].id if len(page) == PLANNED else None), tuple(changes)


def _patients(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    query = select(outputs.c.id, outputs.c.patient).where(outputs.c.id.in_(list(ids)))
    return {row.id: row.patient for row in connection.execute(query)} if ids else {}


def _resolve(
    connection: Connection, now: float, recall: Recall, item: Item, row: Any, patient: str | None, decide: Decide
) -> Sequence[Change]:
    """One item, by what its delivery has come to."""
    if row is None or row.state == "delivered":
        location = item.location if row is None else row.location
        assert location is not None
        found = Found(item=item, location=location, version=row.kept_version if row else None, patient=patient)
        _withdraw(connection, now, recall, found, decide(found))
        return ()
    if row.state == "ready":
        own = select(deliveries.c.key).where(deliveries.c.output == row.output, deliveries.c.state == "ready")
        stopped = [row.key] if row.output is None else list(connection.scalars(own))
        changes = stop(connection, now, keys=stopped, event="recalled")
        if any(isinstance(each, DeliveryChanged) and each.delivery == row.key for each in changes):
            move(connection, now, item, "stopped", cause="never_sent")  # else a worker has just taken it
        return changes
    if row.state == "dead" and row.doubtful:
        move(connection, now, item, "worklist", cause="in_doubt")
    elif row.state in (*NEVER_THERE, "dead"):
        move(connection, now, item, "stopped", cause=row.state)
        return retract(connection, [row.output] if row.output else [])
    elif row.state == "in_doubt":
        _only_look(connection, row.key)
    return ()  # it is being sent, or looked for: its end is waited for


def _only_look(connection: Connection, key: str) -> None:
    """What may be at the EHR already is looked for; where it is not, its time is over, and it is not sent again."""
    mine = (deliveries.c.key == key, deliveries.c.state == "in_doubt")
    connection.execute(update(deliveries).where(*mine).values(valid_until=0.0))


def _withdraw(connection: Connection, now: float, recall: Recall, found: Found, decided: Write | str | None) -> None:
    item = found.item
    if isinstance(decided, str):
        move(connection, now, item, "worklist", cause=decided, location=found.location)
    elif decided is not None:
        origin = Origin(output=item.output, model=recall.model, version=recall.version, principal=BACKEND)
        enqueue(connection, now, write=decided, origin=origin)
        move(connection, now, item, "retracting", location=found.location, edit=decided.own[0].key)


def move(
    connection: Connection, now: float, item: Item, state: ItemState, *, cause: str | None = None, **more: Any
) -> None:
    """An item goes on."""
    connection.execute(update(items).where(items.c.id == item.id).values(state=state, cause=cause, changed=now, **more))


def conclude(connection: Connection, now: float, *, recall: Recall) -> tuple[bool, tuple[Change, ...]]:
    """Tells what has become of a page of the edits on their way. True when there may be more."""
    joined = (
        select(items, deliveries.c.state.label("came_to"), deliveries.c.cause.label("because"))
        .join(deliveries, deliveries.c.key == items.c.edit)
        .where(items.c.recall == recall.id, items.c.state.in_(("retracting", "worklist")))
        .where(deliveries.c.state.in_(("delivered", "rejected", "dead", "expired")))
        .where((items.c.state == "retracting") | (deliveries.c.state == "delivered"))
        .order_by(items.c.id)
        .limit(PAGE)
    )
    rows = connection.execute(joined).all()
    over = [row for row in rows if row.came_to == "delivered" or row.because == "gone"]
    for state, came_to in (("retracted", "delivered"), ("gone", "gone"), ("worklist", "left")):
        some = [row for row in rows if _came_to(row) == came_to]
        for cause in {None if state == "retracted" else row.because for row in some}:
            ids = [row.id for row in some if state == "retracted" or row.because == cause]
            values = {"state": state, "cause": cause, "changed": now}
            connection.execute(update(items).where(items.c.id.in_(ids)).values(values))
    changes = withdraw(connection, now, keys=[row.key for row in over], ids=[row.output for row in over if row.output])
    return len(rows) == PAGE, tuple(changes)


def _came_to(row: Any) -> str:
    return "delivered" if row.came_to == "delivered" else "gone" if row.because == "gone" else "left"


def note_seen(
    connection: Connection, now: float, *, item: Item, state: Literal["retracted", "gone"]
) -> tuple[None, tuple[Change, ...]]:  # fmt: skip
    """A person has done at the EHR what only a person could do there: it was seen."""
    move(connection, now, item, state, cause="done_there" if state == "retracted" else "gone")
    return None, tuple(withdraw(connection, now, keys=[item.key], ids=[item.output] if item.output else []))


def try_again(connection: Connection, now: float, *, item: Item) -> tuple[None, tuple[Change, ...]]:
    """An edit that the EHR has refused is sent once more: it reads first, and may be taken by now."""
    done = resend(connection, now, key=item.edit) if item.edit is not None else "unknown"
    if isinstance(done, str):
        return None, ()
    move(connection, now, item, "retracting")
    return None, done


def finish(
    connection: Connection, now: float, *, recall: Recall, ehrs: Sequence[str]
) -> tuple[bool, tuple[WorklistLeft, ...]]:  # fmt: skip
    """The recall is done when everything was looked through and nothing is on its way. What stands then is for people, who
    are told."""
    row = connection.execute(select(recalls).where(recalls.c.id == recall.id).with_for_update()).one()
    searched = set(json.loads(row.ehrs))  # not FHIR: our own words
    if row.cursor is not None or set(ehrs) - searched:
        return False, ()
    if list_items(connection, now, recall.id, states=("waiting", "retracting"), limit=1):
        return False, ()
    connection.execute(update(recalls).where(recalls.c.id == recall.id).values(state="done", changed=now))
    mine = (items.c.recall == recall.id, items.c.state == "worklist")
    rows = connection.execute(select(items.c.ehr, func.count().label("left")).where(*mine).group_by(items.c.ehr))
    return True, tuple(
        WorklistLeft(ehr=row.ehr, model=recall.model, version=recall.version, left=row.left)
        for row in sorted(rows, key=lambda row: row.ehr)
    )
