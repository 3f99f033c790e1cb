"""``deliveries list|show|resend``."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform
from gateway.cli.outputs import Ehr, Limit, Model, Since, State, Until, Version, perform_list

Id = Annotated[str, typer.Argument(help="The delivery's id.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    deliveries = typer.Typer(
        help="What was sent to the EHRs, resource by resource; dead letters.", no_args_is_help=True
    )
    deliveries.command("list")(list_deliveries)
    deliveries.command("show")(show_delivery)
    deliveries.command("resend")(resend_delivery)
    application.add_typer(deliveries, name="deliveries")


def list_deliveries(
    data: Data = DEFAULT_DATA, ehr: Ehr = None, model: Model = None, version: Version = None, state: State = None,
    output: Annotated[str | None, typer.Option(help="Only of this output.")] = None,
    type: Annotated[str | None, typer.Option(help="Only of this resource type.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only dead letters: rejected, or given up.")] = False,
    since: Since = None, until: Until = None, limit: Limit = 100, json: Json = False,
) -> None:  # fmt: skip
    """The newest deliveries and their states."""
    from gateway.cli.printing import print_json, print_table

    found = perform_list(
        data, "deliveries.list", ehr=ehr, model=model, version=version, output=output, type=type, since=since,
        until=until, limit=limit, state=["rejected", "dead"] if dead else state or [],
    )  # fmt: skip
    if json:
        return print_json(found)
    rows = [
        (each["delivery"], each["resource_type"], each["ehr"], f"{each['model']} {each['model_version']}", each["state"],
         each["attempts"], _why(each))
        for each in found
    ]  # fmt: skip
    return print_table("Deliveries", ("id", "type", "EHR", "model", "state", "attempts", "last answer"), rows)


def _why(shown: Mapping[str, Any]) -> str | None:
    """The EHR's last status and what was made of it."""
    return " ".join(str(word) for word in (shown["status"], shown["cause"]) if word is not None) or None


def show_delivery(id: Id, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """One delivery's story: what, where, when, each attempt and what the EHR answered."""
    from gateway.cli.printing import print_json

    found = perform(data, "deliveries.show", id=id)
    return print_json(found) if json else print_story(found)


def print_story(found: Mapping[str, Any]) -> None:
    """A delivery and its history."""
    from gateway.cli.printing import console, print_table

    place = f"{found['resource_type']}/{found['id']}" if found["id"] else found["resource_type"]
    due = found["next_at"] if found["state"] in ("ready", "in_doubt") else None
    lines = {
        "state": found["state"], "to": f"{found['ehr']}, by {found['strategy']}",
        "of": f"{found['model']} {found['model_version']}", "output": found["output"], "version": found["version"],
        "accepted": found["since"], "changed": found["changed"], "next try": due, "lost": ", ".join(found["losses"]),
        "read back": "no" if found["state"] == "delivered" and not found["read_back"] else None,
    }  # fmt: skip
    console.print(f"{place}  ({found['delivery']})", markup=False, soft_wrap=True)
    for head, text in lines.items():
        if text:
            console.print(f"  {head:<9} {text}", markup=False, soft_wrap=True)
    rows = [
        (each["at"], each["attempt"], each["event"], each["status"], each["cause"], ", ".join(each["issues"]) or None)
        for each in found["history"]
    ]
    if rows:
        print_table("Attempts", ("when", "attempt", "what", "status", "cause", "EHR's codes"), rows)


def resend_delivery(id: Id, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Send a dead letter again. While the gateway runs it is planned anew by what the EHR takes now."""
    from gateway.cli.printing import console, print_json

    done = perform(data, "deliveries.resend", id=id)
    return (
        print_json(done) if json else console.print(f"{done['resource_type']} is {done['state']} again", markup=False)
    )
