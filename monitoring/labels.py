"""Edge: outcomes of outputs: kept until they are mature, then told to the monitors. One an output, by its id."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select, text, update

from monitoring.entries import Labelled
from monitoring.inserting import insert_once
from monitoring.observations import append
from monitoring.pruning import Oldest, forever
from monitoring.tables import entries, evaluator, labels

Source = Literal["api", "query", "clinician"]
MOST = 200
"""Labels that are told in one go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """``event`` is what came true; ``observed`` when, ``mature`` when it counts: Unix seconds."""

    output: str
    event: bool
    observed: float
    source: Source
    mature: float


Kept = Literal["new", "same", "changed", "settled"]
"""What became of a label: ``settled`` when another one of this output has been counted already, and nothing was changed."""


def save_label(connection: Connection, now: float, *, label: Label) -> Kept:
    """Keeps the label. Before it is mature a later one takes its place; the same again changes nothing."""
    known = select(labels).where(labels.c.output == label.output).with_for_update()
    values = {"event": label.event, "observed": label.observed, "source": label.source, "mature": label.mature}
    row = connection.execute(known).one_or_none()
    if row is None:
        if insert_once(connection, labels, {"output": label.output, "since": now, "told": False, **values}):
            return "new"
        row = connection.execute(known).one()  # another process had it at the same time
    if (row.event, row.observed) == (label.event, label.observed):
        return "same"
    if row.told:
        return "settled"
    connection.execute(update(labels).where(labels.c.output == label.output).values(**values))
    return "changed"


def labelled(connection: Connection, now: float, outputs: list[str]) -> set[str]:
    """Those of the outputs that have a label."""
    return set(connection.scalars(select(labels.c.output).where(labels.c.output.in_(outputs[:500]))))


def tell_mature(connection: Connection, now: float, *, oldest: Oldest = forever) -> int:
    """Appends labels that have become mature to the journal; how many were due. One of an output from before ``oldest`` is late:
    it is not told, for its output may have gone."""
    due = connection.execute(
        select(labels.c.output, labels.c.event, entries.c.at, entries.c.model, entries.c.version, entries.c.ehr)
        .join(entries, (entries.c.output == labels.c.output) & (entries.c.what == "output"))
        .where(text("NOT told"), labels.c.mature <= now)
        .order_by(labels.c.mature, labels.c.output)
        .limit(MOST)
        .with_for_update(of=labels, skip_locked=True)
    ).all()
    if due:
        late = max(now, float(connection.scalar(select(evaluator.c.horizon)) or 0.0))
        counted = [row for row in due if row.at >= oldest(row.model, row.version, row.ehr, late)]
        connection.execute(update(labels).where(labels.c.output.in_([row.output for row in due])).values(told=True))
        append(
            connection, now,
            [
                Labelled(output=row.output, model=row.model, version=row.version, ehr=row.ehr, event=row.event)
                for row in counted
            ],
        )  # fmt: skip
    return len(due)
