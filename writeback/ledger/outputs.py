"""Edge: outputs as rows: accepted, decided by a person, expired, listed and shown (product.md §6)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from r4 import codec
from vocabulary.output import Output, OutputState
from vocabulary.write import NotWritable, Write
from writeback.changes import Change, OutputChanged
from writeback.gate import Admitted
from writeback.ledger.accepting import Submission, accept
from writeback.ledger.formats import parse_admission, parse_output
from writeback.ledger.overtaking import overtake_waiting
from writeback.ledger.repeats import (
    Accepted,
    Conflict,
    Idempotency,
    digest_of,
    find_repeat,
    fingerprint,
    forget,
)
from writeback.outbox import Origin, enqueue, lane_of
from writeback.recall import hold, recalled
from writeback.tables import AWAITING, PENDING, TAKEN, deliveries, outputs

__all__ = [
    "Accepted", "Conflict", "Idempotency", "Stored", "Submission", "accept", "confirm", "count_moving", "decline",
    "digest_of",
    "expire_waiting", "find_bodies", "find_output", "find_repeat", "fingerprint", "forget", "list_outputs", "show_accepted",
    "show_output",
    "state_of",
]  # fmt: skip

CHUNK = 500
EDITS = ("edit", "trail")
"""Roles of what changed a resource after it was written."""
_ONE = select(outputs).where(outputs.c.id == bindparam("id"))
_PARTS = (
    select(*(column for column in deliveries.c if column.name != "needs"))
    .where(deliveries.c.output.in_(bindparam("ids", expanding=True)))
    .order_by(deliveries.c.id)
)
"""Made once: putting a statement together costs more than running it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """An output as it was recorded, for those who decide about it. ``admitted`` is None for a refused one."""

    id: str
    output: Output
    state: OutputState
    principal: str
    submitter: str
    valid_until: float
    admitted: Admitted | None
    decided_by: str | None = None
    decided_at: float | None = None


def find_output(connection: Connection, now: float, id: str) -> Stored | None:
    """The output of that id, or None."""
    row = connection.execute(select(outputs).where(outputs.c.id == id)).one_or_none()
    if row is None:
        return None
    return Stored(
        id=row.id, output=parse_output(row.body), state=row.state, principal=row.principal, submitter=row.submitter,
        valid_until=row.valid_until, decided_by=row.decided_by, decided_at=row.decided_at,
        admitted=parse_admission(json.loads(row.admission)) if row.admission else None,  # not FHIR: our own notes
    )  # fmt: skip


def confirm(
    connection: Connection, now: float, *, stored: Stored, by: str, reason: str | None, principal: str,
    write: Write | NotWritable,
) -> tuple[OutputChanged, ...]:  # fmt: skip
    """A clinician (``by``, a reference) accepts an output that waits: it is enqueued as ``principal``, the launch of
    who confirms, and older ones that wait are superseded. Nothing when it does not wait any more: decided, superseded, or
    past its time."""
    state: OutputState = "pending" if isinstance(write, Write) else "not_writable"
    values = {
        "state": state, "decided_by": by, "decided_at": now, "principal": principal,
        "reason": write.reason if isinstance(write, NotWritable) else reason,
        "losses": json.dumps(write.losses if isinstance(write, Write) else ()),
    }  # fmt: skip
    output = stored.output
    hold(connection, output.model, output.version)
    if recalled(connection, output.model, output.version) or not _decide(connection, stored.id, now, values):
        return ()
    overtaken: tuple[OutputChanged, ...] = ()
    if isinstance(write, Write):
        lane = lane_of(ehr=output.ehr, patient=output.patient, model=output.model)
        origin = Origin(
            output=stored.id, model=output.model, version=output.version, principal=principal, lane=lane,
            valid_until=stored.valid_until,
        )  # fmt: skip
        enqueue(connection, now, write=write, origin=origin)
        overtaken = overtake_waiting(connection, output=output)
    return (_changed(stored, state), *overtaken)


def decline(
    connection: Connection, now: float, *, stored: Stored, by: str, reason: str | None
) -> tuple[OutputChanged, ...]:  # fmt: skip
    """A clinician rejects an output that waits: it is never written. Nothing when it does not wait any more."""
    values = {"state": "declined", "decided_by": by, "decided_at": now, "reason": reason}
    return (_changed(stored, "declined"),) if _decide(connection, stored.id, now, values) else ()


def note_decision(connection: Connection, now: float, *, id: str, by: str) -> None:
    """A clinician (``by``, a reference) has accepted what stands in the chart already."""
    connection.execute(update(outputs).where(outputs.c.id == id).values(decided_by=by, decided_at=now))


def _decide(connection: Connection, id: str, now: float, values: Mapping[str, Any]) -> bool:
    """One conditional update: of two decisions at once, one is made."""
    waiting = (outputs.c.id == id, AWAITING, outputs.c.valid_until >= now)
    return connection.execute(update(outputs).where(*waiting).values(values)).rowcount == 1


def _changed(stored: Stored, state: OutputState) -> OutputChanged:
    output = stored.output
    return OutputChanged(
        output=stored.id, ehr=output.ehr, model=output.model, version=output.version, kind=output.kind,
        before=stored.state, state=state,
    )  # fmt: skip


def expire_waiting(connection: Connection, now: float) -> tuple[Change, ...]:
    """Outputs that waited for a person longer than they are valid."""
    rows = connection.execute(
        update(outputs).where(AWAITING, outputs.c.valid_until < now).values(state="expired").returning(outputs)
    )
    return tuple(
        OutputChanged(
            output=row.id, ehr=row.ehr, model=row.model, version=row.version, kind=row.kind,
            before="awaiting_confirmation", state="expired",
        )
        for row in rows
    )  # fmt: skip


def count_moving(connection: Connection, now: float) -> int:
    """Outputs that are on their way."""
    return int(connection.scalar(select(func.count()).select_from(outputs).where(PENDING)) or 0)


def list_outputs(
    connection: Connection, now: float, *, limit: int = 100, patient: str | None = None, ehr: str | None = None,
    state: OutputState | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The newest outputs, each as ``show_output`` gives it."""
    query = select(outputs).order_by(outputs.c.since.desc(), outputs.c.id)
    for column, wanted in ((outputs.c.patient, patient), (outputs.c.ehr, ehr), (outputs.c.state, state)):
        query = query if wanted is None else query.where(column == wanted)
    return shown(connection, connection.execute(query.limit(limit)).all())


def show_output(connection: Connection, now: float, id: str) -> dict[str, Any] | None:
    """The body of ``GET /api/outputs/{id}``, or None."""
    found = shown(connection, connection.execute(_ONE, {"id": id}).all())
    return found[0] if found else None


def show_accepted(connection: Connection, now: float, accepted: Accepted) -> dict[str, Any]:
    """What ``show_output`` says of it, in the transaction that accepts it: a new one is shown as it was written."""
    if not accepted.new:
        return show_output(connection, now, accepted.id) or {}
    parts = [
        {
            "delivery": part.key, "resource_type": part.type, "id": None, "version": None, "state": "ready",
            "attempts": 0, "losses": list(part.losses), "read_back": False,
        }
        for part in accepted.sent
    ]  # fmt: skip
    return _output(SimpleNamespace(decided_by=None, **accepted.row), accepted.said, parts)


def shown(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Rows of ``outputs`` as ``show_output`` gives them."""
    parts: dict[str, list[dict[str, Any]]] = {row.id: [] for row in rows}
    edits: dict[str, list[dict[str, Any]]] = {row.id: [] for row in rows}
    for part in _deliveries(connection, list(parts)):
        (edits if part.role in EDITS else parts)[part.output].append(_delivery(part))
    return [_output(row, _said(row), parts[row.id], edits[row.id]) for row in rows]


def _said(row: Row[Any]) -> dict[str, Any]:
    """The body, and what was decided about it."""
    return {
        **codec.parse(row.body),
        "refusal": json.loads(row.refusal) if row.refusal else None,  # not FHIR: why, in our words
        "verdict": json.loads(row.verdict) if row.verdict else None,  # not FHIR: fitness and findings
        "losses": json.loads(row.losses),  # not FHIR: a list of paths
    }


def _deliveries(connection: Connection, ids: Sequence[str]) -> Iterable[Row[Any]]:
    for start in range(0, len(ids), CHUNK):
        yield from connection.execute(_PARTS, {"ids": list(ids[start : start + CHUNK])})


def _output(
    row: Any, said: Mapping[str, Any], parts: list[dict[str, Any]], edits: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": row.id, "model": row.model, "version": row.version, "ehr": row.ehr, "patient": row.patient,
        "encounter": said["encounter"], "kind": row.kind, "inference_id": row.inference_id, "as_of": said["as_of"],
        "state": row.state, "refusal": said["refusal"], "verdict": said["verdict"], "abstained": said["abstained"],
        "reason": row.reason, "decided_by": row.decided_by, "losses": [*said["losses"], *_undelivered(parts)],
        "deliveries": parts, "edits": list(edits), "withheld": _withheld(row.withheld),
    }  # fmt: skip


def _withheld(body: bytes | None) -> list[str]:
    """The types of what a shadow output would have sent."""
    return [resource["resourceType"] for resource in codec.parse(body)] if body else []


def _undelivered(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Types of what the EHR refused or never took, beside the output's own resource: lost, whatever was planned."""
    return list(dict.fromkeys(part["resource_type"] for part in parts if part["state"] in ("rejected", "dead")))


def _delivery(row: Row[Any]) -> dict[str, Any]:
    where: str | None = row.location
    return {
        "delivery": row.key, "resource_type": row.resource_type, "id": where.partition("/")[2] if where else None,
        "version": row.kept_version, "state": row.state, "attempts": row.attempt,
        "losses": json.loads(row.losses), "read_back": row.read_back,  # not FHIR: a list of paths
    }  # fmt: skip


def find_causes(connection: Connection, now: float, keys: Sequence[str]) -> dict[str, str]:
    """What became of these deliveries, by key, where a word says it."""
    query = select(deliveries.c.key, deliveries.c.cause).where(deliveries.c.key.in_(list(keys)[:CHUNK]))
    return {row.key: row.cause for row in connection.execute(query) if row.cause} if keys else {}


def find_withheld(connection: Connection, now: float, id: str) -> list[dict[str, Any]]:
    """The resources that a shadow output would have sent: for those who may see the patient."""
    body = connection.scalar(select(outputs.c.withheld).where(outputs.c.id == id))
    return list(codec.parse(body)) if body else []


def find_bodies(connection: Connection, now: float, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What these outputs say, as submitted, by id: for the pages of those who may see the patient."""
    query = select(outputs.c.id, outputs.c.body).where(outputs.c.id.in_(list(ids)[:CHUNK]))
    return {row.id: codec.parse(row.body) for row in connection.execute(query)}


def state_of(connection: Connection, now: float, output: Output) -> OutputState | None:
    """The state of what stands under this output's inference id, or None; a refusal does not stand there."""
    return connection.scalar(
        select(outputs.c.state).where(
            outputs.c.ehr == output.ehr, outputs.c.model == output.model, outputs.c.version == output.version,
            outputs.c.patient == output.patient, outputs.c.inference_id == output.inference_id, TAKEN,
        )
    )  # fmt: skip
