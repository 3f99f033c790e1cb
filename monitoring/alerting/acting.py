"""Edge: what was decided about a model, until it is lifted."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from monitoring.alerting.marks import Marker, mark
from monitoring.alerting.messages import ACTION
from monitoring.alerting.raising import note
from monitoring.alerting.tables import actions
from vocabulary.alert import ACTIONS, Action

HUMAN: frozenset[Action] = frozenset({"block_write_back", "pull_model"})
"""Only a person takes these. The gate itself blocks an output out of range, and a citation of
another patient, one by one."""


class ActionRefused(ValueError):
    """The action cannot be taken so; the text says what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """In force while ``lifted`` is None. An empty ``version`` or ``ehr`` means every one; ``feature`` for a quarantine."""

    id: int
    model: str
    version: str
    ehr: str
    action: Action
    feature: str
    at: float
    by: str
    why: str
    lifted: float | None = None


def act(
    connection: Connection, now: float, *, model: str, action: Action, by: str, why: str, person: bool, version: str = "",
    ehr: str = "", feature: str = "",
) -> Taken:  # fmt: skip
    """Raises ActionRefused."""
    if action not in ACTIONS:
        raise ActionRefused(f"the action is one of {', '.join(ACTIONS)}")
    if action in HUMAN and not person:
        raise ActionRefused(f"{action} is for a person who is signed in")
    if (action == "quarantine_feature") != bool(feature):
        raise ActionRefused("a feature is named when, and only when, one is put into quarantine")
    if not why.strip():
        raise ActionRefused("say why")
    values = {"model": model, "version": version, "ehr": ehr, "action": action, "feature": feature}
    id = connection.execute(
        insert(actions).values(**values, at=now, by=by[:200], why=why[:2000]).returning(actions.c.id)
    ).scalar_one()
    note(connection, now, f"{ACTION}{id}", "taken", by=by, note_=why)
    mark(
        connection, now, Marker(at=now, what=f"decision {id}: {action.replace('_', ' ')}", model=model, ehr=ehr, by=by)
    )
    return Taken(id=id, model=model, version=version, ehr=ehr, action=action, feature=feature, at=now, by=by, why=why)


def lift(connection: Connection, now: float, *, id: int, by: str) -> bool:
    """It is over. Whether it was in force."""
    in_force = (actions.c.id == id, actions.c.lifted.is_(None))
    done = bool(connection.execute(update(actions).where(*in_force).values(lifted=now, lifted_by=by[:200])).rowcount)
    if done:
        note(connection, now, f"{ACTION}{id}", "lifted", by=by)
    return done


def find_actions(connection: Connection, now: float, *, all: bool = False) -> list[Taken]:
    """Those in force, or every one; the newest first."""
    wanted = select(actions).order_by(actions.c.id.desc())
    rows = connection.execute(wanted if all else wanted.where(actions.c.lifted.is_(None)))
    return [
        Taken(
            id=row.id, model=row.model, version=row.version, ehr=row.ehr, action=row.action, feature=row.feature, at=row.at,
            by=row.by, why=row.why, lifted=row.lifted,
        )
        for row in rows
    ]  # fmt: skip
