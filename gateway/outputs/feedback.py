"""Edge: what people did with the outputs, as 45 CFR 170.315(b)(11)(ii)(C) wants it to be exportable in computable form: the
intervention, the action taken, the feedback, the user, the date and the location. The patient is not among them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
)

from gateway.tables import metadata
from vocabulary.instant import format_instant, parse_instant
from writeback.ledger.formats import parse_output
from writeback.tables import outputs

PAGE = 200
TWICE = 5.0
"""Seconds within which the same words of the same person are the same press of a button."""
MEMBERS = ("id", "intervention", "version", "action", "feedback", "user", "date", "location", "encounter", "output")

given = Table(
    "gateway_feedback",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("output", String(64), nullable=False, index=True),
    Column("action", String(24), nullable=False),
    Column("feedback", Text, nullable=False),
    Column("user", String(128), nullable=False),
    Column("at", Double, nullable=False, index=True),
)
"""One row for each thing that somebody did: only ever added."""


def record_feedback(connection: Connection, now: float, *, output: str, action: str, feedback: str, user: str) -> None:
    """In the transaction of what was done: ``confirmed``, ``rejected``, or the standing that it was given."""
    connection.execute(insert(given).values(output=output, action=action, feedback=feedback, user=user, at=now))


def just_said(connection: Connection, now: float, *, output: str, action: str, feedback: str, user: str) -> bool:
    """Whether this person said this very thing of the output a moment ago: a form that was sent twice. Whoever asks at the
    same time waits until the transaction ends."""
    connection.execute(select(outputs.c.id).where(outputs.c.id == output).with_for_update())
    same = (given.c.output == output, given.c.action == action, given.c.feedback == feedback, given.c.user == user)
    return connection.scalar(select(given.c.id).where(*same, given.c.at > now - TWICE).limit(1)) is not None


def list_feedback(connection: Connection, now: float, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A page of at most ``PAGE`` rows behind ``after``, the oldest first; ``since`` and ``until`` are instants, ``model`` and
    ``ehr`` names. Raises ValueError."""
    wanted = [given.c.id > int(arguments.get("after") or 0)]
    times = check(arguments)
    for name, bound in (("since", given.c.at.__ge__), ("until", given.c.at.__lt__)):
        if name in times:
            wanted.append(bound(times[name]))
    for name in ("model", "ehr"):
        if arguments.get(name):
            wanted.append(outputs.c[name] == arguments[name])
    joined = given.join(outputs, outputs.c.id == given.c.output)
    columns = (*given.c, outputs.c.model, outputs.c.version, outputs.c.ehr, outputs.c.body)
    rows = connection.execute(select(*columns).select_from(joined).where(*wanted).order_by(given.c.id).limit(PAGE))
    return [_shown(row) for row in rows]


def check(arguments: Mapping[str, Any]) -> dict[str, float]:
    """The bounds in time that were given, Unix seconds. Raises ValueError that names the option."""
    return {name: _instant(name, arguments[name]) for name in ("since", "until") if arguments.get(name)}


def _instant(name: str, said: str) -> float:
    try:
        return parse_instant(said)
    except ValueError as wrong:
        raise ValueError(f"--{name} must be a FHIR instant such as 2026-01-02T03:04:05Z") from wrong


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id, "intervention": row.model, "version": row.version, "action": row.action, "feedback": row.feedback,
        "user": row.user, "date": format_instant(row.at), "location": row.ehr,
        "encounter": parse_output(row.body).encounter, "output": row.output,
    }  # fmt: skip
