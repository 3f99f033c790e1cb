"""``outputs list|show`` and ``keys add|list|revoke``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform, usage


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    outputs = typer.Typer(help="What the models said, and what became of it.", no_args_is_help=True)
    outputs.command("list")(list_outputs)
    outputs.command("show")(show_output)
    outputs.command("feedback")(list_feedback)
    application.add_typer(outputs, name="outputs")
    keys = typer.Typer(help="API keys of this installation.", no_args_is_help=True)
    keys.command("add")(add_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    application.add_typer(keys, name="keys")


Ehr = Annotated[str | None, typer.Option(help="Only at this EHR.")]
Model = Annotated[str | None, typer.Option(help="Only of this model.")]
Version = Annotated[str | None, typer.Option(help="Only of this version.")]
State = Annotated[list[str] | None, typer.Option(help="Only in this state; repeatable.")]
Since = Annotated[str | None, typer.Option(metavar="INSTANT", help="Accepted at or after 2026-01-02T03:04:05Z.")]
Until = Annotated[str | None, typer.Option(metavar="INSTANT", help="Accepted before it.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")]


def perform_list(data: Path, verb: str, **filters: Any) -> Any:
    """Does the verb; a filter that is not understood is a matter of usage."""
    from gateway.outputs import delivery_verbs

    try:
        delivery_verbs.CHECKS[verb](filters)
    except ValueError as wrong:
        usage(str(wrong))
    return perform(data, verb, **filters)


def list_outputs(
    data: Data = DEFAULT_DATA, ehr: Ehr = None, model: Model = None, version: Version = None, state: State = None,
    patient: Annotated[str | None, typer.Option(metavar="Patient/ID", help="Only of this patient.")] = None,
    since: Since = None, until: Until = None, limit: Limit = 100, json: Json = False,
) -> None:  # fmt: skip
    """The newest outputs and their states."""
    from gateway.cli.printing import print_json, print_table

    found = perform_list(
        data, "outputs.list", ehr=ehr, model=model, version=version, state=state or [], patient=patient, since=since,
        until=until, limit=limit,
    )  # fmt: skip
    if json:
        return print_json(found)
    rows = [(o["id"], f"{o['model']} {o['version']}", o["ehr"], o["patient"], o["state"]) for o in found]
    return print_table("Outputs", ("id", "model", "EHR", "patient", "state"), rows)


def list_feedback(
    data: Data = DEFAULT_DATA, ehr: Ehr = None, model: Model = None, since: Since = None, until: Until = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the result as CSV on stdout.")] = False, json: Json = False,
) -> None:  # fmt: skip
    """What people did with the outputs and said of them, the oldest first: 45 CFR 170.315(b)(11)(ii)(C)."""
    from gateway.cli.printing import print_csv, print_json, print_table
    from gateway.outputs.feedback import MEMBERS, PAGE, check

    try:
        check({"since": since, "until": until})
    except ValueError as wrong:
        usage(str(wrong))
    rows: list[dict[str, Any]] = []
    page: list[dict[str, Any]] = []
    while not rows or len(page) == PAGE:
        after = rows[-1]["id"] if rows else 0
        page = perform(data, "outputs.feedback", after=after, ehr=ehr, model=model, since=since, until=until)
        rows += page
        if not page:
            break
    if json:
        return print_json(rows)
    table = [tuple(each[name] for name in MEMBERS) for each in rows]
    return print_csv(MEMBERS, table) if csv else print_table("Feedback", MEMBERS, table)


def show_output(
    id: Annotated[str, typer.Argument(help="The output's id.")], data: Data = DEFAULT_DATA, json: Json = False
) -> None:
    """One output's story: its verdict, what was written, each attempt, and what the EHR kept of it."""
    from gateway.cli.deliveries import print_story
    from gateway.cli.printing import console, print_json, print_table

    found = perform(data, "outputs.show", id=id)
    if json:
        return print_json(found)
    console.print(f"{found['model']} {found['version']} for {found['patient']} at {found['ehr']}: {found['state']}")
    lines = {
        "why not": found["refusal"]["text"] if found["refusal"] else None, "abstained": found["abstained"],
        "reason": found["reason"], "decided by": found["decided_by"],
        "would have sent": ", ".join(found["withheld"]),
    }  # fmt: skip
    for head, text in lines.items():
        if text:
            console.print(f"{head}: {text}", markup=False)
    rows = [
        (d["resource_type"], d["id"], d["version"], d["state"], d["attempts"], d["read_back"], ", ".join(d["losses"]))
        for d in found["deliveries"]
    ]
    print_table("Deliveries", ("type", "id", "version", "state", "attempts", "read back", "lost"), rows)
    for each in found["story"]:
        print_story(each)
    return None


def add_key(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; repeatable.")],
    ehr: Annotated[list[str] | None, typer.Option(help="Only at this EHR; repeatable. All when none is named.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; repeatable.")] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Make an API key; it is shown this once."""
    from gateway.cli.printing import console, print_json
    from gateway.people.apikeys import KeyRequestError, new_key

    try:
        new_key(id="0", name=name, scopes=tuple(scope))
    except KeyRequestError as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    made = perform(data, "keys.add", name=name, scopes=scope, ehrs=ehr or [], models=model or [])
    if json:
        return print_json(made)
    return console.print(f"key {made['id']} for {name}, shown once:\n{made['key']}", markup=False, soft_wrap=True)


def list_keys(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Every key, without its secret."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "keys.list")
    if json:
        return print_json(found)
    rows = [
        (
            key["id"], key["name"], " ".join(key["scopes"]), " ".join(key["ehrs"]) or "all",
            " ".join(key["models"]) or "all", "revoked" if key["revoked"] else "in force",
        )
        for key in found
    ]  # fmt: skip
    return print_table("API keys", ("id", "name", "scopes", "EHRs", "models", "state"), rows)


def revoke_key(
    id: Annotated[str, typer.Argument(help="The key's id.")], data: Data = DEFAULT_DATA, json: Json = False
) -> None:
    """End a key; it opens nothing from the next request on."""
    from gateway.cli.printing import console, print_json

    done = perform(data, "keys.revoke", id=id)
    return print_json(done) if json else console.print(f"key {id} is revoked", markup=False)
