"""Edge: launches in the gateway's database, before and after the callback. Secrets are sealed, states only hashed."""

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from os import urandom
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from auth.client.encryption import NONCE_BYTES, Cipher, Place
from auth.client.errors import GrantEnded, LaunchError, SealBroken
from auth.client.launch import LIFETIME, PendingLaunch
from auth.client.tables import launches, pending
from auth.client.tokens import LaunchContext, Tokens

LEASE = 15.0
"""Seconds one holder may take to refresh before another may try: longer than the request's own time limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A launch that succeeded. ``fhir_user`` comes from a validated id_token or is None; ``scopes`` were granted."""

    id: str
    ehr: str
    patient: str | None
    encounter: str | None
    fhir_user: str | None
    scopes: str
    context: LaunchContext
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshLease:
    """This caller alone may refresh now. ``generation`` is what it replaces."""

    tokens: Tokens
    generation: str


def hashed(secret: str) -> str:
    """SHA-256 in hex: what is kept of a secret of 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def save_pending(connection: Connection, now: float, *, begun: PendingLaunch, browser: str, cipher: Cipher) -> None:
    """Keeps a begun launch for ten minutes, bound to the ``browser`` secret that its cookie holds."""
    row = hashed(begun.state)
    body = json.dumps({name: value for name, value in asdict(begun).items() if name not in ("state", "ehr")}).encode()
    place = Place(ehr=begun.ehr, table=pending.name, row=row, column="body")
    connection.execute(delete(pending).where(pending.c.expires < now))
    connection.execute(
        insert(pending).values(
            state_hash=row, ehr=begun.ehr, browser_hash=hashed(browser), expires=now + LIFETIME,
            body=cipher.seal(body, place, nonce=urandom(NONCE_BYTES)),
        )
    )  # fmt: skip


def take_pending(
    connection: Connection, now: float, *, state: str, ehr: str, browser: str, cipher: Cipher
) -> PendingLaunch:
    """The begun launch of this state, EHR and browser, usable once. Raises LaunchError: a state that is unknown, used,
    late, of another EHR or of another browser is refused alike, and only the right browser uses it up."""
    row = hashed(state)
    owner = (pending.c.state_hash == row, pending.c.ehr == ehr, pending.c.browser_hash == hashed(browser))
    found = connection.execute(select(pending).where(*owner)).one_or_none()
    taken = connection.execute(delete(pending).where(*owner)).rowcount
    if found is None or taken != 1 or found.expires < now:
        raise LaunchError(
            "This sign-in is unknown here: it was used already, took too long, or began in another browser.",
            "Launch the app again from the EHR, and allow it to keep cookies.",
            code="invalid_state",
        )
    body = json.loads(cipher.open(found.body, Place(ehr=ehr, table=pending.name, row=row, column="body")))
    return PendingLaunch(state=state, ehr=ehr, **{**body, "asked": tuple(body["asked"])})


def save_launch(
    connection: Connection, now: float, *, id: str, ehr: str, tokens: Tokens, context: LaunchContext,
    fhir_user: str | None, cipher: Cipher,
) -> None:  # fmt: skip
    """Keeps a new launch with its tokens."""
    sealed = cipher.seal(json.dumps(asdict(context)).encode(), _place(ehr, id, "context"), nonce=urandom(NONCE_BYTES))
    connection.execute(
        insert(launches).values(
            id=id, ehr=ehr, patient=context.patient, encounter=context.encounter, fhir_user=fhir_user, context=sealed,
            since=now, **_seal(ehr, id, tokens, cipher),
        )
    )  # fmt: skip


def find_launch(connection: Connection, now: float, *, id: str, cipher: Cipher) -> Launch | None:
    """A launch without its tokens, or None."""
    row = connection.execute(select(launches).where(launches.c.id == id)).one_or_none()
    if row is None:
        return None
    context = json.loads(cipher.open(row.context, _place(row.ehr, id, "context")))
    for member in ("fhir_context", "missing"):
        context[member] = tuple(context[member])
    return Launch(
        id=id, ehr=row.ehr, patient=row.patient, encounter=row.encounter, fhir_user=row.fhir_user, scopes=row.scopes,
        context=LaunchContext(**context), since=row.since,
    )  # fmt: skip


def load_tokens(connection: Connection, now: float, *, id: str, cipher: Cipher) -> Tokens:
    """The current tokens of a launch. Raises GrantEnded when there are none any more."""
    row = connection.execute(select(launches).where(launches.c.id == id)).one_or_none()
    if row is None or row.access is None:
        raise GrantEnded("This launch has ended: launch again from the EHR.")
    return _open(row, cipher)


def take_refresh(
    connection: Connection, now: float, *, id: str, refused: str | None, cipher: Cipher
) -> Tokens | RefreshLease | None:
    """What to do for a token: use the saved one, refresh (this caller alone holds the lease), or wait (None).
    Raises GrantEnded when the grant has ended or cannot be refreshed."""
    row = connection.execute(select(launches).where(launches.c.id == id).with_for_update()).one_or_none()
    if row is None or row.access is None:
        raise GrantEnded("This launch has ended: launch again from the EHR.")
    tokens = _open(row, cipher)
    if tokens.fresh(now, refused=refused):
        return tokens
    if tokens.refresh is None:
        raise GrantEnded("The EHR's token has ended and there is none to renew it: launch again from the EHR.")
    if row.refreshing_until > now:
        return None
    connection.execute(update(launches).where(launches.c.id == id).values(refreshing_until=now + LEASE))
    return RefreshLease(tokens=tokens, generation=row.generation)


def save_refresh(
    connection: Connection, now: float, *, id: str, lease: RefreshLease, tokens: Tokens, cipher: Cipher
) -> Tokens:
    """Keeps the renewed tokens and ends the lease. When the row has moved on meanwhile, the newer tokens stay and are
    returned."""
    row = connection.execute(select(launches).where(launches.c.id == id).with_for_update()).one_or_none()
    if row is None or row.access is None:
        raise GrantEnded("This launch has ended: launch again from the EHR.")
    if row.generation != lease.generation:
        return _open(row, cipher)
    values = {**_seal(row.ehr, id, tokens, cipher), "refreshing_until": 0.0}
    connection.execute(update(launches).where(launches.c.id == id).values(values))
    return tokens


def release_refresh(connection: Connection, now: float, *, id: str, lease: RefreshLease) -> None:
    """Ends a lease that came to nothing, so that the next caller need not wait it out."""
    mine = (launches.c.id == id, launches.c.generation == lease.generation)
    connection.execute(update(launches).where(*mine).values(refreshing_until=0.0))


def end_launch(connection: Connection, now: float, *, id: str, generation: str | None = None) -> None:
    """Drops the tokens of a launch; with ``generation``, only if nobody renewed them meanwhile."""
    mine = [launches.c.id == id] + ([] if generation is None else [launches.c.generation == generation])
    connection.execute(update(launches).where(*mine).values(access=None, refresh=None, refreshing_until=0.0))


def take_tokens(connection: Connection, now: float, *, id: str, cipher: Cipher) -> tuple[str, Tokens | None] | None:
    """The EHR and the tokens of a launch, dropped here as they are taken, so that they may be revoked there. None when it
    had none; no tokens when what is stored does not open: it is dropped all the same."""
    row = connection.execute(select(launches).where(launches.c.id == id).with_for_update()).one_or_none()
    if row is None or row.access is None:
        return None
    end_launch(connection, now, id=id)
    try:
        return row.ehr, _open(row, cipher)
    except SealBroken:
        return row.ehr, None


def end_launches(connection: Connection, now: float, *, ehr: str) -> None:
    """Drops the tokens of every launch of an EHR, and the launches there that have begun."""
    connection.execute(
        update(launches).where(launches.c.ehr == ehr).values(access=None, refresh=None, refreshing_until=0.0)
    )
    connection.execute(delete(pending).where(pending.c.ehr == ehr))


def _seal(ehr: str, id: str, tokens: Tokens, cipher: Cipher) -> dict[str, Any]:
    """The token columns of a row."""

    def sealed(column: str, value: str) -> bytes:
        return cipher.seal(value.encode(), _place(ehr, id, column), nonce=urandom(NONCE_BYTES))

    return {
        "access": sealed("access", tokens.access),
        "refresh": None if tokens.refresh is None else sealed("refresh", tokens.refresh),
        "expires": tokens.expires,
        "scopes": tokens.scopes,
        "generation": hashed(tokens.access),
    }


def _open(row: Row[Any], cipher: Cipher) -> Tokens:
    tokens = Tokens(
        access=cipher.open(row.access, _place(row.ehr, row.id, "access")).decode(),
        expires=row.expires,
        scopes=row.scopes,
    )
    if row.refresh is None:
        return tokens
    return replace(tokens, refresh=cipher.open(row.refresh, _place(row.ehr, row.id, "refresh")).decode())


def _place(ehr: str, id: str, column: str) -> Place:
    return Place(ehr=ehr, table=launches.name, row=id, column=column)
