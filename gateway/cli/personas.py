"""``personas list|show|diff``."""

from typing import Annotated, Any

import typer

from gateway.cli.application import Json

Name = Annotated[str, typer.Argument(metavar="NAME", help="A persona; `chartgate personas list` names them.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    personas = typer.Typer(help="How the sandbox EHRs depart from the specifications.", no_args_is_help=True)
    personas.command("list")(listed)
    personas.command("show")(show)
    personas.command("diff")(diff)
    application.add_typer(personas, name="personas")


def persona_of(name: str) -> Any:
    """The persona of that name. Ends with a usage error that lists them."""
    from sandbox.personas import PERSONAS

    if name not in PERSONAS:
        raise typer.BadParameter(f"a persona is one of {', '.join(PERSONAS)}")
    return PERSONAS[name]


def listed(json: Json = False) -> None:
    """The personas, and by how many lines each departs from R4."""
    from gateway.cli.printing import print_json, print_table
    from sandbox.personas import PERSONAS

    if json:
        return print_json(
            [{"name": each.name, "title": each.title, "rules": len(each.rules)} for each in PERSONAS.values()]
        )
    rows = [(each.name, each.title, len(each.rules)) for each in PERSONAS.values()]
    return print_table("Personas", ("name", "stands for", "lines"), rows)


def show(name: Name, json: Json = False) -> None:
    """The lines of one persona, each with its source."""
    from gateway.cli.printing import print_json, print_table
    from sandbox.personas.comparing import shown

    persona = persona_of(name)
    rows = shown(persona)
    if json:
        rules = [{"about": about, "says": says, "source": source} for about, says, source in rows]
        return print_json({"name": persona.name, "title": persona.title, "rules": rules})
    return print_table(f"{persona.name}: {persona.title}", ("about", "says", "source"), rows)


def diff(one: Name, other: Name, json: Json = False) -> None:
    """Where two personas differ: one row each, what either says."""
    from gateway.cli.printing import print_json, print_table
    from sandbox.personas.comparing import differing

    first, second = persona_of(one), persona_of(other)
    rows = differing(first, second)
    if json:
        return print_json([{"about": about, first.name: says, second.name: says_too} for about, says, says_too in rows])
    return print_table(f"{first.name} and {second.name}", ("about", first.name, second.name), rows)
