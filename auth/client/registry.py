"""Edge: the EHRs this gateway is registered with, in the gateway's database. Client secret and private key are stored sealed."""

import json
from base64 import b64decode, b64encode
from dataclasses import asdict
from os import urandom
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from auth.client.ehr import RegisteredEhr as RegisteredEhr
from auth.client.ehr import is_name, origin
from auth.client.encryption import NONCE_BYTES, Cipher, Place
from auth.client.tables import ehrs


def save_ehr(connection: Connection, now: float, *, ehr: RegisteredEhr, cipher: Cipher) -> None:
    """Registers an EHR, or replaces the declaration of that name. An issuer belongs to one name (IntegrityError)."""
    declaration = {name: value for name, value in asdict(ehr).items() if name not in ("name", "issuer", "secret")}
    secret = None
    if ehr.secret is not None:
        secret = cipher.seal(ehr.secret.encode(), _place(ehr.name, "secret"), nonce=urandom(NONCE_BYTES))
    if ehr.key is not None:
        sealed = cipher.seal(ehr.key.encode(), _place(ehr.name, "key"), nonce=urandom(NONCE_BYTES))
        declaration["key"] = b64encode(sealed).decode()
    row = {"issuer": ehr.issuer, "declaration": json.dumps(declaration), "secret": secret}
    if connection.execute(update(ehrs).where(ehrs.c.name == ehr.name).values(row)).rowcount == 0:
        connection.execute(insert(ehrs).values(name=ehr.name, since=now, **row))


def find_ehr(connection: Connection, now: float, *, name: str, cipher: Cipher) -> RegisteredEhr | None:
    """The EHR of this name, or None."""
    if not is_name(name):
        return None
    row = connection.execute(select(ehrs).where(ehrs.c.name == name)).one_or_none()
    return None if row is None else _read(row, cipher)


def find_named(connection: Connection, now: float, *, name: str) -> tuple[str, str] | None:
    """Issuer and client id that this name stands for, without opening what is sealed; None when nothing has it."""
    row = connection.execute(select(ehrs.c.issuer, ehrs.c.declaration).where(ehrs.c.name == name)).one_or_none()
    return None if row is None else (row.issuer, json.loads(row.declaration)["client_id"])


def find_issuer(connection: Connection, now: float, *, issuer: str, cipher: Cipher) -> RegisteredEhr | None:
    """The EHR whose issuer is this string byte for byte, or None. Compared here and not by the database, whose
    collation may fold case or trailing blanks."""
    if origin(issuer) is None:
        return None
    rows = connection.execute(select(ehrs).where(ehrs.c.issuer == issuer))
    found = [row for row in rows if row.issuer == issuer]
    return _read(found[0], cipher) if found else None


def list_ehrs(connection: Connection, now: float, *, cipher: Cipher) -> tuple[RegisteredEhr, ...]:
    """Every registered EHR, by name."""
    return tuple(_read(row, cipher) for row in connection.execute(select(ehrs).order_by(ehrs.c.name)))


def remove_ehr(connection: Connection, now: float, *, name: str) -> bool:
    """Forgets an EHR; its launches stay, but nothing can be asked of it any more. False when it was not there."""
    return connection.execute(delete(ehrs).where(ehrs.c.name == name)).rowcount > 0


def _read(row: Row[Any], cipher: Cipher) -> RegisteredEhr:
    declaration: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(row.declaration).items()
    }
    secret = None if row.secret is None else cipher.open(row.secret, _place(row.name, "secret")).decode()
    if declaration.get("key") is not None:
        declaration["key"] = cipher.open(b64decode(declaration["key"]), _place(row.name, "key")).decode()
    return RegisteredEhr(name=row.name, issuer=row.issuer, secret=secret, **declaration)


def _place(name: str, column: str) -> Place:
    return Place(ehr=name, table=ehrs.name, row=name, column=column)
