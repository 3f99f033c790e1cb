"""Edge: what was filed, as works of the storage seam."""

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from sandbox.personas.tables import filed

_KNOWN = select(filed.c.digest).where(filed.c.digest == bindparam("digest"))
_KEEP = insert(filed).on_conflict_do_nothing()


def was_filed(connection: Connection, now: float, digest: str) -> bool:
    """Whether this came before."""
    return connection.scalar(_KNOWN, {"digest": digest}) is not None


def file(connection: Connection, now: float, digest: str) -> None:
    """Remembers that it came."""
    connection.execute(_KEEP, {"digest": digest, "at": now})
