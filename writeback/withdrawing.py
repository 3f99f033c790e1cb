"""Edge: what has been taken back at the EHR is taken back in the ledger too, with the output that it said."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from r4 import codec
from vocabulary.output import OutputState
from writeback.amending import parse_edit
from writeback.attempts import note
from writeback.changes import OutputChanged
from writeback.claims import Claimed
from writeback.tables import deliveries, outputs

AFTERMATH = ("provenance", "edit", "trail", "card")
"""Roles that are a record of something and stay."""
TAKEN_BACK = ("cancelled", "entered-in-error")


def edits_done(connection: Connection, now: float, edits: Iterable[Claimed]) -> list[OutputChanged]:
    """Edits that the EHR has taken: those that take something back do so here as well."""
    changes: list[OutputChanged] = []
    for row in edits:
        edit = parse_edit(codec.parse(row.body))
        if edit.to in TAKEN_BACK and edit.key is not None:
            changes += withdraw(connection, now, key=edit.key, output=row.output)
    return changes


def withdraw(connection: Connection, now: float, *, key: str, output: str | None) -> list[OutputChanged]:
    """The delivery of this key stands no more. That it had arrived, and when, goes into its history."""
    mine = (deliveries.c.key == key, deliveries.c.state == "delivered")
    for row in connection.execute(select(deliveries).where(*mine)).all():
        note(connection, row.changed, key=key, attempt=row.attempt, event="kept", status=row.status)
        connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(state="retracted", changed=now))
    return retract(connection, [output] if output else [])


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
