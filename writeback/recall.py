"""Edge: a model version is withdrawn: every output of it is found, stopped before it is sent, or taken back at the EHR.

A recall is a row and stands for good: from its first transaction on no output of the version is accepted. What it
concerns is found page by page (the ledger, then each EHR), one row each; every step is one transaction that can be
repeated, so that a recall that was killed goes on where it was, and a second one changes nothing.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, func, select, update

from writeback import keys
from writeback.ledger.inserting import insert_once
from writeback.ledger.recall_tables import items, recalls
from writeback.tables import outputs

ItemState = Literal["waiting", "retracting", "stopped", "retracted", "gone", "worklist"]
"""``waiting``: being sent right now, or not yet looked at. ``retracting``: its edit is on the way. ``stopped``: it never
left. ``retracted``: entered in error at the EHR. ``gone``: the EHR has deleted it. ``worklist``: only a person at the EHR
can do it."""
STANDING: tuple[ItemState, ...] = ("waiting", "retracting", "worklist")
"""What still stands at an EHR, or may."""
STATES = ("running", "done")
PAGE = 100
STANDS = select(recalls.c.id).where(recalls.c.model == bindparam("model"), recalls.c.version == bindparam("version"))
"""Made once: every output that is accepted asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recall:
    """A recall as it stands. ``counts`` are items by state; ``ehrs`` which EHRs were searched beyond the ledger; ``runs`` how
    often it was asked for."""

    id: str
    model: str
    version: str
    reason: str
    by: str
    state: str
    since: float
    cursor: str | None
    runs: int = 1
    ehrs: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def standing(self) -> int:
        return sum(self.counts.get(state, 0) for state in STANDING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One resource of a recalled version. ``location`` is ``Type/id`` at ``ehr``, None while it is not known."""

    id: int
    recall: str
    key: str
    ehr: str
    type: str
    location: str | None
    output: str | None
    source: str
    state: ItemState
    cause: str | None
    edit: str | None


def recalled(connection: Connection, model: str, version: str) -> bool:
    """Whether the version is withdrawn."""
    return connection.scalar(STANDS, {"model": model, "version": version}) is not None


def withdrawn(
    connection: Connection, now: float, versions: Collection[tuple[str, str]],
) -> dict[tuple[str, str], str]:  # fmt: skip
    """Why, by model and version, of those of these that are recalled."""
    wanted = recalls.c.model.in_(sorted({model for model, _ in versions}))
    rows = connection.execute(select(recalls.c.model, recalls.c.version, recalls.c.reason).where(wanted))
    return {(row.model, row.version): row.reason for row in rows if (row.model, row.version) in versions}


def spoke(connection: Connection, model: str, version: str) -> bool:
    """Whether the ledger has an output of the version that was not refused. Every index begins with the EHR, so that it is
    looked up EHR by EHR."""
    here, ehr = (outputs.c.model == model, outputs.c.version == version, outputs.c.refusal.is_(None)), ""
    while (ehr := connection.scalar(select(func.min(outputs.c.ehr)).where(outputs.c.ehr > ehr)) or "") != "":
        if connection.scalar(select(outputs.c.id).where(outputs.c.ehr == ehr, *here).limit(1)) is not None:
            return True
    return False


def start(
    connection: Connection, now: float, *, id: str, model: str, version: str, reason: str, by: str
) -> tuple[Recall, bool]:  # fmt: skip
    """Begins a recall, or goes through the one that stands once more. True when it is new. On PostgreSQL it waits for
    outputs of this version that are being accepted right now; later ones see it."""
    hold(connection, model, version, alone=True)
    row = {
        "id": id, "model": model, "version": version, "reason": reason, "by": by, "state": "running", "cursor": "",
        "ehrs": "{}", "runs": 1, "since": now, "changed": now,
    }  # fmt: skip
    new = insert_once(connection, recalls, row)
    if not new:
        mine = (recalls.c.model == model, recalls.c.version == version)
        again = {"state": "running", "cursor": "", "ehrs": "{}", "runs": recalls.c.runs + 1, "changed": now}
        connection.execute(update(recalls).where(*mine, recalls.c.state == "done").values(again))
        id = str(connection.scalar(select(recalls.c.id).where(*mine)))
        undecided = (items.c.recall == id, items.c.state == "worklist", items.c.edit.is_(None))
        connection.execute(update(items).where(*undecided).values(state="waiting", changed=now))
    found = find_recall(connection, now, id)
    assert found is not None
    return found, new


def hold(connection: Connection, model: str, version: str, *, alone: bool = False) -> None:
    """Whoever accepts an output of a version holds it together with others; whoever recalls it holds it alone."""
    if connection.dialect.name == "postgresql":
        number = int(keys.shared_key(ehr="", model=model, version=version, role="recall")[:15], 16)
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        connection.execute(select(lock(number)))


def running(connection: Connection, now: float) -> list[str]:
    """The recalls that are not done, oldest first."""
    return list(connection.scalars(select(recalls.c.id).where(recalls.c.state == "running").order_by(recalls.c.since)))


def find_recall(connection: Connection, now: float, id: str) -> Recall | None:
    """The recall of that id, with its counts."""
    found = read_recalls(connection, select(recalls).where(recalls.c.id == id))
    return found[0] if found else None


def list_recalls(connection: Connection, now: float, *, limit: int = 100) -> list[Recall]:
    """Every recall, the newest first."""
    return read_recalls(connection, select(recalls).order_by(recalls.c.since.desc(), recalls.c.id).limit(limit))


def read_recalls(connection: Connection, query: Any) -> list[Recall]:
    """The recalls of a query over their table, with their counts."""
    rows = connection.execute(query).all()
    counts: dict[str, dict[str, int]] = {row.id: {} for row in rows}
    counted = select(items.c.recall, items.c.state, func.count().label("n")).where(items.c.recall.in_(list(counts)))
    for row in connection.execute(counted.group_by(items.c.recall, items.c.state)) if rows else ():
        counts[row.recall][row.state] = row.n
    return [
        Recall(
            id=row.id, model=row.model, version=row.version, reason=row.reason, by=row.by, state=row.state,
            since=row.since, cursor=row.cursor, runs=row.runs, counts=counts[row.id],
            ehrs=json.loads(row.ehrs),  # not FHIR: words
        )
        for row in rows
    ]  # fmt: skip


def list_items(
    connection: Connection, now: float, id: str, *, states: Sequence[str] = (), after: int = 0, limit: int = PAGE,
    without: Collection[str] = (),
) -> list[Item]:  # fmt: skip
    """The items of a recall in these states (all when none is named), oldest first; ``without`` those at some EHRs."""
    query = select(items).where(items.c.recall == id, items.c.id > after).order_by(items.c.id).limit(limit)
    query = query.where(items.c.ehr.not_in(sorted(without))) if without else query
    rows = connection.execute(query.where(items.c.state.in_(list(states))) if states else query)
    return [_item(row) for row in rows]


def _item(row: Row[Any]) -> Item:
    return Item(
        id=row.id, recall=row.recall, key=row.key, ehr=row.ehr, type=row.resource_type, location=row.location,
        output=row.output, source=row.source, state=row.state, cause=row.cause, edit=row.edit,
    )  # fmt: skip
