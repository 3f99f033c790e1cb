"""A PostgreSQL server for the length of a test run: its own data directory, its own port, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import MetaData

from gateway.storage.database import open_postgres

INSTALL = "PostgreSQL is not installed; on Debian: apt-get install postgresql"
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/opt/postgresql*/bin", "/opt/homebrew/opt/postgresql*/bin")
START_SECONDS = 120.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
HASTY = {"fsync": "off", "full_page_writes": "off", "jit": "off", "wal_level": "minimal", "max_wal_senders": "0"}
"""Of a cluster that no power cut is tried on: what a killed process wrote is with the system all the same."""


class ClusterError(RuntimeError):
    """PostgreSQL is there but did not start; the text has its log."""


def binaries() -> Path | None:
    """The directory of ``initdb`` and ``postgres``, the newest version's, or None."""
    found = [
        place for pattern in PLACES for place in Path("/").glob(pattern.lstrip("/")) if (place / "initdb").exists()
    ]
    if found:
        return max(found, key=lambda place: [int(part) for part in place.parts if part.isdecimal()])
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@dataclass
class Cluster:
    """``database`` makes a new, empty database and gives its URL; ``drop`` removes it. ``emptied`` gives one with tables."""

    port: int
    crash: Callable[[], None]
    """Ends every server process at once, as a power cut would, and starts the server again."""
    _names: Iterator[int] = field(default_factory=count)
    _kept: dict[tuple[MetaData, ...], str] = field(default_factory=dict)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        name = f"test_{next(self._names)}"
        self._run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def emptied(self, *metadata: MetaData) -> str:
        """The URL of a database that has these tables and nothing in them. It is one for all who ask, each after the other:
        a database of its own with its tables costs a test a quarter of a second."""
        if metadata not in self._kept:
            self._kept[metadata] = self.database()
            open_postgres(self._kept[metadata], metadata=metadata).close()
        url = self._kept[metadata]
        rows = "; ".join(f"DELETE FROM {table}" for tables in metadata for table in reversed(tables.sorted_tables))
        with psycopg.connect(url, autocommit=True, options="-c lock_timeout=20s") as connection:
            connection.execute(rows.encode())
            for (name,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
                connection.execute(f"ALTER SEQUENCE {name} RESTART".encode())
        return url

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _owner() -> str | None:
    """PostgreSQL refuses to run as root; its own account is there when its package is."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def running(place: Path, *, hasty: bool = False) -> Iterator[Cluster]:
    """A cluster by the binaries in ``place``, stopped and removed at the end; a ``hasty`` one does not wait for the disk.
    Raises ClusterError."""
    settings = {**SETTINGS, **(HASTY if hasty else {})}
    owner = _owner()
    directory = Path(tempfile.mkdtemp(prefix="chartgate-postgres-"))
    data, port = directory / "data", _free_port()
    if owner is not None:
        shutil.chown(directory, owner)
    initdb = [str(place / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
    subprocess.run(
        [*initdb, "-E", "UTF8", "--locale=C"],
        user=owner,
        cwd=directory,
        check=True,
        capture_output=True,
        env=_environment(),
    )
    server = [_start(place, data, port, owner, settings)]

    def crash() -> None:
        _stop(server[0], "QUIT")
        server[0] = _start(place, data, port, owner, settings)

    try:
        yield Cluster(port=port, crash=crash)
    finally:
        _stop(server[0], "QUIT")
        shutil.rmtree(directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}


def _start(
    place: Path, data: Path, port: int, owner: str | None, settings: dict[str, str]
) -> "subprocess.Popen[bytes]":
    told = [f"--{name}={value}" for name, value in settings.items()]
    command = [str(place / "postgres"), "-D", str(data), "-p", str(port), *told]
    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig=QUIT", *command]  # it goes when the test run is killed
    log_file = data.parent / "log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, user=owner, cwd=data.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment()
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
            return process
        time.sleep(0.05)
    _stop(process, "QUIT")
    raise ClusterError(log_file.read_text()[-2000:])


def _stop(process: "subprocess.Popen[bytes]", how: str) -> None:
    if process.poll() is None:
        process.send_signal({"QUIT": 3, "INT": 2}[how])  # immediate, fast
    process.wait(120)
