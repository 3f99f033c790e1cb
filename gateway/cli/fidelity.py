"""``fidelity``: what feeds and charts are like, measured."""

import typer

from gateway.cli import profiles


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    group = typer.Typer(help="Data fidelity: profile a feed, shape training data like it.", no_args_is_help=True)
    profiles.register(group)
    application.add_typer(group, name="fidelity")
