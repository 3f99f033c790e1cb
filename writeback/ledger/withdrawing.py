"""Edge: what has been taken back at the EHR is taken back in the ledger too, with the output that it said."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from r4 import codec
from vocabulary.output import OutputState
from writeback.amending import parse_edit
from writeback.changes import OutputChanged
from writeback.ledger.attempts import note
from writeback.speaking.claims import Claimed
from writeback.tables import deliveries, outputs

AFTERMATH = ("provenance", "edit", "trail", "card")
"""Roles that are a record of something and stay."""
TAKEN_BACK = ("cancelled", "entered-in-error")


def edits_done(connection: Connection, now: float, edits: Iterable[Claimed]) -> list[OutputChanged]:
    """Edits that the EHR has taken, or of what it has deleted: those that take something back do so here as well."""
    wanted = [(parse_edit(codec.parse(row.body)), row.output) for row in edits]
    gone = [(edit.key, output) for edit, output in wanted if edit.to in TAKEN_BACK and edit.key is not None]
    return withdraw(connection, now, keys=[key for key, _ in gone], ids=[id for _, id in gone if id]) if gone else []


def withdraw(
    connection: Connection, now: float, *, keys: Sequence[str], ids: Sequence[str]
) -> list[OutputChanged]:  # fmt: skip
    """The deliveries of these keys, of these outputs, stand no more. That they had arrived, and when, goes into their
    history."""
    mine = (deliveries.c.key.in_(list(keys)), deliveries.c.state == "delivered")
    rows = connection.execute(
        select(deliveries.c.key, deliveries.c.attempt, deliveries.c.status, deliveries.c.changed).where(*mine)
    ).all()
    for row in rows:
        note(connection, row.changed, key=row.key, attempt=row.attempt, event="kept", status=row.status)
    if rows:
        connection.execute(update(deliveries).where(*mine).values(state="retracted", changed=now))
    return retract(connection, ids)


def retract(connection: Connection, ids: Sequence[str]) -> list[OutputChanged]:
    """Outputs that are taken back, all of them: where another resource of one still stands, it stands."""
    befores: tuple[OutputState, ...] = ("awaiting_confirmation", "not_writable", "delivered", "failed")
    left = select(deliveries.c.output).where(
        deliveries.c.output.in_(list(ids)), deliveries.c.role.not_in(AFTERMATH), deliveries.c.state == "delivered"
    )
    mine = (outputs.c.id.in_(list(ids)), outputs.c.state.in_(befores), outputs.c.id.not_in(left))
    rows = connection.execute(select(outputs).where(*mine).with_for_update()).all() if ids else []
    if rows:
        gone = outputs.c.id.in_([row.id for row in rows])
        connection.execute(update(outputs).where(gone).values(state="retracted"))
    return [
        OutputChanged(
            output=row.id, ehr=row.ehr, model=row.model, version=row.version, kind=row.kind, before=row.state,
            state="retracted",
        )
        for row in rows
    ]  # fmt: skip
