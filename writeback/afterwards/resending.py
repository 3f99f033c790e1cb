"""Edge: a dead letter is sent again by a person, as the EHR takes it now.

What may be at the EHR already is looked up the way it was sent; everything else is planned anew from the output. A
dead letter whose output is out of date, has been overtaken, or is of a recalled version stays dead; one of these that may
be there is looked up and no more.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from vocabulary.write import Planned, Write
from writeback.changes import Change, OutputChanged
from writeback.ledger.attempts import note
from writeback.outbox import Origin, enqueue, lane_of, listed, open_needs
from writeback.planning import check
from writeback.recall import hold, recalled
from writeback.states import advance
from writeback.tables import DEAD, bodies, deliveries, outputs, waits

Refusal = Literal["unknown", "not_dead", "recalled", "too_old", "overtaken", "not_taken"]
AFTER = ("edit", "trail")


def resend(
    connection: Connection, now: float, *, key: str, write: Write | None = None
) -> tuple[Change, ...] | Refusal:  # fmt: skip
    """Sends one dead delivery again, and what had to be left because of it. ``write`` is what would be sent of its
    output now; None sends what was to be sent then."""
    row = connection.execute(select(deliveries).where(deliveries.c.key == key).with_for_update()).one_or_none()
    if row is None:
        return "unknown"
    if row.state not in ("rejected", "dead"):
        return "not_dead"
    doubtful = row.state == "dead" and row.doubtful
    problem = _problem(connection, now, row, doubtful=doubtful)
    if problem is not None:
        return problem
    part = _part(write, key) if write is not None and not doubtful else None
    if write is not None and not doubtful and part is None:
        return "not_taken"
    if write is not None and not doubtful and row.output is not None:
        _add(connection, now, row, Write(ehr=write.ehr, own=(), shared=write.shared))
    _again(connection, now, row, part, event="reexamined" if doubtful else "resent")
    if write is not None and not doubtful and row.output is not None:
        _add(connection, now, row, Write(ehr=write.ehr, own=_missing(connection, write)))
    for follower in _orphans(connection, row):
        _again(connection, now, follower, _part(write, follower.key) if write else None, event="resent")
    return _reopened(connection, row.output)


def _problem(connection: Connection, now: float, row: Any, *, doubtful: bool) -> Refusal | None:
    if row.role in AFTER:
        return None
    hold(connection, row.model, row.version)
    if recalled(connection, row.model, row.version):
        return None if doubtful else "recalled"
    if doubtful or row.output is None or _tells_of_what_is_there(connection, row):
        return None
    if row.valid_until is not None and row.valid_until < now:
        return "too_old"
    said = connection.execute(select(outputs).where(outputs.c.id == row.output)).one()
    return "overtaken" if overtaken(connection, said) else None


def _tells_of_what_is_there(connection: Connection, row: Any) -> bool:
    """A Provenance whose output's own resource is in the chart: it grows no older, and nothing overtakes it."""
    primary = (deliveries.c.output == row.output, deliveries.c.role == "primary", deliveries.c.state == "delivered")
    return row.role == "provenance" and connection.scalar(select(deliveries.c.id).where(*primary)) is not None


def overtaken(connection: Connection, said: Any) -> bool:
    """Whether a newer output of the same model and patient was accepted."""
    newest = connection.scalar(
        select(func.max(outputs.c.as_of)).where(
            outputs.c.ehr == said.ehr, outputs.c.patient == said.patient, outputs.c.model == said.model,
            outputs.c.state.not_in(("refused", "retracted")),
        )
    )  # fmt: skip
    return newest is not None and said.as_of < newest


def _part(write: Write | None, key: str) -> Planned | None:
    parts = (*write.own, *write.shared) if write is not None else ()
    return next((part for part in parts if part.key == key), None)


def _again(
    connection: Connection, now: float, row: Any, part: Planned | None, *, event: Literal["resent", "reexamined"]
) -> None:  # fmt: skip
    """The row as new, with the body and the manner of the present plan where there is one."""
    needs: Sequence[str] = part.needs if part is not None else json.loads(row.needs)  # not FHIR: delivery keys
    open_ = sorted(set(open_needs(connection, needs)) - {row.key})
    values: dict[str, Any] = {
        "state": advance(row.state, event), "attempt": 0, "next_at": now, "cause": None, "status": None, "owner": None,
        "blockers": len(open_), "changed": now, "moving": True,
    }  # fmt: skip
    if row.lane is None and row.output is not None and row.role not in AFTER:
        values["lane"] = _lane(connection, row.output)  # what waited for it has gone: it stands in its lane by itself
    if event == "reexamined" and recalled(connection, row.model, row.version):
        values["valid_until"] = 0.0  # it is looked up, and not sent where it is not there
    if part is not None:
        values |= {
            "strategy": part.strategy, "fhir_id": part.id,
            "needs": listed(part.needs), "losses": listed(part.losses), "quarantine": part.quarantine,
        }  # fmt: skip
        body = part.encoded or check(part).encoded
        connection.execute(update(bodies).where(bodies.c.delivery == row.id).values(body=body))
    connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(values))
    if open_:
        connection.execute(insert(waits), [{"delivery": row.key, "needed": needed} for needed in open_])
    note(connection, now, key=row.key, attempt=row.attempt, event=event)


def _lane(connection: Connection, id: str) -> str:
    said = connection.execute(select(outputs.c.ehr, outputs.c.patient, outputs.c.model).where(outputs.c.id == id)).one()
    return lane_of(ehr=said.ehr, patient=said.patient, model=said.model)


def _missing(connection: Connection, write: Write) -> tuple[Planned, ...]:
    """What the EHR takes of the output by now, and did not take then."""
    asked = [part.key for part in write.own]
    there = set(connection.scalars(select(deliveries.c.key).where(deliveries.c.key.in_(asked))))
    return tuple(part for part in write.own if part.key not in there)


def _add(connection: Connection, now: float, row: Any, write: Write) -> None:
    origin = Origin(
        output=row.output, model=row.model, version=row.version, principal=row.principal, valid_until=row.valid_until
    )
    enqueue(connection, now, write=write, origin=origin)


def _orphans(connection: Connection, row: Any) -> Sequence[Any]:
    """Deliveries that had nothing to refer to because this one was dead."""
    if row.role in ("provenance", "trail") or (row.output is None and row.role != "edit"):
        return ()
    mine = (deliveries.c.role == "provenance", deliveries.c.output == row.output)
    if row.role == "edit":  # its own Provenance, and not that of another change of the same output
        mine = (deliveries.c.role == "trail", deliveries.c.needs.contains(row.key))
    orphaned = (DEAD, deliveries.c.state == "dead", deliveries.c.cause == "target_missing")
    return connection.execute(select(deliveries).where(*orphaned, *mine)).all()


def _reopened(connection: Connection, id: str | None) -> tuple[Change, ...]:
    """An output that had failed is on its way again."""
    mine = (outputs.c.id == id, outputs.c.state == "failed")
    rows = connection.execute(update(outputs).where(*mine).values(state="pending").returning(outputs)).all()
    return tuple(
        OutputChanged(
            output=row.id, ehr=row.ehr, model=row.model, version=row.version, kind=row.kind, before="failed",
            state="pending",
        )
        for row in rows
    )  # fmt: skip


def send_unwritable(connection: Connection, now: float, *, id: str, write: Write) -> tuple[Change, ...] | Refusal:
    """An output for which nothing fitted the EHR is enqueued, now that something does."""
    said = connection.execute(select(outputs).where(outputs.c.id == id).with_for_update()).one_or_none()
    if said is None:
        return "unknown"
    hold(connection, said.model, said.version)
    if said.state != "not_writable":
        return "not_dead"
    if recalled(connection, said.model, said.version):
        return "recalled"
    if said.valid_until < now:
        return "too_old"
    if overtaken(connection, said):
        return "overtaken"
    values = {"state": "pending", "reason": None, "losses": listed(write.losses)}
    connection.execute(update(outputs).where(outputs.c.id == id).values(values))
    lane = lane_of(ehr=said.ehr, patient=said.patient, model=said.model)
    origin = Origin(
        output=id, model=said.model, version=said.version, principal=said.principal, lane=lane,
        valid_until=said.valid_until,
    )  # fmt: skip
    enqueue(connection, now, write=write, origin=origin)
    return (
        OutputChanged(
            output=id, ehr=said.ehr, model=said.model, version=said.version, kind=said.kind, before="not_writable",
            state="pending",
        ),
    )  # fmt: skip
