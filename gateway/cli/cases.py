"""``case list|run``."""

from typing import Annotated

import typer

from gateway.cli.application import Json


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    group = typer.Typer(help="Failures that happened, reproduced in the sandbox.", no_args_is_help=True)
    group.command("list")(list_cases)
    group.command("run")(run_case)
    application.add_typer(group, name="case")


def list_cases(json: Json = False) -> None:
    """The cases, and the page of each."""
    from gateway.cases import cases
    from gateway.cli.printing import print_json, print_table

    if json:
        return print_json([{"case": each.id, "title": each.title, "page": each.page} for each in cases()])
    return print_table(
        "Cases", ("case", "what happened", "page"), [(each.id, each.title, each.page) for each in cases()]
    )


def run_case(
    name: Annotated[str, typer.Argument(help="The case; chartgate case list names them.")], json: Json = False
) -> None:
    """Reproduce a failure, and show the signal that would have caught it. Exit 1 when it was not caught."""
    from dataclasses import asdict

    from gateway.cases import cases
    from gateway.cli.printing import console, print_json, stderr

    known = {each.id: each for each in cases()}
    if name not in known:
        raise typer.BadParameter(f"the case must be one of {', '.join(known)}")
    with stderr.status(known[name].title):
        told = known[name].run()
    if json:
        found = asdict(told)
        print_json({**found, "with": found.pop("with_")})
    else:
        console.print(f"{known[name].title} ({known[name].page})\n", markup=False, style="bold")
        for head, lines in (("Unseen", told.without), ("Seen here", told.with_)):
            console.print(head)
            for line in lines:
                console.print(f"  {line}", markup=False, soft_wrap=True)
        console.print(f"\nThe signal: {told.signal}, {'raised' if told.caught else 'NOT raised'}", markup=False)
    raise typer.Exit(0 if told.caught else 1)
