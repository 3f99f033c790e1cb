"""Edge: what a person has allowed, and taking it back."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, desc, exists, func, or_, select, update

from auth import scopes
from auth.scopes import Scope
from auth.server.clients import find_client
from auth.server.grants import ACCESS_LIFE, CODE_LIFE, parse_context
from auth.server.steps import words_of
from auth.server.tables import access_tokens, grants, refresh_tokens

LISTED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """One grant that is in force. ``app`` is the client's name; ``patient`` a bare id; ``since`` and ``last_token``
    (when its newest access token was issued, if one was) are Unix seconds."""

    id: str
    app: str
    scopes: tuple[Scope, ...]
    patient: str | None
    since: float
    last_token: float | None
    lasts: Literal["offline", "session", "token"]


def list_allowed(connection: Connection, now: float, user: str) -> list[Allowed]:
    """What this person allowed and still opens something, newest first; the last ``LISTED`` of it."""
    open_still = or_(
        exists().where(access_tokens.c.grant == grants.c.id, access_tokens.c.expires > now),
        exists().where(refresh_tokens.c.grant == grants.c.id, refresh_tokens.c.expires > now),
        grants.c.since > now - CODE_LIFE,
    )
    mine = select(grants).where(grants.c.user == user, grants.c.revoked.is_(False), open_still)
    rows = connection.execute(mine.order_by(desc(grants.c.since)).limit(LISTED)).all()
    issued = select(access_tokens.c.grant, func.max(access_tokens.c.expires)).group_by(access_tokens.c.grant)
    newest = {
        grant: expires - ACCESS_LIFE
        for grant, expires in connection.execute(issued.where(access_tokens.c.grant.in_([row.id for row in rows])))
    }
    return [
        Allowed(
            id=row.id, app=_app(connection, now, row.client), scopes=(granted := scopes.parse(row.scopes)),
            patient=parse_context(row.context).patient, since=row.since, last_token=newest.get(row.id),
            lasts=_lasts(granted),
        )
        for row in rows
    ]  # fmt: skip


def _lasts(granted: tuple[Scope, ...]) -> Literal["offline", "session", "token"]:
    words = words_of(granted)
    return "offline" if "offline_access" in words else "session" if "online_access" in words else "token"


def _app(connection: Connection, now: float, client_id: str) -> str:
    found = find_client(connection, now, client_id)
    return (found[0].name if found else "") or client_id


def take_back(connection: Connection, now: float, *, id: str, user: str) -> bool:
    """Revokes the grant: its tokens open nothing at the very next request. False when it is not this person's."""
    mine = (grants.c.id == id, grants.c.user == user, grants.c.revoked.is_(False))
    return connection.execute(update(grants).where(*mine).values(revoked=True)).rowcount == 1
