"""Edge: what became of each attempt at a delivery, for the people who read its story.

An attempt that ended with the resource at the EHR is not written here: the delivery's own row says it, and so the way
of a delivery that goes well costs nothing. Of what an EHR answered only the status and its codes are kept.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
)

from writeback.ledger.among import among
from writeback.speaking.claims import Attempted, Claimed
from writeback.tables import metadata

FIRST = 20
"""Of a delivery that is tried hundreds of times the first attempts are kept, then every twentieth."""

attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("delivery", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("event", String(16), nullable=False),
    Column("status", Integer, nullable=True),
    Column("cause", String(32), nullable=True),
    Column("issues", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""``event`` is what the worker made of the answer (``states.Event``, or what a person did: ``resent``); ``issues`` are
FHIR issue types and the EHR's own codes, as a list; of ``copies`` where they are (``Type/id``)."""

Index("delivery_attempts_delivery", attempts.c.delivery, attempts.c.id)

_ADD = insert(attempts)
_LOST = (
    select(attempts.c.delivery)
    .where(among(attempts.c.delivery, "keys"), attempts.c.event == "lost")
    .group_by(attempts.c.delivery)
    .having(func.count() > bindparam("most"))
)
_OF = select(attempts).where(attempts.c.delivery == bindparam("key")).order_by(attempts.c.id)


def note_attempts(connection: Connection, now: float, made: Sequence[Attempted]) -> None:
    """Writes down the attempts that did not end with the resource at the EHR."""
    rows = [
        _row(now, each)
        for each in made
        if each.ending.event != "kept" and (kept(each.delivery.attempt) or _in_vain(each))
    ]
    if rows:
        connection.execute(_ADD, rows)
    for each in made:
        if each.ending.duplicates and each.ending.places:
            row = each.delivery
            note(connection, now, key=row.key, attempt=row.attempt, event="copies", issues=each.ending.places)


def _in_vain(made: Attempted) -> bool:
    """A create that repeats itself was sent, and nobody knows what became of it: each of these counts."""
    return made.ending.event == "lost" and made.delivery.strategy == "post"


def in_vain(connection: Connection, made: Sequence[Attempted], *, most: int) -> frozenset[int]:
    """Those of these (row ids) that were in vain, by now more than ``most`` times: each may have made a copy that no look
    finds."""
    asked = {each.delivery.key: each.delivery.id for each in made if _in_vain(each)}
    rows = connection.execute(_LOST, {"keys": tuple(asked), "most": most}) if asked else ()
    return frozenset(asked[row.delivery] for row in rows)


def kept(attempt: int) -> bool:
    """Whether the attempt of this number is written down."""
    return attempt <= FIRST or attempt % FIRST == 0


def _row(now: float, made: Attempted) -> dict[str, Any]:
    ending = made.ending
    return {
        "delivery": made.delivery.key, "attempt": made.delivery.attempt, "event": ending.event,
        "status": ending.status, "cause": ending.cause or None, "issues": json.dumps(ending.issues), "at": now,
    }  # fmt: skip


def note(
    connection: Connection, at: float, *, key: str, attempt: int, event: str, status: int | None = None,
    issues: Sequence[str] = (),
) -> None:  # fmt: skip
    """Writes down one thing that happened to a delivery at ``at``, besides what the worker tells."""
    row = {"delivery": key, "attempt": attempt, "event": event, "status": status, "cause": None}
    connection.execute(_ADD, [{**row, "issues": json.dumps(list(issues)), "at": at}])


def note_late(connection: Connection, now: float, rows: Sequence[Claimed]) -> None:
    """Writes down, always, that somebody spoke about these deliveries who did not hold their lease any more: what was sent may
    have been sent twice, and ``reconciling`` looks."""
    for row in rows:
        note(connection, now, key=row.key, attempt=row.attempt, event="late")


def attempts_of(connection: Connection, now: float, key: str) -> list[dict[str, Any]]:
    """The attempts of a delivery, oldest first: ``attempt``, ``event``, ``status``, ``cause``, ``issues``, ``at`` (Unix
    seconds)."""
    return [
        {
            "attempt": row.attempt, "event": row.event, "status": row.status, "cause": row.cause,
            "issues": json.loads(row.issues), "at": row.at,  # not FHIR: a list of codes
        }
        for row in connection.execute(_OF, {"key": key})
    ]  # fmt: skip
