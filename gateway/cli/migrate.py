"""``migrate``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not
from gateway.cli.serve import Config, settings_of


def register(application: typer.Typer) -> None:
    """Adds this command to the application."""
    application.command("migrate")(migrate)


def migrate(
    direction: Annotated[
        str, typer.Argument(metavar="[up|down]", help="down is one revision, or as far as --to.")
    ] = "up",
    to: Annotated[str | None, typer.Option(metavar="REVISION", help="As far as there, such as 0001.")] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: Json = False,
) -> None:
    """Bring the database's schema up to this release, or down again. On PostgreSQL while replicas run: up before they are
    replaced by this release, down after they were replaced by the one before. Down takes away what the later revision added."""
    from gateway.cli.printing import console, print_json

    if direction not in ("up", "down"):
        raise typer.BadParameter("say up or down")
    moved = _move(data, settings_of(data, config), direction, to)
    if json:
        return print_json(moved)
    same = moved["from"] == moved["to"]
    text = f"the database is at revision {moved['to']}" if same else f"revision {moved['from']} → {moved['to']}"
    return console.print(text, markup=False)


def _move(data: Path, settings: Any, direction: str, to: str | None) -> dict[str, Any]:
    from gateway.storage import migrating
    from gateway.storage.failures import DatabaseAway
    from gateway.storage.schema import SchemaRefused

    try:
        return migrating.migrate(data, settings, down=direction == "down", to=to)
    except (SchemaRefused, DatabaseAway) as refused:
        return dict(could_not(str(refused)))
