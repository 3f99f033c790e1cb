"""Edge: which model versions were ever installed here, a fact of the database each: those that have said nothing as well."""

from collections.abc import Iterable
from hashlib import sha256

from sqlalchemy import Connection, select

from gateway.storage.leases import fix_fact
from gateway.tables import facts

NAME = "model "
"""How the names of these facts begin; a digest follows, since models may be called longer than facts are."""
DIGITS = 48
Key = tuple[str, str]
"""Model and version."""


def record_all(connection: Connection, now: float, *, keys: Iterable[Key]) -> None:
    """Remembers for good that these were here."""
    for model, version in sorted(keys):
        said = f"{model}@{version}"
        fix_fact(connection, now, name=f"{NAME}{sha256(said.encode()).hexdigest()[:DIGITS]}", value=said)


def find_versions(connection: Connection, now: float, *, model: str) -> tuple[str, ...]:
    """The versions of a model that were ever installed here, in the order of their names."""
    said = connection.scalars(select(facts.c.value).where(facts.c.name.startswith(NAME)))
    found = (each.rpartition("@") for each in said)
    return tuple(sorted(version for id, _, version in found if id == model))
