"""Edge: what an output that comes in finds in the database, by one statement: the newest of its model and patient, whether one
waits for a person, a recall of its version, the end of its lane, and how far what it shares with others is.
"""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, or_, select

from vocabulary.output import Output
from vocabulary.write import NotWritable, Write
from writeback.outbox import TAIL, Found, lane_of
from writeback.recall import STANDS
from writeback.tables import AWAITING, deliveries, outputs

_NEWEST = (
    select(outputs.c.as_of)
    .where(
        outputs.c.ehr == bindparam("ehr"), outputs.c.patient == bindparam("patient"),
        outputs.c.model == bindparam("model"), outputs.c.state != "refused",
    )
    .order_by(outputs.c.as_of.desc())
    .limit(1)
)  # fmt: skip
_NEWEST_OF_OWN = _NEWEST.where(outputs.c.version == bindparam("version"))
_NEWEST_WRITTEN = _NEWEST.where(
    or_(outputs.c.version == bindparam("version"), outputs.c.state.not_in(("shadow", "abstained")))
)
"""A version in shadow stands beside the one that writes: neither makes the other's outputs old."""
_WAITING = (
    select(outputs.c.id)
    .where(
        AWAITING, outputs.c.ehr == bindparam("ehr"), outputs.c.patient == bindparam("patient"),
        outputs.c.model == bindparam("model"),
    )
    .limit(1)
)  # fmt: skip
SHARED = ("first", "second")
"""The outputs of a model version share a Device and a card, at most."""


def _state_of(name: str) -> Any:
    state = select(deliveries.c.state).where(deliveries.c.key == bindparam(name))
    return state.scalar_subquery().label(f"state_of_{name}")


def _sight(newest: Select[Any]) -> Select[Any]:
    parts = {"newest": newest, "waiting": _WAITING, "recall": STANDS, "tail": TAIL}
    return select(*(part.scalar_subquery().label(name) for name, part in parts.items()), *map(_state_of, SHARED))


_OF_OWN, _OF_WRITTEN = _sight(_NEWEST_OF_OWN), _sight(_NEWEST_WRITTEN)
"""Made once: putting a statement together costs more than running it."""


class Seen(Struct, frozen=True, kw_only=True):
    """``newest`` is the time of the newest output that this one stands behind; ``waiting`` whether one of its model and patient
    waits for a person; ``found`` what ``enqueue`` needs to know, None where it has to look itself."""

    lane: str
    newest: float | None
    waiting: bool
    recalled: bool
    found: Found | None


def look(connection: Connection, *, output: Output, write: Write | NotWritable | None, own: bool) -> Seen:
    """What stands there now. ``own`` says that only outputs of the same version count. What nobody else may change until the
    output is recorded has to be held already."""
    shared = [part.key for part in write.shared] if isinstance(write, Write) else []
    asked = dict(zip(SHARED, (*shared, "", ""), strict=False))
    lane = lane_of(ehr=output.ehr, patient=output.patient, model=output.model)
    row = connection.execute(_OF_OWN if own else _OF_WRITTEN, {**asked, **whose(output), "lane": lane}).one()
    states = zip(shared, (row.state_of_first, row.state_of_second), strict=False)
    found = Found(tail=row.tail, states={key: state for key, state in states if state is not None})
    return Seen(
        lane=lane, newest=row.newest, waiting=row.waiting is not None, recalled=row.recall is not None,
        found=found if len(shared) <= len(SHARED) else None,
    )  # fmt: skip


def whose(output: Output) -> dict[str, str]:
    """Model version, EHR and patient of an output, as parameters."""
    return {"ehr": output.ehr, "patient": output.patient, "model": output.model, "version": output.version}
