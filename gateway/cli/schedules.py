"""``schedules list|run|history``: scoring by the clock."""

import time
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform

Name = Annotated[str, typer.Argument(metavar="SITE/ID", help="The schedule's name, as `schedules list` shows it.")]
ENDED = ("done", "partial", "missed")


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    schedules = typer.Typer(help="Scoring by the clock, as site.toml declares it.", no_args_is_help=True)
    schedules.command("list")(list_schedules)
    schedules.command("run")(run)
    schedules.command("history")(history)
    application.add_typer(schedules, name="schedules")


def list_schedules(
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """What is in force since the last start of a server: next and last ticks. Exit 1 when a last tick did not end well."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "schedules.list", site=site)
    if json:
        print_json(found)
    else:
        rows = [
            (each["schedule"], each["ehr"], ", ".join(each["models"]), f"{each['cron']} {each['time_zone']}", each["next"][0],
             _told(each["last"]), each["counts"].get("missed", 0) + each["counts"].get("partial", 0))
            for each in found
        ]  # fmt: skip
        print_table("Schedules", ("schedule", "EHR", "models", "when", "next tick", "last tick", "missed"), rows)
    raise typer.Exit(1 if any(each["last"] and each["last"]["state"] in ("missed", "partial") for each in found) else 0)


def _told(tick: Any) -> str:
    if tick is None:
        return "none yet"
    return " ".join(word for word in (tick["tick"], tick["state"], tick["reason"]) if word)


def history(
    name: Name,
    missed: Annotated[bool, typer.Option("--missed", help="Only ticks that did not end well.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """The newest ticks of a schedule and what came of each."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "schedules.history", schedule=name, missed=missed, limit=limit)
    if json:
        return print_json(found)
    members = ("tick", "why", "state", "reason", "patients", "done", "failed", "runs", "ended")
    return print_table(f"Ticks of {name}", members, [tuple(each[member] for member in members) for each in found])


def run(
    name: Name,
    patience: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="Seconds to wait for its end; 0: do not.")
    ] = 60.0,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Ask for a tick now, beside those of the clock. A server takes it up. Exit 1 when it has not ended well in time."""
    from gateway.cli.printing import console, print_json

    asked = perform(data, "schedules.run", schedule=name)
    found, until = {**asked, "state": "waiting"}, time.monotonic() + patience
    while found["state"] not in ENDED and time.monotonic() < until:
        time.sleep(0.5)
        listed = perform(data, "schedules.history", schedule=name, limit=20)
        found |= next((each for each in listed if each["tick"] == asked["tick"]), {})
    print_json(found) if json else console.print(_told(found), markup=False)
    raise typer.Exit(0 if found["state"] == "done" or not patience else 1)
