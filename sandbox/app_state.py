"""Edge: app state as an EHR keeps it, apart from its FHIR resources: searches for a Basic never find it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from sandbox.tables import metadata

states = Table(
    "app_states",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("client", String(128), nullable=False),
    Column("code", Text, nullable=False),
    Column("subject", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("updated", Double, nullable=False),
)
"""``code`` is ``system|code``; ``subject`` is ``Type/id``, empty for state about nobody; ``body`` has coding and extensions.
A row stays when its state is deleted: every later request about its id is a failed precondition."""

Index("app_states_code", states.c.code, states.c.subject)
Index("app_states_client", states.c.client)

PER_SUBJECT, PER_CLIENT = 16, 1000
"""How many states an app may have for one code and subject, and in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A state as it is kept. ``subject`` is ``Type/id`` or None; ``updated`` Unix seconds."""

    id: str
    version: int
    deleted: bool
    code: str
    subject: str | None
    coding: Mapping[str, str]
    extension: tuple[Mapping[str, str], ...]
    updated: float


def find_state(connection: Connection, now: float, id: str) -> Kept | None:
    """The state, deleted or not, or None."""
    row = connection.execute(select(states).where(states.c.id == id)).one_or_none()
    return None if row is None else _read(row)


def search_states(
    connection: Connection, now: float, *, code: str, subject: str | None = None, any: bool
) -> list[Kept]:
    """The states under a code: about ``subject`` (None is nobody), or about ``any``."""
    mine = [states.c.code == code, states.c.deleted.is_(False)]
    if not any:
        mine.append(states.c.subject == (subject or ""))
    return [_read(row) for row in connection.execute(select(states).where(*mine).order_by(states.c.updated))]


def full(connection: Connection, now: float, *, client: str, code: str, subject: str | None) -> bool:
    """Whether there is no room for one more."""
    alive = select(func.count()).select_from(states).where(states.c.deleted.is_(False))
    here = connection.execute(alive.where(states.c.code == code, states.c.subject == (subject or ""))).scalar_one()
    return here >= PER_SUBJECT or connection.execute(alive.where(states.c.client == client)).scalar_one() >= PER_CLIENT


def save_state(
    connection: Connection, now: float, *, id: str, client: str, code: str, subject: str | None, coding: Mapping[str, str],
    extension: tuple[Mapping[str, str], ...],
) -> Kept:  # fmt: skip
    """Keeps a new state at version 1."""
    connection.execute(
        insert(states).values(
            id=id, version=1, deleted=False, client=client, code=code, subject=subject or "", updated=now,
            body=_body(coding, extension),
        )
    )  # fmt: skip
    return Kept(
        id=id, version=1, deleted=False, code=code, subject=subject, coding=coding, extension=extension, updated=now
    )


def change_state(
    connection: Connection,
    now: float,
    *,
    kept: Kept,
    coding: Mapping[str, str],
    extension: tuple[Mapping[str, str], ...],
) -> Kept | None:
    """The next version, or None when somebody was faster."""
    values = {"version": kept.version + 1, "body": _body(coding, extension), "updated": now}
    if not _advance(connection, kept, values):
        return None
    return Kept(
        id=kept.id, version=kept.version + 1, deleted=False, code=kept.code, subject=kept.subject, coding=coding,
        extension=extension, updated=now,
    )  # fmt: skip


def delete_state(connection: Connection, now: float, *, kept: Kept) -> bool:
    """Forgets the state and remembers its id; false when somebody was faster."""
    return _advance(connection, kept, {"deleted": True, "body": _body({}, ()), "updated": now})


def _advance(connection: Connection, kept: Kept, values: Mapping[str, Any]) -> bool:
    same = (states.c.id == kept.id, states.c.version == kept.version, states.c.deleted.is_(False))
    return bool(connection.execute(update(states).where(*same).values(values)).rowcount == 1)


def _body(coding: Mapping[str, str], extension: tuple[Mapping[str, str], ...]) -> str:
    return json.dumps({"coding": dict(coding), "extension": [dict(each) for each in extension]})


def _read(row: Any) -> Kept:
    body = json.loads(row.body)  # not FHIR: our own, strings only
    return Kept(
        id=row.id, version=row.version, deleted=row.deleted, code=row.code, subject=row.subject or None,
        coding=body["coding"], extension=tuple(body["extension"]), updated=row.updated,
    )  # fmt: skip
