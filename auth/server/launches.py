"""Edge: what the launcher prepared: a ``launch`` bound to its client, or a standalone sign-in bound to a challenge."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from auth.server.clients import hashed
from auth.server.grants import Context, format_context, parse_context
from auth.server.tables import launches

LAUNCH_LIFE = 300.0
STANDALONE_LIFE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """``scopes`` cuts what is granted, when given; ``automatic`` answers the authorization request without a person;
    ``faults`` are names of ``auth.server.faults``."""

    client_id: str
    context: Context
    automatic: bool = False
    scopes: str | None = None
    faults: tuple[str, ...] = ()


def save_launch(connection: Connection, now: float, *, launch: Launch, secret: str) -> None:
    """Prepares an EHR launch: one use, five minutes. ``secret`` is the ``launch`` parameter."""
    _save(connection, now, hashed(secret), launch, now + LAUNCH_LIFE)


def save_standalone(connection: Connection, now: float, *, launch: Launch, challenge: str) -> None:
    """Prepares one standalone sign-in for the request with this ``code_challenge``: one use, one minute."""
    key = _standalone(launch.client_id, challenge)
    connection.execute(delete(launches).where(launches.c.key == key))
    _save(connection, now, key, launch, now + STANDALONE_LIFE)


def take_launch(connection: Connection, now: float, *, secret: str, client_id: str) -> Launch | None:
    """The launch, used up; None when it is unknown, used, late or another client's (which leaves it usable)."""
    return _take(connection, now, hashed(secret), client_id)


def take_standalone(connection: Connection, now: float, *, challenge: str, client_id: str) -> Launch | None:
    """The prepared standalone sign-in of this client and challenge, used up; None when there is none."""
    return _take(connection, now, _standalone(client_id, challenge), client_id)


def _standalone(client_id: str, challenge: str) -> str:
    return hashed(f"{client_id}\n{challenge}")


def _save(connection: Connection, now: float, key: str, launch: Launch, expires: float) -> None:
    body = {
        "automatic": launch.automatic, "scopes": launch.scopes, "context": format_context(launch.context),
        "faults": launch.faults,
    }  # fmt: skip
    connection.execute(_SWEEP, {"at": now})
    row = {"key": key, "client": launch.client_id, "body": json.dumps(body), "expires": expires}
    connection.execute(_ADD, row)


def _take(connection: Connection, now: float, key: str, client_id: str) -> Launch | None:
    mine = {"it": key, "by": client_id, "at": now}
    row = connection.execute(_FIND, mine).one_or_none()
    if row is None or connection.execute(_TAKE, mine).rowcount != 1:
        return None
    body = json.loads(row.body)
    return Launch(
        client_id=client_id, context=parse_context(body["context"]), automatic=body["automatic"], scopes=body["scopes"],
        faults=tuple(body.get("faults", ())),
    )  # fmt: skip


_MINE = (
    launches.c.key == bindparam("it"),
    launches.c.client == bindparam("by"),
    launches.c.expires > bindparam("at"),
)
_ADD, _SWEEP = insert(launches), delete(launches).where(launches.c.expires < bindparam("at"))
_FIND, _TAKE = select(launches.c.body).where(*_MINE), delete(launches).where(*_MINE)
