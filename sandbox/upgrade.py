"""Edge: brings the tables of a store that an earlier Chartgate made to what they are now: the same versions, numbered by
the time of their change, and their terms made anew."""

from sqlalchemy import Connection

from r4 import codec, us_core
from sandbox.backlog import AT_ONCE, catch_up
from sandbox.driver import add, add_all, execute, positional
from sandbox.indexing import date_of, index, key, rows
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


ADDED = {type: tuple(key(type, name) for name in names) for type, names in us_core.PARAMETERS.items()}
"""Parameters that stores of an earlier Chartgate have no terms of."""
_KNOWN = ",".join(f"{type}.{name}" for type, names in us_core.PARAMETERS.items() for name in names)


def complete(connection: Connection, now: float, *, base: str) -> bool:
    """Makes the terms of parameters that were added since the store was made, once; whether there was anything to do.
    ``base`` is what the store is served at. What waits for its terms gets these with all others."""
    known = execute(connection, "SELECT value FROM fhir_settings WHERE name = 'parameters'").fetchone()
    if known is not None and known[0] == _KNOWN:
        return False
    reached = execute(connection, _REACHED).fetchone()[0]
    made = sum(_terms_of(connection, type, reached, base) for type in ADDED)
    execute(connection, "INSERT OR REPLACE INTO fhir_settings (name, value) VALUES ('parameters', ?)", (_KNOWN,))
    return made > 0


_REACHED = (
    "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM fhir_settings WHERE name = 'indexed'), "
    "(SELECT max(number) FROM fhir_terms), 0)"
)
"""The last change whose terms are made."""
_SOME = (
    "SELECT number, date, body FROM fhir_resources WHERE type = ? AND deleted = 0 AND number > ? AND number <= ? "
    "ORDER BY number LIMIT ?"
)


def _terms_of(connection: Connection, type: str, reached: int, base: str) -> int:
    """How many resources of the type got their terms of what was added."""
    seen, waiting = 0, execute(connection, _SOME, (type, 0, reached, AT_ONCE)).fetchall()
    while waiting:
        made = [
            row
            for number, date, body in waiting
            for row in rows(number, index(codec.reread(body), base=base), date)
            if row[1] in ADDED[type]
        ]
        add_all(connection, "fhir_terms", made)
        seen += len(waiting)
        waiting = execute(connection, _SOME, (type, waiting[-1][0], reached, AT_ONCE)).fetchall()
    return seen
