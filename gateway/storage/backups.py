"""Edge: ``backup`` and ``restore``: what an installation knows, as one file, and an installation from one.

A backup holds everything that was acknowledged before it began. What an installation did after it is not in it: so
nothing that was under way then is sent again before it was looked for at the EHR, and nobody stays signed in.
"""

import asyncio
import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from gateway.installation import DATABASE_FILE, Installation, prepare
from gateway.keyring import FILE as KEYS
from gateway.keyring import KeyFileError, open_keyring, open_shared_keys
from gateway.people import links, sessions
from gateway.processes.server import read_server_file
from gateway.settings import Settings
from gateway.storage import archive, schema
from gateway.storage.archive import BackupRefused, Manifest
from gateway.storage.copying import copy_postgres, copy_sqlite, fill_postgres
from gateway.storage.database import Database, Sqlite, open_postgres, open_sqlite
from gateway.storage.leases import fix_fact
from gateway.storage.postgres import Postgres
from gateway.tables import leases
from migrations import REVISIONS
from writeback.tables import MOVING, deliveries, outputs

Arguments = Mapping[str, Any]

MEMBERS: Mapping[str, re.Pattern[str]] = {
    "sqlite": re.compile(r"gateway\.db|keys\.json|ehr-[a-z0-9_-]{1,64}\.db"),
    "postgresql": re.compile(r"[a-z0-9_]{1,63}\.copy|keys\.json"),
}
"""What a backup of each database holds. A settings file in it would name code to run, one of trusted keys who may sign."""


async def make(
    installation: Installation, target: Path, *, keys: bool, ehrs: Mapping[str, Database] | None = None
) -> dict[str, Any]:
    """A backup at ``target``: ``{"file", "bytes", "revision", "keys"}``. ``keys``: with the installation's own key file, where it
    has one; ``ehrs`` are the stores of sandbox EHRs, copied after the gateway's own, so that what it thinks delivered is in
    them. Raises BackupRefused."""
    made, database, namespace = time.time(), installation.database, installation.keyring.namespace
    revision = await database.run(schema.find_revision)
    own = installation.directory / KEYS
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as place:
            folder = Path(place)
            if isinstance(database, Postgres):
                await copy_postgres(database, folder)
            elif isinstance(database, Sqlite):
                await copy_sqlite(database, folder / DATABASE_FILE)
            for store in (ehrs or {}).values():
                if isinstance(store, Sqlite):
                    await copy_sqlite(store, folder / store.path.name)
            if keys and own.is_file():
                shutil.copyfile(own, folder / KEYS)
            said = Manifest(database=_kind(database), revision=str(revision), namespace=namespace, made=made)
            written = await asyncio.to_thread(archive.write, target, folder, said)
    except OSError as failure:
        raise BackupRefused("the backup could not be written: is there such a folder, with room in it?") from failure
    return {
        "file": str(target), "bytes": target.stat().st_size, "revision": revision, "keys": KEYS in written.members,
    }  # fmt: skip


async def make_as_asked(
    installation: Installation, arguments: Mapping[str, Any], *, ehrs: Mapping[str, Database] | None = None
) -> dict[str, Any]:  # fmt: skip
    """The verb: ``file`` (absolute) and ``keys``. Without a server, the stores of a sandbox are opened for it."""
    if ehrs is not None:
        return await make(installation, Path(arguments["file"]), keys=bool(arguments["keys"]), ehrs=ehrs)
    with contextlib.ExitStack() as opened:
        stores: dict[str, Database] = {}
        for path in installation.directory.glob("ehr-*.db"):
            stores[path.name] = store = open_sqlite(path)
            opened.callback(store.close)
        return await make(installation, Path(arguments["file"]), keys=bool(arguments["keys"]), ehrs=stores)


VERBS: Mapping[str, Callable[[Installation, Arguments], Coroutine[Any, Any, Any]]] = {"backups.make": make_as_asked}


def acts(
    installation: Installation, ehrs: Mapping[str, Database]
) -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:  # fmt: skip
    """The verb in a running server."""
    return {"backups.make": partial(make_as_asked, installation, ehrs=ehrs)}


def _kind(database: Database) -> str:
    return "postgresql" if isinstance(database, Postgres) else "sqlite"


def restore(source: Path, directory: Path, settings: Settings, *, keys: str | None) -> dict[str, Any]:
    """The installation that a backup holds, in ``directory`` or in the empty database that the settings name; what an SQLite
    directory had before is set aside. ``{"outputs", "doubtful", "revision", "aside"}``. Raises BackupRefused, KeyFileError,
    SchemaRefused, DatabaseAway."""
    if read_server_file(directory) is not None:
        raise BackupRefused("a server runs on this installation: `chartgate down` first")
    directory = prepare(directory)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".restore-") as place:
        folder = Path(place)
        manifest = archive.read(source, folder)
        _check(manifest, folder, directory, settings, keys)
        if settings.database_url is not None:
            return {**_into_postgres(settings.database_url, folder, manifest), "aside": None}
        return _into_directory(directory, folder, manifest)


def _check(manifest: Manifest, folder: Path, directory: Path, settings: Settings, keys: str | None) -> None:
    """Before anything is touched. Raises BackupRefused, KeyFileError."""
    wanted = "sqlite" if settings.database_url is None else "postgresql"
    if manifest.database != wanted:
        raise BackupRefused(f"the backup is of {manifest.database}, and this installation is on {wanted}")
    if not all(map(MEMBERS[manifest.database].fullmatch, manifest.members)):
        raise BackupRefused("the backup holds a file that no backup has: it was not made by chartgate backup")
    if manifest.revision not in REVISIONS:
        raise BackupRefused(f"the backup is at revision {manifest.revision}: restore it with the release that made it")
    if KEYS in manifest.members and settings.keys_file is None and keys is None:
        held = open_keyring(folder)
    elif settings.keys_file is None and keys is None and not (directory / KEYS).is_file():
        raise KeyFileError(
            "the backup holds no keys: put the installation's key file in the directory, or name it by keys_file"
        )
    else:
        held = open_shared_keys(directory, settings.keys_file or directory / KEYS, keys, shared=False).keyring
    if held.namespace != manifest.namespace:
        raise KeyFileError("the keys are not those of the backup: what is stored could not be opened")


def _into_directory(directory: Path, folder: Path, manifest: Manifest) -> dict[str, Any]:
    database = open_sqlite(folder / DATABASE_FILE)
    try:
        found = database.run_now(partial(settle_restored, namespace=manifest.namespace))
    finally:
        database.close()
    aside = _set_aside(directory, manifest)
    for name in manifest.members:
        (folder / name).rename(directory / name)
    return {**found, "revision": manifest.revision, "aside": aside}


def _set_aside(directory: Path, manifest: Manifest) -> str | None:
    """Moves what is there under the backup's names, with its logs, to a folder of its own."""
    names = [
        name + end for name in manifest.members for end in ("", "-wal", "-shm") if (directory / (name + end)).exists()
    ]
    if not names:
        return None
    aside = directory / f"before-restore-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside.mkdir(mode=0o700)
    for name in names:
        (directory / name).rename(aside / name)
    return aside.name


def _into_postgres(url: str, folder: Path, manifest: Manifest) -> dict[str, Any]:
    database = open_postgres(url)

    def fill(connection: Connection, now: float) -> dict[str, Any]:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
        if schema.find_revision(connection, now) is not None:
            raise BackupRefused("the database is not empty: restore into a new one, and point the replicas at it")
        schema.move(connection, now, to=manifest.revision)
        fill_postgres(connection.connection.driver_connection, folder)
        return settle_restored(connection, now, namespace=manifest.namespace)

    try:
        return {**database.run_now(fill), "revision": manifest.revision}
    finally:
        database.close()


def settle_restored(connection: Connection, now: float, *, namespace: str) -> dict[str, int]:
    """What a restored installation must not believe of the time since: that nothing was sent, that people are signed in,
    that a process holds a lease. Raises BackupRefused for another installation's."""
    names = set(schema.tables_of(connection))
    if leases.name in names:
        connection.execute(delete(leases))
        if fix_fact(connection, now, name="namespace", value=namespace) != namespace:
            raise BackupRefused("the database in the backup is another installation's than its manifest says")
    connection.execute(delete(sessions.sessions))
    connection.execute(delete(links.links))
    doubt = {"state": "in_doubt", "doubtful": True, "owner": None, "lease_until": None, "cause": "restored"}
    due = {"next_at": now + deliveries.c.quarantine, "changed": now}
    found = connection.execute(update(deliveries).where(MOVING).values(**doubt, **due)).rowcount
    return {"outputs": int(connection.scalar(select(func.count()).select_from(outputs)) or 0), "doubtful": found}
