"""Edge: one-time links, by which who started a sandbox comes in. Of a link only SHA-256 is kept."""

import json

from sqlalchemy import Column, Connection, Double, String, Table, Text, delete, insert, select

from gateway.people.sessions import hashed
from gateway.tables import metadata

LIFETIME = 600.0

links = Table(
    "gateway_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("expires", Double, nullable=False),
    Column("ehrs", Text, nullable=True),
)


def add_link(connection: Connection, now: float, token: str, ehrs: frozenset[str] = frozenset()) -> None:
    """Makes ``/enter?token=…`` work once within ten minutes, for a session that is bound to these EHRs. ``token`` has 256
    random bits."""
    connection.execute(delete(links).where(links.c.expires < now))
    bound = json.dumps(sorted(ehrs)) if ehrs else None
    connection.execute(insert(links).values(hash=hashed(token), expires=now + LIFETIME, ehrs=bound))


def take_link(connection: Connection, now: float, token: str) -> frozenset[str] | None:
    """Uses a link up: the EHRs that its session is bound to. None when it is unknown, used or late."""
    usable = (links.c.hash == hashed(token), links.c.expires > now)
    row = connection.execute(select(links.c.ehrs).where(*usable).with_for_update()).one_or_none()
    if row is None or connection.execute(delete(links).where(*usable)).rowcount != 1:
        return None
    return frozenset() if row.ehrs is None else frozenset(json.loads(row.ehrs))
