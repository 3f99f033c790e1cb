"""Edge: brings the tables of a store that an earlier Chartgate made to what they are now: the same versions, numbered by
the time of their change, and their terms made anew."""

from sqlalchemy import Connection

from r4 import codec
from sandbox.backlog import catch_up
from sandbox.driver import add, execute, positional
from sandbox.indexing import date_of
from sandbox.tables import metadata, resources, versions

_MEMBERS = "type, id, version, deleted, updated, body"


def upgrade(connection: Connection, now: float, *, base: str) -> bool:
    """Whether there was anything to do. The store's terms of that time have no ``parameter``."""
    columns = {row[1] for row in execute(connection, "PRAGMA table_info(fhir_terms)")}
    if not columns or "parameter" in columns:
        return False
    for (name,) in execute(
        connection, "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'fhir_%'"
    ).fetchall():
        execute(connection, f'DROP INDEX "{name}"')
    execute(connection, "DROP TABLE fhir_terms")
    for name in ("fhir_resources", "fhir_versions"):
        execute(connection, f"ALTER TABLE {name} RENAME TO earlier_{name}")
    execute(connection, "DROP TABLE IF EXISTS fhir_moved")
    metadata.create_all(connection)
    _copy(connection, base)
    catch_up(connection, base=base)
    for name in ("fhir_resources", "fhir_versions"):
        execute(connection, f"DROP TABLE earlier_{name}")
    return True


def _copy(connection: Connection, base: str) -> None:
    parts = [f"SELECT {current} AS current, {_MEMBERS} FROM earlier_{name}" for current, name in _TABLES]  # noqa: S608
    every = execute(connection, f"{' UNION ALL '.join(parts)} ORDER BY updated, version")
    for number, (current, *members) in enumerate(every, start=1):
        if not current:
            add(connection, _ADD_VERSION, [(number, *members)])
            continue
        type, deleted, body = members[0], members[3], members[5]
        said = {"resourceType": type} if deleted else codec.parse(body)
        add(connection, _ADD, [(number, *members, date_of(said, base=base))])


_TABLES = ((1, "fhir_resources"), (0, "fhir_versions"))
_ADD, _ADD_VERSION = positional(resources), positional(versions)
