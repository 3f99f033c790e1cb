"""``models compare``."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform


def register(models: typer.Typer) -> None:
    """Adds the command to the group ``models``."""
    models.command("compare")(compare)


def compare(
    one: Annotated[str, typer.Argument(metavar="MODEL@A", help="A version, say the one that is live.")],
    other: Annotated[str, typer.Argument(metavar="MODEL@B", help="Another, say the one in shadow beside it.")],
    site: Annotated[str | None, typer.Option(help="At the EHRs of this site only.")] = None,
    since: Annotated[str | None, typer.Option(help="From this date or instant on; 90 days when absent.")] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--models", help="A folder of model folders; repeatable.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """What two versions said of the same charts at the same time. Exit 1 when there is no such chart."""
    from gateway.cli.printing import console, print_json, print_table
    from gateway.pages import comparison

    if "@" not in one or "@" not in other:
        raise typer.BadParameter("name two versions: MODEL@A MODEL@B")
    folders = [str(folder.absolute()) for folder in models or ()]
    found = perform(data, "models.compare", one=one, other=other, site=site, since=since, models=folders)
    if json:
        print_json(found)
    elif found["pairs"]:
        console.print(f"{found['model']}: {found['pairs']} charts since {found['since'][:10]}", markup=False)
        if found["few"]:
            console.print("That is few: intervals are wide.", markup=False)
        for sheet in comparison.sheets(found):
            print_table(sheet.title, sheet.heads, sheet.rows)
    else:
        console.print(
            "No chart was scored by both at the same time. Declare the second version beside the first with policy "
            '"shadow" in site.toml.', markup=False,
        )  # fmt: skip
    raise typer.Exit(0 if found["pairs"] else 1)
