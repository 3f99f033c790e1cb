"""Edge: stored secrets under a new key. A part at a time, so that no work is long; what is done twice is done once."""

from os import urandom
from typing import Any

from sqlalchemy import Connection, Row, select, update

from auth.client.encryption import NONCE_BYTES, Cipher, Place
from auth.client.registry import list_ehrs, save_ehr
from auth.client.tables import launches, pending

PART = 100
"""Launches of one work."""
SEALED = ("context", "access", "refresh")


def reseal_ehrs(connection: Connection, now: float, *, cipher: Cipher) -> None:
    """Secrets and private keys of registrations, sealed anew."""
    for ehr in list_ehrs(connection, now, cipher=cipher):
        save_ehr(connection, now, ehr=ehr, cipher=cipher)


def reseal_launches(connection: Connection, now: float, *, cipher: Cipher, after: str) -> str | None:
    """Seals what another key than the current one sealed, in the launches whose ids come after ``after``. The last id that
    was looked at, None when there was none. Raises SealBroken."""
    rows = connection.execute(
        select(launches).where(launches.c.id > after).order_by(launches.c.id).limit(PART).with_for_update()
    ).all()
    for row in rows:
        if changed := _changed(row, cipher):
            connection.execute(update(launches).where(launches.c.id == row.id).values(changed))
    return rows[-1].id if rows else None


def _changed(row: Row[Any], cipher: Cipher) -> dict[str, bytes]:
    found = {name: getattr(row, name) for name in SEALED if getattr(row, name) is not None}
    return {
        name: anew(sealed, Place(ehr=row.ehr, table=launches.name, row=row.id, column=name), cipher)
        for name, sealed in found.items()
        if cipher.key_id(sealed) != cipher.current
    }


def anew(sealed: bytes, place: Place, cipher: Cipher) -> bytes:
    """The same under the current key. Raises SealBroken."""
    return cipher.seal(cipher.open(sealed, place), place, nonce=urandom(NONCE_BYTES))


def find_waiting_keys(connection: Connection, now: float, *, cipher: Cipher) -> frozenset[str]:
    """The ids of the keys that sealed launches which have begun: those live ten minutes and are not sealed anew."""
    rows = connection.execute(select(pending.c.body).where(pending.c.expires >= now))
    return frozenset(cipher.key_id(row.body) for row in rows)
