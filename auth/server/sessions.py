"""Edge: who is signed in at the EHR, in which browser. Of the cookie only SHA-256 is kept; a row that is gone has ended."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, bindparam, delete, insert, select

from auth.scopes import Scope
from auth.server.clients import hashed
from auth.server.steps import ends_with_session
from auth.server.tables import sessions

LIFE = 8 * 3600.0
"""Seconds: one working shift."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """``id`` is the hash of its cookie, ``user`` is ``Type/id``, ``expires`` Unix seconds."""

    id: str
    user: str | None
    expires: float


_ADD, _SWEEP = insert(sessions), delete(sessions).where(sessions.c.expires <= bindparam("at"))
_FIND = select(sessions).where(sessions.c.hash == bindparam("key"))


def begin_session(connection: Connection, now: float, *, secret: str, user: str | None) -> str:
    """Keeps a new session under the hash of its cookie, which is returned; sweeps those that have ended. An automatic
    launch has one too, whose cookie no browser was given, and perhaps nobody's."""
    connection.execute(_SWEEP, {"at": now})
    connection.execute(_ADD, {"hash": hashed(secret), "user": user, "expires": now + LIFE})
    return hashed(secret)


def find_session(connection: Connection, now: float, secret: str | None) -> Session | None:
    """The session that this cookie opens, or None."""
    row = connection.execute(_FIND, {"key": hashed(secret or "")}).one_or_none()
    if row is None or row.expires <= now:
        return None
    return Session(id=row.hash, user=row.user, expires=row.expires)


def end_session(connection: Connection, now: float, secret: str) -> None:
    """Signs out: the cookie opens nothing from now on, and ``online_access`` ends with it."""
    connection.execute(delete(sessions).where(sessions.c.hash == hashed(secret)))


def refreshable(connection: Connection, now: float, *, session: str | None, scopes: Sequence[Scope]) -> bool:
    """Whether a grant may still be refreshed: ``offline_access`` always, otherwise while its session lasts (SMART App
    Launch 2.2 scopes §requesting-a-refresh-token)."""
    if not ends_with_session(scopes):
        return True
    kept = select(sessions.c.expires).where(sessions.c.hash == (session or ""), sessions.c.expires > now)
    return connection.execute(kept).one_or_none() is not None


def form_token(secret: str, *said: str) -> str:
    """The token of a form: made of the browser's cookie and all that the page showed, so that neither another site nor
    a page that was overtaken in another tab can post it."""
    return hmac.new(secret.encode(), "\n".join(said).encode(), sha256).hexdigest()


def genuine(token: str, secret: str, *said: str) -> bool:
    """Whether the form was made for this browser and shows what stands now."""
    return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), form_token(secret, *said).encode())
