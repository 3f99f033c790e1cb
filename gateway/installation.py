"""Edge: an installation is a directory (mode 0700) with its key file and its databases. Every verb names one."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import MetaData

from auth.client import tables as client_tables
from gateway import tables
from gateway.keyring import VARIABLE, KeyFile, KeyFileError, Keyring, open_key_file, open_shared_keys
from gateway.outputs import feedback
from gateway.people import apikeys, sessions
from gateway.schedules import tables as schedule_tables
from gateway.settings import Settings
from gateway.sites import evidence, history, live
from gateway.storage import purging, schema
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.storage.leases import fix_fact
from gateway.storage.opening import LARGE_PAGE
from gateway.storage.room import Room
from migrations import left_behind
from monitoring import samples as monitoring_samples
from monitoring import tables as monitoring_tables
from monitoring.alerting import tables as alerting_tables
from writeback import tables as writeback_tables
from writeback.afterwards import correcting
from writeback.ledger import attempts, recall_tables

DEFAULT_DIRECTORY = Path(".chartgate")
DATABASE_FILE = "gateway.db"

METADATA: Sequence[MetaData] = (
    tables.metadata,
    client_tables.metadata,
    writeback_tables.metadata,
    monitoring_tables.metadata,
    left_behind.metadata,
)
"""Every table of the gateway's database; ``migrations`` must lead to exactly these."""

assert {table.metadata for table in (attempts.attempts, correcting.corrections, recall_tables.recalls)} == {
    writeback_tables.metadata
}
assert monitoring_samples.samples.metadata is monitoring_tables.metadata
assert sessions.sessions.metadata is apikeys.keys.metadata is history.versions.metadata is tables.metadata
assert (
    evidence.shown.metadata
    is live.live.metadata
    is feedback.given.metadata
    is purging.purges.metadata
    is tables.metadata
)
assert schedule_tables.ticks.metadata is tables.metadata
assert alerting_tables.alerts.metadata is monitoring_tables.metadata


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """A directory that is open: its keys, its database, and the room on its disk where the database is a file there."""

    directory: Path
    keys: KeyFile
    database: Database
    room: Room | None = None

    @property
    def keyring(self) -> Keyring:
        """The keys as they are now: ask again rather than keep them."""
        return self.keys.keyring

    def close(self) -> None:
        self.database.close()


def prepare(directory: Path) -> Path:
    """Makes the directory, for its owner only, and returns it absolute."""
    directory = directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_uid == os.getuid():
        directory.chmod(0o700)
    return directory


def open_installation(directory: Path, *, keys_file: Path | None = None, keys: str | None = None) -> Installation:
    """Opens the installation, making what is missing; the keys are its own where none are given. Raises KeyFileError, and
    sqlite3's "database is locked" through SQLAlchemy when another process has it open; SchemaRefused for a database of a later
    release."""
    directory = prepare(directory)
    given = keys is not None or keys_file is not None
    held = open_shared_keys(directory, keys_file, keys, shared=False) if given else open_key_file(directory)
    place = directory / DATABASE_FILE
    room = Room(place)
    database = open_sqlite(place, page_size=LARGE_PAGE, room=room)
    _prepare(database, alone=True)
    return Installation(directory=directory, keys=held, database=database, room=room)


def open_replica(
    directory: Path, url: str, *, keys_file: Path | None = None, keys: str | None = None
) -> Installation:  # fmt: skip
    """The installation whose database is PostgreSQL (``postgresql://…``), open in any number of processes at once, with the
    keys that they share: ``keys`` (a document), else ``keys_file``, else the directory's. Raises KeyFileError, also for keys
    that are not this database's; SchemaRefused, DatabaseAway."""
    directory = prepare(directory)
    held = open_shared_keys(directory, keys_file, keys)
    database = open_postgres(url)
    _prepare(database, alone=False)
    try:
        namespace = held.keyring.namespace
        if database.run_now(partial(fix_fact, name="namespace", value=namespace)) != namespace:
            raise KeyFileError("the keys are not those of this database: give the ones it was first opened with")
    except BaseException:
        database.close()
        raise
    return Installation(directory=directory, keys=held, database=database)


def _prepare(database: Database, *, alone: bool) -> None:
    """Makes or checks the tables. Raises SchemaRefused; then the database is closed."""
    try:
        database.run_now(partial(schema.prepare, metadata=METADATA, alone=alone))
    except BaseException:
        database.close()
        raise


def open_as_told(directory: Path, settings: Settings, environment: Mapping[str, str]) -> Installation:
    """The installation on the database that the settings name. Raises as ``open_installation`` and ``open_replica`` do."""
    if settings.database_url is None:
        return open_installation(directory, keys_file=settings.keys_file, keys=environment.get(VARIABLE))
    return open_replica(
        directory, settings.database_url, keys_file=settings.keys_file, keys=environment.get(VARIABLE)
    )  # fmt: skip
