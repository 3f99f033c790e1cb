"""Edge: what waited and was overtaken. After an outage an older output of the same model and patient is not sent when a newer
one has been, or will be (reference/reliability-performance.md R10); what a clinician confirmed always is. What still waits for
a clinician is superseded as soon as a newer output is on its way: nobody confirms what the chart has newer already.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, exists, select, update

from vocabulary.output import Output
from writeback.changes import Change, OutputChanged
from writeback.ledger.among import among
from writeback.ledger.settling import Settled, settle, stop
from writeback.speaking.claims import Claimed
from writeback.tables import AWAITING, deliveries, outputs

PATIENCE = 300.0
"""Seconds that an output waits before a newer one takes its place: while an EHR answers, each is sent in its order."""
NEWER = ("pending", "delivered")

_part, _newer = deliveries.alias("part"), outputs.alias("newer")
_OVERTAKEN = (
    select(deliveries.c.id, deliveries.c.output)
    .join(outputs, outputs.c.id == deliveries.c.output)
    .where(
        among(deliveries.c.id, "ids"), deliveries.c.role == "primary", outputs.c.decided_by.is_(None),
        deliveries.c.since < bindparam("before"),
        exists().where(
            _newer.c.ehr == outputs.c.ehr, _newer.c.patient == outputs.c.patient, _newer.c.model == outputs.c.model,
            _newer.c.as_of > outputs.c.as_of, _newer.c.state.in_(NEWER),
        ),
        ~exists().where(
            _part.c.output == deliveries.c.output, _part.c.id != deliveries.c.id, _part.c.state != "ready"
        ),
    )
)  # fmt: skip
"""Made once. Nothing of the output may be at the EHR, or be on its way there."""
_PARTS = select(deliveries.c.key).where(among(deliveries.c.output, "outputs"), deliveries.c.state == "ready")

_LEAVE_WAITING = (
    update(outputs)
    .where(
        AWAITING, outputs.c.ehr == bindparam("of_ehr"), outputs.c.patient == bindparam("of_patient"),
        outputs.c.model == bindparam("of_model"), outputs.c.as_of < bindparam("at"),
    )
    .values(state="superseded")
    .returning(outputs.c.id, outputs.c.version, outputs.c.kind)
)  # fmt: skip


def overtake_waiting(connection: Connection, *, output: Output) -> tuple[OutputChanged, ...]:
    """Older outputs of the same model and patient that still wait for a person, as ``output`` is on its way to the chart."""
    asked = {"of_ehr": output.ehr, "of_patient": output.patient, "of_model": output.model, "at": output.as_of}
    return tuple(
        OutputChanged(
            output=row.id, ehr=output.ehr, model=output.model, version=row.version, kind=row.kind,
            before="awaiting_confirmation", state="superseded",
        )
        for row in connection.execute(_LEAVE_WAITING, asked)
    )  # fmt: skip


def overtake(connection: Connection, now: float, rows: Sequence[Claimed]) -> tuple[frozenset[int], tuple[Change, ...]]:
    """Of rows that were just claimed those that are not sent any more (their numbers), with what changed."""
    aged = tuple(row.id for row in rows if row.since < now - PATIENCE and not row.doubtful and row.output is not None)
    found = connection.execute(_OVERTAKEN, {"ids": aged, "before": now - PATIENCE}).all() if aged else []
    if not found:
        return frozenset(), ()
    ids = frozenset(row.id for row in found)
    settled = [Settled(row=row, state="superseded", values={"cause": "superseded"}) for row in rows if row.id in ids]
    changes = settle(connection, now, settled)
    parts = connection.scalars(_PARTS, {"outputs": tuple(row.output for row in found)}).all()
    return ids, (*changes, *stop(connection, now, keys=parts, event="superseded"))
