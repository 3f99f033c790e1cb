"""Edge: at which revision a database is, and how it gets to another (Alembic; ``migrations``; docs/decisions/0008-migrations.md).

A new database is made as it is today. One of before there were revisions is brought to the first. A release runs on a database
of its own revision, and on a later one that says it still may: so releases N and N-1 work side by side while one replaces the
other. A release that needs more than there is says so where others use the database; an installation of one process moves it.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, MetaData, inspect, text

from gateway.storage.leases import find_fact, set_fact
from migrations import HEAD, HERE, REVISIONS
from writeback.ledger import upgrade
from writeback.tables import bodies

FIRST = "0001"
FACT = "oldest_release"
"""The fact that names the oldest revision whose release may use the database."""
_FACTS = "gateway_facts"


class SchemaRefused(RuntimeError):
    """This release and this database do not go together; the text says what to do."""


def find_revision(connection: Connection, now: float) -> str | None:
    """The revision of a database: None for an empty one, ``0000`` for one of before there were revisions."""
    names = tables_of(connection)
    if "alembic_version" in names:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "0000")
    return "0000" if "outputs" in names else None


def tables_of(connection: Connection) -> list[str]:
    """The names of the tables that are there."""
    return inspect(connection).get_table_names()


def prepare(connection: Connection, now: float, *, metadata: Sequence[MetaData], alone: bool) -> str:
    """Makes an empty database; moves an earlier one up where this process is ``alone`` with it. Returns its revision. Raises
    SchemaRefused."""
    if connection.dialect.name == "postgresql":  # of several processes at once one does it
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
    found = find_revision(connection, now)
    if found is None:
        for each in metadata:
            each.create_all(connection)
        _stamp(connection, now)
        return HEAD
    if found > HEAD:
        return _later(connection, now, found)
    if found < HEAD and not alone:
        raise SchemaRefused(
            f"the database is at revision {found} and this release needs {HEAD}: run `chartgate migrate` with this release "
            "first; the one before goes on meanwhile"
        )
    return found if found == HEAD else move(connection, now, to=HEAD)


def move(connection: Connection, now: float, *, to: str) -> str:
    """Takes a database up or down to a revision, in the transaction that is open. Raises SchemaRefused for a revision that
    there is not."""
    from alembic import command
    from alembic.config import Config

    if to not in REVISIONS:
        raise SchemaRefused(f"there is no such revision: there is {FIRST} to {HEAD}")
    found = find_revision(connection, now) or "0000"
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE))
    configuration.attributes["connection"] = connection
    if to < found:
        _check_known(found)
        command.downgrade(configuration, to)
    elif found < FIRST <= to:
        _mend(connection, now)
        command.upgrade(configuration, FIRST)
    if to > found:
        command.upgrade(configuration, to)
    _note_oldest(connection, now, to)
    return to


def _mend(connection: Connection, now: float) -> None:
    """What the first revision cannot do by adding: an outbox of before 0.3 becomes that of today."""
    if "deliveries" in tables_of(connection):
        bodies.create(connection, checkfirst=True)
        upgrade.upgrade(connection, now)


def _check_known(found: str) -> None:
    if found not in REVISIONS:
        raise SchemaRefused(f"the database is at revision {found}, of a later release: take it down with that release")


def _later(connection: Connection, now: float, found: str) -> str:
    oldest = find_fact(connection, now, name=FACT) or found
    if oldest > HEAD:
        raise SchemaRefused(
            f"the database is at revision {found}, and the oldest release that may use it is that of {oldest}; this one is of "
            f"{HEAD}: install a later release, or take the database down with the one that took it up"
        )
    return found


def _stamp(connection: Connection, now: float) -> None:
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    _note_oldest(connection, now, HEAD)


def _note_oldest(connection: Connection, now: float, revision: str) -> None:
    if _FACTS in tables_of(connection):
        set_fact(connection, now, name=FACT, value=oldest_of(revision))


def oldest_of(revision: str, place: Path = HERE / "versions") -> str:
    """What the file of a revision says about the oldest release that may use it. Raises SchemaRefused."""
    for path in place.glob(f"{revision}_*.py"):
        line = next(
            line for line in path.read_text().splitlines() if line.startswith("revision, down_revision, oldest")
        )
        return line.rpartition(",")[2].strip(" \"'")
    raise SchemaRefused(f"there is no such revision: the last is {HEAD}")
