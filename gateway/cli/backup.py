"""``backup`` and ``restore``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform
from gateway.cli.serve import Config, settings_of

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("backup")(backup)
    application.command("restore")(restore)


def backup(
    file: File,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave the installation's key file out: keep it elsewhere.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """A consistent copy of the installation, while its server runs or not. It holds patient data, and the installation's own
    key file where it has one: keep it as you keep those. Mode 0600."""
    from gateway.cli.printing import console, print_json

    if not file.absolute().parent.is_dir():
        could_not("there is no folder for FILE: make it, or name another place")
    made = perform(data, "backups.make", file=str(file.absolute()), keys=not without_keys)
    if json:
        return print_json(made)
    keys = "with" if made["keys"] else "without"
    return console.print(f"{file}: {made['bytes']} bytes, revision {made['revision']}, {keys} keys", markup=False)


def restore(file: File, data: Data = DEFAULT_DATA, config: Config = None, json: Json = False) -> None:
    """The installation that a backup holds, in DIR or in the empty PostgreSQL database that the settings name. What DIR had is
    set aside. What was under way is looked for at the EHR before it is sent again; everybody signs in anew."""
    from gateway.cli.printing import console, print_json

    done = _restore(file, data, settings_of(data, config))
    if json:
        return print_json(done)
    aside = f"; what was there is in {done['aside']}" if done["aside"] else ""
    return console.print(
        f"{done['outputs']} outputs, {done['doubtful']} deliveries to be looked for, revision {done['revision']}{aside}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _restore(file: Path, data: Path, settings: Any) -> dict[str, Any]:
    import os

    from gateway.keyring import VARIABLE
    from gateway.storage import backups
    from gateway.storage.archive import BackupRefused
    from gateway.storage.failures import DatabaseAway
    from gateway.storage.schema import SchemaRefused

    try:
        return backups.restore(file, data, settings, keys=os.environ.get(VARIABLE))
    except (BackupRefused, SchemaRefused, DatabaseAway) as refused:
        return dict(could_not(str(refused)))
