"""``recall MODEL@VERSION``."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform, usage

POLL = 0.25
MOVING = ("waiting", "retracting")


def register(application: typer.Typer) -> None:
    """Adds this command to the application."""
    application.command("recall")(recall)


def recall(
    target: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="The model version that is withdrawn.")],
    reason: Annotated[str, typer.Option(help="Why; it is written beside every output that is taken back.")],
    data: Data = DEFAULT_DATA,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds to watch; the recall goes on in the server whoever watches.")
    ] = 600.0,
    json: Json = False,
) -> None:
    """Withdraw a model version: nothing more of it is taken or sent, and what stands in charts is entered in error.

    Exit code 1 when something still stands; the report lists it. Run it again to see how far it is."""
    model, at, version = target.rpartition("@")
    if not (at and model and version):
        raise typer.BadParameter("name the model and its version: MODEL@VERSION")
    _check(model, version, reason)
    begun = perform(data, "recalls.start", model=model, version=version, reason=reason)
    found = _watch(data, begun["id"], patience)
    _report(found, json)
    raise typer.Exit(0 if found["state"] == "done" and not found["standing"] else 1)


def _check(model: str, version: str, reason: str) -> None:
    """Ends with exit code 2 where that is no model, version or reason."""
    from gateway.outputs.recall_verbs import read_said

    try:
        read_said({"model": model, "version": version, "reason": reason})
    except ValueError as wrong:
        usage(str(wrong))


def _watch(data: Path, id: str, patience: float) -> dict[str, Any]:
    """Until it is done, nobody is there to do it, or patience ends."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from gateway.cli.printing import stderr
    from gateway.processes.server import read_server_file

    until = time.monotonic() + patience
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task("recall", total=None)
        while True:
            found: dict[str, Any] = perform(data, "recalls.show", id=id)
            total = sum(found["counts"].values())
            moving = sum(found["counts"].get(state, 0) for state in MOVING)
            progress.update(task, total=total or None, completed=total - moving, description=found["state"])
            if found["state"] == "done" or time.monotonic() >= until or read_server_file(data) is None:
                return found
            time.sleep(POLL)


def _report(found: dict[str, Any], json: bool) -> None:
    from gateway.cli.printing import console, print_json, print_table

    if json:
        return print_json(found)
    counts = ", ".join(f"{number} {state}" for state, number in found["counts"].items()) or "nothing was found"
    console.print(f"{found['model']}@{found['version']}: {found['state']}; {counts}", markup=False)
    unsearched = [ehr for ehr, word in found["ehrs"].items() if word == "cannot"]
    if unsearched:
        console.print(f"not searched beyond the ledger (no such search there): {', '.join(unsearched)}", markup=False)
    if found["items"]:
        rows = [
            (each["ehr"], each["location"] or each["resource_type"], each["state"], each["cause"])
            for each in found["items"]
        ]
        print_table("Still standing", ("EHR", "where", "state", "why"), rows)
        if found["standing"] > len(rows):
            console.print(f"and {found['standing'] - len(rows)} more: the page /recalls/{found['id']} shows them all")
    if found["state"] != "done":
        console.print("The recall stands and goes on while the gateway runs: start it, and run this again to look.")
    return None
