"""Edge: an installation is a directory (mode 0700) with its key file and its databases. Every verb names one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData

from auth.client import tables as client_tables
from gateway import apikeys, sessions, tables
from gateway.database import Database, open_postgres, open_sqlite
from gateway.keyring import KeyFile, Keyring, open_key_file
from gateway.sites import evidence, history
from monitoring import samples as monitoring_samples
from monitoring import tables as monitoring_tables
from monitoring import upgrade as monitoring_upgrade
from monitoring.alerting import tables as alerting_tables
from writeback import attempts, correcting, recall_tables, upgrade
from writeback import tables as writeback_tables

DEFAULT_DIRECTORY = Path(".chartgate")
DATABASE_FILE = "gateway.db"

METADATA: Sequence[MetaData] = (
    tables.metadata,
    client_tables.metadata,
    writeback_tables.metadata,
    monitoring_tables.metadata,
)
"""Every table of the gateway's database; ``migrations`` must lead to exactly these."""

assert {table.metadata for table in (attempts.attempts, correcting.corrections, recall_tables.recalls)} == {
    writeback_tables.metadata
}
assert monitoring_samples.samples.metadata is monitoring_tables.metadata
assert sessions.sessions.metadata is apikeys.keys.metadata is history.versions.metadata is tables.metadata
assert evidence.shown.metadata is tables.metadata
assert alerting_tables.alerts.metadata is monitoring_tables.metadata


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """A directory that is open: its keys and its database."""

    directory: Path
    keys: KeyFile
    database: Database

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


def open_installation(directory: Path) -> Installation:
    """Opens the installation, making what is missing. Raises KeyFileError, and sqlite3's "database is locked" through
    SQLAlchemy when another process has it open."""
    directory = prepare(directory)
    keys = open_key_file(directory)
    database = open_sqlite(directory / DATABASE_FILE, metadata=METADATA)
    database.run_now(upgrade.upgrade)
    database.run_now(monitoring_upgrade.upgrade)
    return Installation(directory=directory, keys=keys, database=database)


def open_replica(directory: Path, url: str) -> Installation:
    """The installation whose database is PostgreSQL (``postgresql://…``), open in any number of processes at once; the
    directory has the key file that they share. Raises KeyFileError, SQLAlchemy's OperationalError."""
    directory = prepare(directory)
    keys = open_key_file(directory)
    database = open_postgres(url, metadata=METADATA)
    database.run_now(upgrade.upgrade)
    database.run_now(monitoring_upgrade.upgrade)
    return Installation(directory=directory, keys=keys, database=database)
