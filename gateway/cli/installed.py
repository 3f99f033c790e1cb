"""``doctor``."""

from pathlib import Path
from typing import Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("doctor")(doctor)


def doctor(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """This installation and this machine: what is there, and what to do about what is not. Exit 1 when something is."""
    from gateway.cli.printing import console, print_json

    report = examine(data)
    if json:
        print_json(report)
    else:
        for name, said in report.items():
            console.print(f"{name:<12} {said}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if report["problems"] else 0)


def examine(directory: Path) -> dict[str, Any]:
    """``namespace``, ``server``, versions, what could run HAPI, and ``problems``: sentences that say what to do."""
    import platform
    import shutil
    import sqlite3

    from gateway.installation import prepare
    from gateway.keyring import open_keyring
    from gateway.processes.server import read_server_file
    from gateway.sandbox_ehrs import hapi

    problems = []
    directory = prepare(directory)
    if shutil.disk_usage(directory).free < 256 * 2**20:
        problems.append("less than 256 MB are free where the installation lives: make room, or writes will be refused")
    running = read_server_file(directory)
    engine = hapi.engine_present()
    java = shutil.which("java") is not None and shutil.which("mvn") is not None
    return {
        "namespace": open_keyring(directory).namespace,
        "directory": str(directory),
        "server": running["url"] if running else None,
        "python": platform.python_version(),
        "sqlite": sqlite_verdict(sqlite3.sqlite_version),
        "hapi": "container engine" if engine else "Java and Maven" if java else "neither container engine nor JDK",
        "problems": problems,
    }


def sqlite_verdict(version: str) -> str:
    """SQLite 3.7.0 to 3.51.2 (but 3.50.7 and 3.44.6) can lose a commit when two connections reset the write-ahead log at
    once. Source: sqlite.org, release notes of 3.51.3. One exclusive connection, as here, cannot."""
    parts = tuple(int(part) for part in version.split("."))
    mended = (
        parts >= (3, 51, 3)
        or (parts[:2] == (3, 50) and parts >= (3, 50, 7))
        or (parts[:2] == (3, 44) and parts >= (3, 44, 6))
    )
    return version if mended else f"{version} (has the WAL-reset bug; out of reach here: one exclusive connection)"
