"""Edge: grants and what hangs off them: codes, access tokens, refresh tokens. Redeeming is a conditional update."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects import sqlite

from auth import scopes as scope_words
from auth.scopes import FhirScope, Scope
from auth.server.clients import hashed
from auth.server.tables import access_tokens, assertions, codes, grants, refresh_tokens

LEVELS: tuple[Literal["system", "user", "patient"], ...] = ("system", "user", "patient")
CODE_LIFE = 60.0
ACCESS_LIFE = 3600.0
BACKEND_LIFE = 300.0
"""Backend services: "SHOULD NOT exceed 300 seconds" (SMART App Launch 2.2 backend-services)."""
REFRESH_LIFE = 90 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What was chosen at authorization. ``patient`` and ``encounter`` are bare ids, ``user`` is ``Type/id``."""

    patient: str | None = None
    encounter: str | None = None
    user: str | None = None
    intent: str | None = None
    need_patient_banner: bool | None = None
    fhir_context: tuple[Any, ...] = ()
    tenant: str | None = None
    smart_style_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a bearer may do now: the token's scopes and the grant's context. ``expires`` is the token's, Unix seconds.
    ``decided`` keeps what follows from these for each kind of interaction; whether they hold is asked of the database."""

    id: str
    client_id: str
    scopes: tuple[Scope, ...]
    context: Context
    expires: float
    issued: float = 0.0
    session: str | None = None
    faults: tuple[str, ...] = ()
    decided: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def patient(self) -> str | None:
        """The bare id of the patient in context."""
        return self.context.patient

    @property
    def user(self) -> str | None:
        """``Practitioner/x``, or None."""
        return self.context.user

    @property
    def level(self) -> Literal["patient", "user", "system"] | None:
        """The widest context among the FHIR scopes."""
        found = {scope.context for scope in self.scopes if isinstance(scope, FhirScope)}
        return next((level for level in LEVELS if level in found), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A token in force. ``grant`` has the token's own scopes and end, ``granted`` the scopes of its whole grant; ``at``
    is when it was issued, Unix seconds."""

    kind: Literal["access", "refresh"]
    grant: Grant
    granted: tuple[Scope, ...]
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A redeemed code."""

    grant: str
    redirect_uri: str
    challenge: str
    nonce: str | None


def save_grant(
    connection: Connection, now: float, *, id: str, client_id: str, scopes: Sequence[Scope], context: Context,
    session: str | None = None, faults: Sequence[str] = (),
) -> None:  # fmt: skip
    """Keeps a new grant with what was chosen at authorization. ``session`` is the one of the person who gave it."""
    row = {
        "id": id, "client": client_id, "scopes": scope_words.format(scopes), "context": format_context(context),
        "revoked": False, "since": now, "user": context.user, "session": session, "faults": " ".join(faults),
    }  # fmt: skip
    connection.execute(_ADD_GRANT, row)


def save_code(
    connection: Connection, now: float, *, code: str, grant: str, redirect_uri: str, challenge: str, nonce: str | None
) -> None:
    """Keeps a code's hash for a minute, bound to its redirect address and challenge."""
    connection.execute(_SWEEP_CODES, {"at": now - 600})
    row = {
        "hash": hashed(code), "grant": grant, "redirect_uri": redirect_uri, "challenge": challenge, "nonce": nonce,
        "used": False, "expires": now + CODE_LIFE,
    }  # fmt: skip
    connection.execute(_ADD_CODE, row)


def find_code(connection: Connection, now: float, code: str) -> Code | None:
    """The code unless it is unknown, used or late; a used one revokes its grant, for somebody holds a copy."""
    row = connection.execute(_FIND_CODE, {"key": hashed(code)}).one_or_none()
    if row is None:
        return None
    if row.used:
        revoke_grant(connection, now, row.grant)
    if row.used or row.expires <= now:
        return None
    return Code(grant=row.grant, redirect_uri=row.redirect_uri, challenge=row.challenge, nonce=row.nonce)


def take_code(connection: Connection, now: float, code: str) -> bool:
    """Uses the code up: true for one caller only."""
    return connection.execute(_TAKE_CODE, {"key": hashed(code), "at": now}).rowcount == 1


def save_access(connection: Connection, now: float, *, token: str, grant: str, scopes: str, life: float) -> None:
    """Keeps an access token's hash; ``life`` is in seconds."""
    row = {"hash": hashed(token), "grant": grant, "scopes": scopes, "expires": now + life}
    connection.execute(_ADD_ACCESS, row)


def save_refresh(connection: Connection, now: float, *, token: str, grant: str) -> None:
    """Keeps a refresh token's hash."""
    row = {"hash": hashed(token), "grant": grant, "used": False, "expires": now + REFRESH_LIFE}
    connection.execute(_ADD_REFRESH, row)


def find_grant(connection: Connection, now: float, access_token: str) -> Grant | None:
    """What this bearer may do, or None when it is unknown, expired or revoked. That is asked of the database at every
    request, and of the driver directly, for it stands before every access; what a grant was made with never changes
    after, and is read once for each connection."""
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    row = driver.execute(_FIND_TEXT, (hash := hashed(access_token),)).fetchone()
    if row is None or row[2] <= now:
        return None
    return connection.info.get(Grant, _NONE).get(row) or _remember(connection, hash, row)


def find_refresh(connection: Connection, now: float, token: str) -> tuple[Grant, bool] | None:
    """The grant behind a refresh token and whether the token was rotated out; None when it opens nothing."""
    row = connection.execute(_FIND_REFRESH, {"key": hashed(token)}).one_or_none()
    if row is None or row.revoked or row.expires <= now:
        return None
    return _read(row), row.used


def find_token(connection: Connection, now: float, token: str) -> Issued | None:
    """The access or refresh token in force, or None; one that was rotated out is not in force, and looking at it ends
    nothing."""
    access = find_grant(connection, now, token)
    if access is not None:
        whole = find_by_id(connection, now, access.id)
        life = BACKEND_LIFE if access.level == "system" else ACCESS_LIFE
        granted = whole.scopes if whole is not None else access.scopes
        return Issued(kind="access", grant=access, granted=granted, at=access.expires - life)
    found = find_refresh(connection, now, token)
    if found is None or found[1]:
        return None
    grant = found[0]
    return Issued(kind="refresh", grant=grant, granted=grant.scopes, at=grant.expires - REFRESH_LIFE)


def take_refresh(connection: Connection, now: float, token: str) -> bool:
    """Rotates the token out: true for one caller only."""
    return connection.execute(_TAKE_REFRESH, {"key": hashed(token)}).rowcount == 1


def revoke_grant(connection: Connection, now: float, id: str) -> None:
    """Ends the grant: every token of it opens nothing from now on."""
    connection.execute(update(grants).where(grants.c.id == id).values(revoked=True))


def revoke_token(connection: Connection, now: float, *, token: str, client_id: str) -> None:
    """RFC 7009: a refresh token ends its grant, an access token itself. A token of another client is left alone."""
    found = find_refresh(connection, now, token)
    if found is not None:
        if found[0].client_id == client_id:
            revoke_grant(connection, now, found[0].id)
        return
    grant = find_grant(connection, now, token)
    if grant is not None and grant.client_id == client_id:
        connection.execute(delete(access_tokens).where(access_tokens.c.hash == hashed(token)))


def find_by_id(connection: Connection, now: float, id: str) -> Grant | None:
    """The grant of that id unless it is revoked, or None."""
    row = connection.execute(_FIND_BY_ID, {"key": id}).one_or_none()
    return None if row is None or row.revoked else _read(row)


def any_faults(connection: Connection, now: float) -> bool:
    """Whether some grant has a fault of its launch."""
    return connection.execute(select(grants.c.id).where(grants.c.faults != "").limit(1)).first() is not None


def take_assertion(connection: Connection, now: float, *, client_id: str, jti: str, expires: float) -> bool:
    """Whether this ``jti`` was not seen before from this client; it is from now on."""
    connection.execute(_SWEEP_ASSERTIONS, {"at": now})
    key = {"client": client_id, "jti_hash": hashed(jti)}
    if connection.execute(_FIND_ASSERTION, {"by": client_id, "key": key["jti_hash"]}).one_or_none() is not None:
        return False
    connection.execute(_ADD_ASSERTION, {"expires": expires, **key})
    return True


_ADD_GRANT, _ADD_CODE, _ADD_ASSERTION = insert(grants), insert(codes), insert(assertions)
_ADD_ACCESS, _ADD_REFRESH = insert(access_tokens), insert(refresh_tokens)
_FIND_BY_ID = select(grants).where(grants.c.id == bindparam("key"))
_SWEEP_CODES = delete(codes).where(codes.c.expires < bindparam("at"))
_FIND_CODE = select(codes).where(codes.c.hash == bindparam("key"))
_TAKE_CODE = (
    update(codes)
    .where(codes.c.hash == bindparam("key"), codes.c.used.is_(False), codes.c.expires > bindparam("at"))
    .values(used=True)
)
_FIND_REFRESH = (
    select(grants, refresh_tokens.c.expires, refresh_tokens.c.used)
    .join_from(grants, refresh_tokens)
    .where(refresh_tokens.c.hash == bindparam("key"))
)
_TAKE_REFRESH = (
    update(refresh_tokens)
    .where(refresh_tokens.c.hash == bindparam("key"), refresh_tokens.c.used.is_(False))
    .values(used=True)
)
_SWEEP_ASSERTIONS = delete(assertions).where(assertions.c.expires < bindparam("at"))
_FIND_ASSERTION = select(assertions.c.expires).where(
    assertions.c.client == bindparam("by"), assertions.c.jti_hash == bindparam("key")
)
_FIND = (
    select(access_tokens.c.grant, access_tokens.c.scopes, access_tokens.c.expires)
    .join_from(grants, access_tokens)
    .where(access_tokens.c.hash == bindparam("hash"), grants.c.revoked.is_(False))
)
_FIND_TEXT = str(_FIND.compile(dialect=sqlite.dialect()))
_WHOLE = select(
    grants.c.id, grants.c.client, grants.c.context, grants.c.since, grants.c.faults, access_tokens.c.scopes,
    access_tokens.c.expires,
).join_from(grants, access_tokens).where(access_tokens.c.hash == bindparam("hash"))  # fmt: skip
_NONE: Mapping[tuple[Any, ...], Grant] = {}
_MANY = 4096
"""Grants that are remembered for one connection."""


def _remember(connection: Connection, hash: str, row: tuple[Any, ...]) -> Grant:
    known: dict[tuple[Any, ...], Grant] = connection.info.setdefault(Grant, {})
    if len(known) >= _MANY:
        known.clear()
    found = known[row] = _read(connection.execute(_WHOLE, {"hash": hash}).one())
    return found


def _read(row: Any) -> Grant:
    return Grant(
        id=row.id, client_id=row.client, scopes=scope_words.parse(row.scopes), context=parse_context(row.context),
        expires=getattr(row, "expires", 0.0), issued=row.since, session=getattr(row, "session", None),
        faults=tuple((getattr(row, "faults", None) or "").split()),
    )  # fmt: skip


def format_context(context: Context) -> str:
    """The context as JSON."""
    return json.dumps({name: getattr(context, name) for name in Context.__dataclass_fields__})


def parse_context(text: str) -> Context:
    """The inverse of ``format_context``."""
    members = json.loads(text)
    return Context(**{**members, "fhir_context": tuple(members.get("fhir_context") or ())})
